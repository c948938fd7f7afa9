"""An ASGI application on a loopback port, for as long as a test needs it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from tests.mesh import WAIT_S, wait_until


@contextmanager
def served(app: ASGIApp) -> Iterator[int]:
    """Serves from a thread of its own, because the browser has this one; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until(lambda: server.started, "the server listens")
            yield int(listener.getsockname()[1])
        finally:
            server.should_exit = True
            server.force_exit = True
            thread.join(WAIT_S)
            assert not thread.is_alive()
