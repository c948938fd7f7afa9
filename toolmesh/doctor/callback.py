"""Where the browser comes back to after the log-in: one address on this machine, for one answer (RFC 8252 section 7.3)."""

import asyncio
from urllib.parse import parse_qsl, urlsplit

_PATH = "/callback"
_HEAD_BYTES_MAX = 32 * 1024
_HEAD_S = 10.0
_FIELDS_MAX = 30
_PAGE = (
    b"<!doctype html><html lang=en><meta charset=utf-8><title>toolmesh doctor</title>"
    b"<p>That was it. You can close this page and look at the terminal.</p></html>"
)
_ANSWER = (
    b"HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\nCache-Control: no-store\r\n"
    b"Referrer-Policy: no-referrer\r\nContent-Security-Policy: default-src 'none'\r\nConnection: close\r\n\r\n%s"
)


class Callback:
    """Use it as `async with Callback(port) as callback`; it listens at 127.0.0.1 alone."""

    def __init__(self, port: int = 0) -> None:
        """`port`: 0 takes any that is free."""
        self.port = port
        self._came: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The redirect URI."""
        return f"http://127.0.0.1:{self.port}{_PATH}"

    async def __aenter__(self) -> "Callback":
        """Raises OSError where the port can't be had."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=_HEAD_BYTES_MAX)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *failed: object) -> None:
        assert self._server is not None
        self._server.close()

    async def parameters(self) -> dict[str, str]:
        """What the server sent back with the browser, each name once. Waits for as long as it takes."""
        return await asyncio.shield(self._came)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
            found = _parameters_of(head)
            status, page = (b"200 OK", _PAGE) if found is not None else (b"404 Not Found", b"")
            writer.write(_ANSWER % (status, len(page), page))
            async with asyncio.timeout(_HEAD_S):
                await writer.drain()
            if found is not None and not self._came.done():
                self._came.set_result(found)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # somebody else's knocking: the browser is still waited for
        finally:
            writer.close()


def _parameters_of(head: bytes) -> dict[str, str] | None:
    """Of a request for the redirect URI with an answer in it; None for anything else."""
    method, _, rest = head.decode("latin-1").partition(" ")
    target = urlsplit(rest.partition(" ")[0])
    if method != "GET" or target.path != _PATH:
        return None
    try:
        pairs = parse_qsl(target.query, keep_blank_values=True, max_num_fields=_FIELDS_MAX)
    except ValueError:
        return None
    found = dict(pairs)
    return found if len(found) == len(pairs) and found.keys() & {"code", "error"} else None
