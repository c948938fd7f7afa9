"""The demo's HTTP API, as such APIs are: a token, pages, errors with a message, a key against doing things twice."""

import csv
import hmac
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from toolmesh.demo.desk import STATUSES, TEXT_CHARS_MAX, Desk, Full, Ticket

_PER_PAGE, _PER_PAGE_MAX = 20, 100
_BODY_BYTES_MAX = 64 * 1024
_NUMBER_DIGITS_MAX = 9

_Answer = Callable[[Request], Awaitable[Response]]


def demo_api(token: str) -> Starlette:
    """The application. `token`: what its callers have to show (RFC 6750, `Authorization: Bearer`)."""
    api = _Api(Desk(), token)
    return Starlette(
        routes=[
            Route("/v1/status", api.known(api.status), methods=["GET"]),
            Route("/v1/tickets", api.known(api.list), methods=["GET"]),
            Route("/v1/tickets", api.known(api.create), methods=["POST"]),
            Route("/v1/tickets.csv", api.known(api.export), methods=["GET"]),
            Route("/v1/tickets/{number}", api.known(api.get), methods=["GET"]),
            Route("/v1/tickets/{number}", api.known(api.delete), methods=["DELETE"]),
            Route("/v1/tickets/{number}/status", api.known(api.set_status), methods=["PUT"]),
            Route("/v1/tickets/{number}/comments", api.known(api.comment), methods=["POST"]),
        ],
        exception_handlers={HTTPException: _told},
    )


async def _told(request: Request, error: Exception) -> Response:
    said = cast(HTTPException, error)
    return JSONResponse({"error": {"message": said.detail, "code": f"E{said.status_code}"}}, said.status_code)


class _Api:
    def __init__(self, desk: Desk, token: str) -> None:
        self._desk = desk
        self._token = f"Bearer {token}".encode()

    def known(self, answer: _Answer) -> _Answer:
        """The same, for who shows the token."""

        async def answered(request: Request) -> Response:
            shown = request.headers.get("Authorization", "").encode()
            if not hmac.compare_digest(shown, self._token):
                raise HTTPException(401, "The token is missing, or is another one.")
            try:
                return await answer(request)
            except Full as full:
                raise HTTPException(409, str(full)) from None

        return answered

    async def status(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "open": len(self._desk.list("open", None))})

    async def list(self, request: Request) -> Response:
        status = request.query_params.get("status")
        if status is not None and status not in STATUSES:
            raise HTTPException(422, f"`status` is one of {', '.join(STATUSES)}.")
        found = self._desk.list(status, request.query_params.get("site"))
        size = _whole(request.query_params.get("per_page"), _PER_PAGE, _PER_PAGE_MAX)
        page = _whole(request.query_params.get("page"), 1, 10**_NUMBER_DIGITS_MAX)
        shown = found[(page - 1) * size : page * size]
        pages = max(-(-len(found) // size), 1)
        body = {"tickets": [ticket.summary for ticket in shown], "total": len(found)}
        return JSONResponse(body, headers={"X-Total-Pages": str(pages)})

    async def create(self, request: Request) -> Response:
        given = await _body(request)
        sku = _text(given, "sku") if given.get("sku") is not None else None
        key = request.headers.get("Idempotency-Key", "")
        ticket = self._desk.add(_text(given, "title"), _text(given, "site"), sku, key[:200])
        return JSONResponse(ticket.summary, 201)

    async def export(self, request: Request) -> Response:
        file = io.StringIO()
        rows = csv.writer(file)
        rows.writerow(["id", "title", "site", "sku", "status"])
        rows.writerows([t.id, t.title, t.site, t.sku or "", t.status] for t in self._desk.list(None, None))
        return Response(file.getvalue(), media_type="text/csv")

    async def get(self, request: Request) -> Response:
        ticket = self._ticket(request)
        return JSONResponse({**ticket.summary, "comments": ticket.comments})

    async def delete(self, request: Request) -> Response:
        self._desk.remove(self._ticket(request))
        return Response(status_code=204)

    async def set_status(self, request: Request) -> Response:
        ticket, status = self._ticket(request), _text(await _body(request), "status")
        if status not in STATUSES:
            raise HTTPException(422, f"`status` is one of {', '.join(STATUSES)}.")
        ticket.status = status
        return JSONResponse(ticket.summary)

    async def comment(self, request: Request) -> Response:
        ticket = self._ticket(request)
        self._desk.comment(ticket, _text(await _body(request), "text"))
        return JSONResponse({"id": ticket.id, "comments": len(ticket.comments)}, 201)

    def _ticket(self, request: Request) -> Ticket:
        text = request.path_params["number"]
        is_number = text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS_MAX
        found = self._desk.find(int(text)) if is_number else None
        if found is None:
            raise HTTPException(404, "There is no such ticket.")
        return found


async def _body(request: Request) -> dict[str, Any]:
    raw = b""
    async for piece in request.stream():
        raw += piece
        if len(raw) > _BODY_BYTES_MAX:
            raise HTTPException(413, f"A body has at most {_BODY_BYTES_MAX} bytes.")
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise HTTPException(400, "The body must be a JSON object.")
    return given


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= TEXT_CHARS_MAX:
        raise HTTPException(422, f"`{name}` must be a text of 1 to {TEXT_CHARS_MAX} characters.")
    return value


def _whole(text: str | None, usual: int, most: int) -> int:
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) <= _NUMBER_DIGITS_MAX + 1) or not 1 <= int(text) <= most:
        raise HTTPException(422, f"`page` and `per_page` are whole numbers from 1; `per_page` is at most {_PER_PAGE_MAX}.")
    return int(text)
