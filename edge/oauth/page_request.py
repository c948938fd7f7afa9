"""What the endpoints that a person sees have in common: what goes wrong becomes a page, and is recorded."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qs, urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import Response

from edge.oauth.answers import TooLarge, read_body
from edge.oauth.client_document import DocumentRefused
from edge.oauth.parameters import BadParameters, read_fields
from edge.oauth.server import Answer, AuthorizeError
from edge.pages.error import ErrorView, error_page
from edge.recorder import Recorder
from shared.errors import BrokerUnavailable, TooBusy

log = structlog.get_logger()

_FORM_BYTES_MAX = 16 * 1024

_UNKNOWN_CLIENT = (
    "The program that sent you here is not known to this server, or wants its answer sent to an address that is not its "
    "own. Nothing was given to it."
)
_HAS_ITS_ANSWER = "The program that sent you here has its answer."
_GO_BACK = "Close this page, and go back to it."
_START_AGAIN = "Go back to the program that sent you here, and connect again."


class _TooSlow(Exception):
    """The form did not come in time."""


class PageRequests:
    """Takes requests of browsers in."""

    def __init__(self, recorder: Recorder, *, https: bool, body_read_s: float) -> None:
        self._recorder = recorder
        self.https = https
        self._body_read_s = body_read_s

    async def answer(self, request: Request, page: str, serve: Callable[[Request], Awaitable[Response]]) -> Response:
        """Have a request answered; what is refused is recorded as `<page>_refused`, and shown without quoting what was
        sent."""
        try:
            return await serve(request)
        except BadParameters as bad:
            return self.refuse(page, 400, "invalid_request", str(bad))
        except AuthorizeError:
            return self.refuse(page, 400, "invalid_request", _UNKNOWN_CLIENT)
        except DocumentRefused as refused:
            status = 429 if refused.retry_after_s is not None else 400
            return self.refuse(page, status, "invalid_client", refused.public, retry_after_s=refused.retry_after_s)
        except TooLarge:
            return self.refuse(page, 413, "invalid_request", "The form is larger than it can be.")
        except _TooSlow:
            return self.refuse(page, 408, "invalid_request", "The form did not come in time.")
        except TooBusy as busy:
            return self.refuse(page, 503, "temporarily_unavailable", busy.detail, retry_after_s=busy.retry_after_s)
        except BrokerUnavailable as away:
            return self.refuse(page, 503, "temporarily_unavailable", away.detail, retry_after_s=away.retry_after_s or 2)
        except Exception:
            log.exception("page not answered", page=page)
            return self._page(500, "server_error", "The request failed inside ToolMesh.", None)

    def refuse(self, page: str, status: int, error: str, what: str, *, retry_after_s: float | None = None) -> Response:
        """A page that says what happened, recorded."""
        self._recorder.denied(f"{page}_refused", None, "", f"{error}: {what}")
        return self._page(status, error, what, retry_after_s)

    def too_many(self, wait_s: float) -> Response:
        """A page for an address that asks too often; a flood is not recorded one by one."""
        return self._page(429, "temporarily_unavailable", "There are too many requests from your network.", wait_s)

    def expired(self, page: str) -> Response:
        """The form is of a request that is over, or of another browser."""
        return self.refuse(page, 403, "access_denied", "This page has expired, or belongs to another browser.")

    def done(self) -> Response:
        """The form was sent a second time, and what it asked for is done."""
        view = ErrorView(status=200, title="That is done", what=_HAS_ITS_ANSWER, next_step=_GO_BACK)
        return error_page(view, https=self.https)

    def turned_away(self, refused: Answer) -> Response:
        """The client's request is refused by a redirect to it, recorded."""
        query = parse_qs(urlsplit(refused.location or "").query)
        self._recorder.denied("authorize_refused", None, "", (query.get("error") or ["refused"])[0])
        return redirected(refused)

    async def read_form(self, request: Request) -> Mapping[str, str]:
        """The fields of a form. Raises what `answer` makes a page of."""
        try:
            async with asyncio.timeout(self._body_read_s):
                body = await read_body(request, _FORM_BYTES_MAX)
        except TimeoutError as cause:
            raise _TooSlow from cause
        return read_fields(body)

    def _page(self, status: int, error: str, what: str, retry_after_s: float | None) -> Response:
        headers = {"retry-after": str(max(1, math.ceil(retry_after_s)))} if retry_after_s is not None else {}
        view = ErrorView(status=status, title="This did not work", what=what, next_step=_START_AGAIN, code=error)
        return error_page(view, https=self.https, headers=headers)


def redirected(answer: Answer) -> Response:
    """A redirect to the client."""
    return lead_to(answer.location or "")


def lead_to(url: str, headers: Mapping[str, str] | None = None) -> Response:
    """Send a browser on. 303, so that a form is never posted on to there (RFC 9700 section 4.12)."""
    return Response(
        status_code=303,
        headers={"location": url, "cache-control": "no-store", "referrer-policy": "no-referrer", **(headers or {})},
    )
