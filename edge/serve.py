"""The edge process: a bound socket, uvicorn, and a drain when it is told to stop."""

import asyncio
import math
import socket
from collections.abc import Iterator

import structlog
import uvicorn

from edge.app import Edge
from edge.http_connection import HttpConnection, limited
from shared import failpoints
from shared.configuration import BackendEntry
from shared.errors import ConfigurationError
from shared.log import configure
from shared.privacy import keep_to_oneself
from shared.settings import Settings

log = structlog.get_logger()

_BACKLOG = 2048
_IDLE_CONNECTION_S = 75


class _Server(uvicorn.Server):
    """uvicorn's server, which tells the edge that it drains."""

    def __init__(self, config: uvicorn.Config, edge: Edge, connection: type[HttpConnection]) -> None:
        super().__init__(config)
        self._edge = edge
        self._connection = connection

    def handle_exit(self, sig: int, frame: object) -> None:
        """A first signal drains, a second one ends the waiting. Being told to stop is no failure: none is raised again."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._edge.drain()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take in who has connected already, then stop listening: closing a listener resets those who wait at it."""
        loop = asyncio.get_running_loop()
        self._connection.draining = True
        waiting = [connected for listener in sockets or () for connected in _waiting(listener)]
        let_in = [loop.create_task(loop.connect_accepted_socket(self._connect, connected)) for connected in waiting]
        await super().shutdown(sockets)
        await asyncio.gather(*let_in, return_exceptions=True)

    def _connect(self) -> HttpConnection:
        return self._connection(self.config, self.server_state, self.lifespan.state)


def serve(settings: Settings, entries: tuple[BackendEntry, ...], *, port: int) -> int:
    """Run an edge until SIGTERM or SIGINT; gives the exit code. Raises ConfigurationError when it can't start."""
    keep_to_oneself()
    listener = _bind(settings.host, port)
    port = listener.getsockname()[1]
    edge = Edge(settings, entries, port)
    configure(settings.log_level, settings.log_format, edge.edge_id)
    failpoints.arm(settings.failpoints)
    connection = limited(settings.head_read_s, settings.connections_max)
    config = uvicorn.Config(
        edge.app,
        loop="uvloop",
        http=connection,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_IDLE_CONNECTION_S,
        timeout_graceful_shutdown=math.ceil(settings.drain_s),
    )
    server = _Server(config, edge, connection)
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
    return 0 if server.started or edge.draining else 1


def _waiting(listener: socket.socket) -> Iterator[socket.socket]:
    """Who has connected to a listener, and was not taken in yet."""
    while True:
        try:
            connected, _ = listener.accept()
        except OSError:  # nobody, or as many files as there may be
            return
        connected.setblocking(False)
        yield connected


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as cause:
        listener.close()
        raise ConfigurationError(
            f"Port {port} on {host} can't be used ({cause.strerror}). Stop what uses it, or give another with --port."
        ) from cause
    listener.listen(_BACKLOG)
    return listener
