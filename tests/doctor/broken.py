"""A real HTTPS and HTTP server in front of a real house, under whose URL the house answers. It relays everything, streams
unbuffered, and bends what a test names; without a bend, it is a server that is in order."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from weakref import WeakKeyDictionary

from aiohttp import ClientError, ClientResponse, web

from tests.certificates import Authority
from tests.doctor.bends import Answer, Asked, Bend, Change, changes_for
from tests.mesh import WAIT_S, free_port, mesh
from tests.oauth.house import RULES, SETTINGS, House, write_users
from tests.round_robin import RoundRobin, passed_on

_BODY_BYTES_MAX = 64 * 1024 * 1024


class BendingProxy(RoundRobin):
    """The handler of all requests."""

    def __init__(self, edges: list[str]) -> None:
        super().__init__("", edges, "")
        self.bends: tuple[Bend, ...] = ()
        self.asked: list[Asked] = []
        """All requests, in the order in which they came."""
        self._connections: WeakKeyDictionary[asyncio.BaseTransport, int] = WeakKeyDictionary()
        self._numbers = count()

    async def relay(self, request: web.Request) -> web.StreamResponse:
        """Relay one request, bent as it is to be."""
        asked = await self._read(request)
        self.asked.append(asked)
        changes = list(changes_for(self.bends, asked))
        await asyncio.sleep(sum(change.delay_s for change in changes))
        if any(change.dropped for change in changes):
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        given = next(filter(None, (change.instead(asked) for change in changes)), None)
        if given is None:
            return await self._relay_bent(request, changes)
        return await _send_whole(request, given, changes)

    async def _read(self, request: web.Request) -> Asked:
        assert request.transport is not None
        number = self._connections.setdefault(request.transport, next(self._numbers))
        body = await request.read()
        return Asked(request.method, request.path, request.query_string, request.headers.copy(), body, number)

    async def _relay_bent(self, request: web.Request, changes: list[Change]) -> web.StreamResponse:
        edge = self._next_edge()
        headers = self._headers(request.headers, edge)
        for change in changes:
            change.sent(headers)
        try:
            async with self._ask(request, edge, headers) as answer:
                given = Answer(answer.status, passed_on(answer.headers))
                if any(change.whole for change in changes):
                    given.body = await answer.read()
                    return await _send_whole(request, given, changes)
                return await _stream(request, given, answer, changes)
        except ClientError as error:
            return web.Response(status=502, text=f"{edge}: {type(error).__name__}")


async def _send_whole(request: web.Request, given: Answer, changes: list[Change]) -> web.StreamResponse:
    for change in changes:
        change.came(given)
    given.headers.popall("content-length", None)
    response = web.Response(status=given.status, headers=given.headers, body=given.body)
    response.headers.update(given.headers)
    return response


async def _stream(request: web.Request, given: Answer, answer: ClientResponse, changes: list[Change]) -> web.StreamResponse:
    for change in changes:
        change.came(given)
    response = web.StreamResponse(status=given.status, headers=given.headers)
    cut_s = next((change.cut_s for change in changes if change.cut_s is not None), None)
    try:
        async with asyncio.timeout(cut_s):
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
    except TimeoutError:
        assert request.transport is not None
        request.transport.abort()
    return response


@dataclass
class Certificates:
    """What the server can show."""

    authority: Authority
    good: Path

    @property
    def ca(self) -> Path:
        """The file that a client has to trust (SSL_CERT_FILE)."""
        return self.authority.ca


class Front:
    """The server, in a thread of its own."""

    def __init__(self, directory: Path, port: int, edges: list[str]) -> None:
        """`port`: of HTTPS, at which the house's public URL is."""
        self.url = f"https://localhost:{port}"
        self.plain_port = free_port()
        self.plain_url = f"http://localhost:{self.plain_port}"
        """The same without TLS."""
        authority = Authority(directory)
        self.certificates = Certificates(authority, authority.issue("front"))
        self._port = port
        self._context = _context(self.certificates.good)
        self._shown = self._context
        self._context.sni_callback = self._show
        self._proxy = BendingProxy(edges)
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(WAIT_S)

    @property
    def mcp_url(self) -> str:
        """What a person types into a client."""
        return f"{self.url}/mcp"

    @property
    def asked(self) -> list[Asked]:
        """All requests that came, in their order."""
        return list(self._proxy.asked)

    @contextmanager
    def bent(self, *bends: Bend) -> Iterator[None]:
        """Bend that for a while."""
        before = self._proxy.bends
        self._proxy.bends = (*before, *bends)
        try:
            yield
        finally:
            self._proxy.bends = before

    @contextmanager
    def showing(self, certificate: Path) -> Iterator[None]:
        """Show another certificate for a while: one that `certificates.authority` issued, or any other."""
        self._shown = _context(certificate)
        try:
            yield
        finally:
            self._shown = self._context

    def close(self) -> None:
        """Stop serving."""
        assert self._runner is not None
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(WAIT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)
        self._loop.close()

    def _show(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._shown

    async def _start(self) -> None:
        app = web.Application(client_max_size=_BODY_BYTES_MAX)
        app.router.add_route("*", "/{path:.*}", self._proxy.relay)
        app.on_startup.append(self._proxy.open)
        app.on_cleanup.append(self._proxy.close)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._context).start()
        await web.TCPSite(self._runner, "127.0.0.1", self.plain_port).start()


def _context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@dataclass
class BrokenHouse:
    """The house behind its front. Ada may use everything, bob what reads."""

    front: Front
    house: House

    @property
    def url(self) -> str:
        """The public URL."""
        return self.front.url


@contextmanager
def broken_house(
    directory: Path, backends: str = "", *, edges: int = 1, users: str = "", **environment: str
) -> Iterator[BrokenHouse]:
    """A broker, edges, a worker and the front; ends them all. `users`: lines of users.yaml beside ada and bob."""
    port = free_port()
    settings = SETTINGS | {"TOOLMESH_ISSUER": f"https://localhost:{port}"} | environment
    with mesh(directory, backends, **settings) as running:
        write_users(running.config, *users.splitlines())
        (running.config / "authorization.yaml").write_text(RULES)
        started = [running.start_edge() for _ in range(edges)]
        running.start_worker()
        for edge in started:
            running.wait_for_tools(edge, "echo_add")
        front = Front(directory, port, [edge.url for edge in started])
        try:
            yield BrokenHouse(front, House(running, started[0], started[-1]))
        finally:
            front.close()
