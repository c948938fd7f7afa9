"""A list that comes page by page (MCP, server utilities, "Pagination"), bounded in pages and in what a cursor may be."""

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import structlog

from shared.errors import UpstreamBadResponse

log = structlog.get_logger()

_CURSOR_CHARS_MAX = 4096

AskForPage = Callable[[str, bytes], Awaitable[tuple[bytes, bool]]]
"""`(method, params) -> (result, modern)`: sends one list request with these members as params; `modern`: the era."""


class Page(msgspec.Struct):
    """What is looked at of a page; the list itself is found under the member that the method has it in."""

    tools: list[msgspec.Raw] = []
    prompts: list[msgspec.Raw] = []
    resources: list[msgspec.Raw] = []
    resourceTemplates: list[msgspec.Raw] = []  # noqa: N815 (MCP's name)
    nextCursor: str | None = None  # noqa: N815 (MCP's name)
    ttlMs: float | None = None  # noqa: N815 (MCP's name)


_pages = msgspec.json.Decoder(Page)


async def pages_of(method: str, ask: AskForPage, *, backend: str, pages_max: int) -> AsyncIterator[tuple[Page, bool]]:
    """The pages with their era, until one names no further one, a cursor comes again, or there are too many.

    Raises what `ask` raises, and UpstreamBadResponse for a page that is none.
    """
    params = b""
    seen: set[str] = set()
    for _ in range(pages_max):
        result, modern = await ask(method, params)
        try:
            page = _pages.decode(result)
        except msgspec.DecodeError as cause:
            raise UpstreamBadResponse(f"The upstream's answer to `{method}` is not a list.") from cause
        yield page, modern
        cursor = page.nextCursor
        if not cursor:
            return
        if cursor in seen or len(cursor) > _CURSOR_CHARS_MAX:
            break
        seen.add(cursor)
        params = b'"cursor":' + msgspec.json.encode(cursor)
    log.warning(
        "pages of a list do not come to an end; what was read so far is listed",
        backend=backend,
        method=method,
        pages=len(seen),
    )
