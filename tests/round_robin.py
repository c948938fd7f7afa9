"""An HTTP proxy that sends each request to the next edge, as a load balancer without sticky sessions does.

    python -m tests.round_robin --port 9000 --api-key KEY http://127.0.0.1:9001 http://127.0.0.1:9002

Prints `listening` when it accepts connections. Streams pass unbuffered, and a client that goes away is gone for the edge
too. Requests that name this proxy as Host or Origin name the edge behind it; others pass as they are, so that the edge's
own checks are seen. Requests without `Authorization` get the key, if there is one. With `--certificate FILE` (PEM, with its
key) it speaks TLS. `GET /-/counts` tells how many requests each edge got.
"""

import argparse
import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from itertools import count

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict
from yarl import URL

_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
_BODY_BYTES_MAX = 64 * 1024 * 1024


class RoundRobin:
    """The proxy's handler of all requests."""

    def __init__(self, own: str, edges: list[str], api_key: str) -> None:
        self._own = own
        self._edges = [URL(edge) for edge in edges]
        self._api_key = api_key
        self._next = count()
        self._counts = [0] * len(edges)
        self._http: ClientSession | None = None

    async def open(self, _app: web.Application) -> None:
        # As many connections as there are clients: a waiting stream must not keep the next request out.
        self._http = ClientSession(
            connector=TCPConnector(limit=0),
            timeout=ClientTimeout(total=None, sock_connect=5),
            auto_decompress=False,
            cookie_jar=DummyCookieJar(),
        )

    async def close(self, _app: web.Application) -> None:
        assert self._http is not None
        await self._http.close()

    async def counts(self, _request: web.Request) -> web.Response:
        return web.json_response(self._counts)

    async def relay(self, request: web.Request) -> web.StreamResponse:
        """Relay one request to the next edge."""
        edge = self._next_edge()
        try:
            async with self._ask(request, edge, self._headers(request.headers, edge)) as answer:
                response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=passed_on(answer.headers))
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response
        except ClientError as error:
            return web.Response(status=502, text=f"{edge}: {type(error).__name__}")

    def _next_edge(self) -> URL:
        number = next(self._next) % len(self._edges)
        self._counts[number] += 1
        return self._edges[number]

    @asynccontextmanager
    async def _ask(self, request: web.Request, edge: URL, headers: CIMultiDict[str]) -> AsyncIterator[ClientResponse]:
        """The answer of an edge to this request with these headers, of which the body is still to be read."""
        assert self._http is not None
        body = await request.read()
        async with self._http.request(
            request.method,
            edge.join(URL(request.raw_path, encoded=True)),
            headers=headers,
            data=BytesIO(body) if body else None,
            allow_redirects=False,
        ) as answer:
            yield answer

    def _headers(self, given: Mapping[str, str], edge: URL) -> CIMultiDict[str]:
        kept = passed_on(given)
        if kept.get("Host") == self._own:
            kept["Host"] = edge.authority
        if kept.get("Origin") == f"http://{self._own}":
            kept["Origin"] = str(edge.origin())
        if self._api_key:
            kept.setdefault("Authorization", f"Bearer {self._api_key}")
        return kept


def passed_on(headers: Mapping[str, str]) -> CIMultiDict[str]:
    """The headers that are not for one connection alone."""
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP)


async def serve(
    port: int, edges: list[str], api_key: str, listening: Callable[[], None], tls: ssl.SSLContext | None = None
) -> None:
    """Serve until cancelled; `listening` is called when connections are accepted."""
    proxy = RoundRobin(f"127.0.0.1:{port}", edges, api_key)
    app = web.Application(client_max_size=_BODY_BYTES_MAX)
    app.router.add_get("/-/counts", proxy.counts)
    app.router.add_route("*", "/{path:.*}", proxy.relay)
    app.on_startup.append(proxy.open)
    app.on_cleanup.append(proxy.close)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
        listening()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-key", default="")
    parser.add_argument("--certificate")
    parser.add_argument("edges", nargs="+")
    given = parser.parse_args()
    tls = None
    if given.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(given.certificate)
    asyncio.run(serve(given.port, given.edges, given.api_key, lambda: print("listening", flush=True), tls))


if __name__ == "__main__":
    main()
