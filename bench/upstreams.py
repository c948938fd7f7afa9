"""The bench's MCP servers as processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.process import Process, free_port, python


@contextmanager
def running_upstream(folder: Path, module: str = "upstream", *arguments: str) -> Iterator[str]:
    """One of the bench's MCP servers; gives its URL. The mesh's start waits for it."""
    port = free_port()
    command = python("-m", f"bench.{module}", str(port), *arguments)
    with Process(module, command, folder / f"{module}.log"):
        yield f"http://127.0.0.1:{port}/mcp"
