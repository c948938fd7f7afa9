"""A server of raw bytes as a process: `python -m bench.<module> PORT` of the upstreams that answer REST calls."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def serve_for_ever(serve: Serve) -> None:
    """Serve connections at the port of the command line until killed."""
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    print("listening", flush=True)
    await server.serve_forever()
