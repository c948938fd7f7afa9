"""POST /register: a client introduces itself (RFC 7591). What it says of itself is shown as what it is: unverified."""

import asyncio
import secrets
import time
from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from edge.client_address import ClientAddresses
from edge.oauth.answers import TooLarge, WrongMediaType, error_answer, json_answer, read_body
from edge.oauth.clients import OAuthClient
from edge.oauth.parameters import BadParameters
from edge.oauth.registration import BadRegistration, Registration, RegistrationRules
from edge.oauth.secret_tokens import digest_of
from edge.oauth.store import GrantStore
from edge.recorder import Recorder
from shared import log_in_keys
from shared.errors import BrokerUnavailable
from shared.settings import Settings

log = structlog.get_logger()

_BODY_BYTES_MAX = 16 * 1024
_WINDOW_S = 60.0


class _Kept(msgspec.Struct, kw_only=True, forbid_unknown_fields=False):
    """What is kept of a client."""

    client_name: str
    redirect_uris: list[str]
    auth_method: str
    grant_types: list[str]
    secret_sha256: str | None = None
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None


_kept = msgspec.json.Decoder(_Kept)


class RegisterEndpoint:
    """Registers clients, and reads them back."""

    def __init__(self, store: GrantStore, addresses: ClientAddresses, recorder: Recorder, settings: Settings) -> None:
        self._store = store
        self._addresses = addresses
        self._recorder = recorder
        self._per_min_max = settings.registrations_per_min_max
        self._rules = RegistrationRules(settings)
        self._body_read_s = settings.body_read_s

    async def __call__(self, request: Request) -> Response:
        """Answer one request: 201 with what was registered, or an error of RFC 7591 section 3.2.2."""
        try:
            response = await self._answer(request)
        except BrokerUnavailable as away:
            return error_answer(503, "temporarily_unavailable", away.detail, retry_after_s=away.retry_after_s or 2)
        except Exception:
            log.exception("registration not answered")
            return error_answer(500, "server_error", "The request failed inside ToolMesh.")
        if response.status_code >= 400:
            self._recorder.denied("register_refused", None, "", bytes(response.body).decode("utf-8", "replace")[:200])
        return response

    async def _answer(self, request: Request) -> Response:
        address = self._addresses.of(request.scope)
        counter = log_in_keys.rate("register", digest_of(f"address|{address}")[:32])
        if wait_s := await self._store.attempt([counter], _WINDOW_S, [self._per_min_max]):
            return error_answer(429, "temporarily_unavailable", "Too many registrations.", retry_after_s=wait_s)
        try:
            async with asyncio.timeout(self._body_read_s):
                body = await read_body(request, _BODY_BYTES_MAX, "application/json")
            return await self._register(self._rules.read(body))
        except TooLarge:
            return _refused(413, "invalid_client_metadata", f"The body has more than {_BODY_BYTES_MAX} bytes.")
        except TimeoutError:
            return _refused(408, "invalid_client_metadata", "The body did not come in time.")
        except WrongMediaType as wrong:
            return _refused(415, "invalid_client_metadata", str(wrong))
        except BadParameters as bad:
            return _refused(400, "invalid_client_metadata", str(bad))
        except BadRegistration as bad:
            return _refused(400, bad.error, str(bad))

    async def _register(self, wanted: Registration) -> Response:
        client_id = f"tmc_{secrets.token_urlsafe(24)}"
        method = wanted.token_endpoint_auth_method or ""
        secret = secrets.token_urlsafe(32) if method.startswith("client_secret_") else None
        kept = _Kept(
            client_name=wanted.client_name or "",
            redirect_uris=wanted.redirect_uris,
            auth_method=method,
            grant_types=list(wanted.grant_types or ()),
            secret_sha256=digest_of(secret) if secret else None,
            jwks=wanted.jwks,
            jwks_uri=wanted.jwks_uri,
        )
        if not await self._store.register(client_id, msgspec.json.encode(kept)):
            return error_answer(503, "temporarily_unavailable", "No further clients can register now.", retry_after_s=3600)
        self._recorder.access("registered", "", client_id)
        answer: dict[str, Any] = {"client_id": client_id, "client_id_issued_at": int(time.time())}
        if secret:
            answer |= {"client_secret": secret, "client_secret_expires_at": 0}
        return json_answer(201, answer | msgspec.to_builtins(wanted))

    async def find(self, client_id: str) -> OAuthClient | None:
        """A client that registered itself. Raises BrokerUnavailable."""
        raw = await self._store.client(client_id)
        if raw is None:
            return None
        kept = _kept.decode(raw)
        return OAuthClient(
            client_id=client_id,
            client_name=kept.client_name,
            kind="registered",
            redirect_uris=tuple(kept.redirect_uris),
            auth_methods=(kept.auth_method,),
            secret_sha256=kept.secret_sha256,
            grant_types=tuple(kept.grant_types),
            jwks=msgspec.json.encode(kept.jwks) if kept.jwks is not None else b"",
            jwks_uri=kept.jwks_uri or "",
        )


async def closed(request: Request) -> Response:
    """Where registration is off."""
    return error_answer(
        403, "access_denied", "Clients can't register here. Ask the operator for a client id, or bring a metadata document."
    )


def _safe(text: str) -> str:
    return "".join(c for c in text if 0x20 <= ord(c) <= 0x7E and c not in '"\\')[:200]


def _refused(status: int, error: str, description: str) -> Response:
    return error_answer(status, error, _safe(description))
