"""The bench's upstreams as processes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.connection import BadAnswer
from bench.process import Process, free_port, python

_START_S = 15.0


@contextmanager
def running_upstream(folder: Path, module: str = "upstream", *arguments: str) -> Iterator[str]:
    """One of the bench's MCP servers; gives its URL. The mesh's start waits for it."""
    port = free_port()
    command = python("-m", f"bench.{module}", str(port), *arguments)
    with Process(module, command, folder / f"{module}.log"):
        yield f"http://127.0.0.1:{port}/mcp"


@contextmanager
def running_rest_upstream(folder: Path, module: str = "rest_upstream") -> Iterator[str]:
    """One that answers REST calls; gives the URL in front of its paths once it listens. Raises BadAnswer."""
    port = free_port()
    with Process(module, python("-m", f"bench.{module}", str(port)), folder / f"{module}.log") as process:
        end = time.monotonic() + _START_S
        while "listening" not in process.output():
            if process.ended or time.monotonic() > end:
                raise BadAnswer(f"{module} did not start: {process.output()[-500:]}")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
