"""What the endpoints that clients ask have in common: the body, who asks, floods, and a broker that is away."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import Response

from edge.client_address import ClientAddresses
from edge.oauth.answers import TooLarge, WrongMediaType, error_answer, read_body
from edge.oauth.assertion import unverified_client
from edge.oauth.client_document import DocumentRefused
from edge.oauth.client_keys import ClientKeys
from edge.oauth.clients import Clients
from edge.oauth.flood import Flood
from edge.oauth.parameters import FIELDS_MAX, BadParameters, Parameters, read_basic, read_parameters, uses_basic
from edge.oauth.transaction import Transaction
from edge.recorder import Recorder
from shared.errors import BrokerUnavailable
from shared.settings import Settings

log = structlog.get_logger()

_BODY_BYTES_MAX = 64 * 1024
_CHALLENGE = 'Basic realm="ToolMesh"'
"""For a client that used this scheme, and no other (RFC 6749 section 5.2): browsers would ask a person for it."""
_AGAIN_S = 30

Serve = Callable[[Parameters, Transaction, dict[str, str], str], Awaitable[Response]]
"""`(parameters, transaction, headers, address)`: answers a request whose client was looked up."""


class ClientRequests:
    """Takes requests of clients in."""

    def __init__(
        self,
        clients: Clients,
        client_keys: ClientKeys,
        addresses: ClientAddresses,
        recorder: Recorder,
        settings: Settings,
    ) -> None:
        self._clients = clients
        self._client_keys = client_keys
        self._addresses = addresses
        self._recorder = recorder
        self._failures = Flood(settings.token_failures_per_min_max)
        self._body_read_s = settings.body_read_s

    async def take(self, request: Request, endpoint: str, serve: Serve) -> Response:
        """Read a request and have it answered. Refused ones are counted by address, and recorded as `…_refused`."""
        address = self._addresses.of(request.scope)
        if wait_s := self._failures.wait_s(address):
            return error_answer(429, "temporarily_unavailable", "Too many refused requests.", retry_after_s=wait_s)
        transaction = Transaction()
        try:
            async with asyncio.timeout(self._body_read_s):
                body = await read_body(request, _BODY_BYTES_MAX)
            if body.count(b"&") >= FIELDS_MAX:
                raise TooLarge
            parameters = read_parameters(body)
            await self._look_up(transaction, request, parameters, address)
            response = await serve(parameters, transaction, dict(request.headers), address)
        except WrongMediaType as wrong:
            response = error_answer(415, "invalid_request", str(wrong))
        except BadParameters as bad:
            response = error_answer(400, "invalid_request", str(bad))
        except TooLarge:
            response = error_answer(413, "invalid_request", f"At most {_BODY_BYTES_MAX} bytes, and {FIELDS_MAX} fields.")
        except TimeoutError:
            response = error_answer(408, "invalid_request", "The body did not come in time.")
        except DocumentRefused as refused:
            response = _undescribed(refused)
        except BrokerUnavailable as away:
            return error_answer(503, "temporarily_unavailable", away.detail, retry_after_s=away.retry_after_s or 2)
        except Exception:
            log.exception("request of a client not answered", endpoint=endpoint)
            return error_answer(500, "server_error", "The request failed inside ToolMesh.")
        if response.status_code >= 400:
            self._failures.add(address)
            if not transaction.recorded:
                self._recorder.denied(f"{endpoint}_refused", None, "", _why(response))
        if response.status_code == 401 and uses_basic(request.headers.get("authorization")):
            response.headers["www-authenticate"] = _CHALLENGE
        return response

    async def _look_up(self, transaction: Transaction, request: Request, parameters: Parameters, address: str) -> None:
        """Who asks, as far as the request says it."""
        basic = transaction.basic = read_basic(request.headers.get("authorization"))
        sent = parameters.values
        ways = [basic is not None, "client_secret" in sent, "client_assertion" in sent]
        if sum(ways) > 1:
            raise BadParameters("Authenticate in one way, not in several.")
        if basic is not None and sent.get("client_id", basic.client_id) != basic.client_id:
            raise BadParameters("The client id of the body is not that of the Authorization header.")
        client_id, key_id = basic.client_id if basic is not None else sent.get("client_id"), None
        if "client_assertion" in sent:
            subject, key_id = unverified_client(sent["client_assertion"])
            if client_id is not None and subject is not None and client_id != subject:
                raise BadParameters("The client id is not that of the assertion.")
            client_id = subject
        if client_id:
            transaction.client = await self._clients.find(client_id, asked_by=address)
        if transaction.client is not None and "client_assertion" in sent:
            transaction.client_keys = await self._client_keys.keys_for(transaction.client, key_id)


def _undescribed(refused: DocumentRefused) -> Response:
    """A client that is told that it is not known gives its connection up; one whose host is away only waits."""
    if refused.temporary:
        wait_s = refused.retry_after_s or _AGAIN_S
        return error_answer(503, "temporarily_unavailable", refused.public, retry_after_s=wait_s)
    return error_answer(401, "invalid_client", "The client's metadata document can't be used.")


def _why(response: Response) -> str:
    """The error of an answer, for the record: it is one of ours, and quotes nothing that was sent."""
    return bytes(response.body).decode("utf-8", "replace")[:200]
