"""A real MCP server as an upstream of a mesh."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mesh import Module, free_port, wait_until

_SERVER = "tests.upstreams.everything"


class Upstream:
    """The SDK's server with the tools of `tests/upstreams/everything.py`, on a port that stays its own."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.port = free_port()
        self._log = directory / f"upstream-{self.port}.log"
        self._options = options
        self.start()

    def start(self) -> None:
        """Start (again), on the same port."""
        said = self._log.read_text().count("listening") if self._log.exists() else 0
        self.process = Module([_SERVER, "--port", str(self.port), *self._options], self._log)
        wait_until(lambda: self.process.output().count("listening") > said, "the upstream listens")

    def entry(self, name: str = "up", classes: str = "{sleep: read, slow_progress: read, echo: read}") -> str:
        """Its entry in backends.yaml."""
        return f"  - name: {name}\n    transport: http\n    url: http://127.0.0.1:{self.port}/mcp\n    class: {classes}\n"


@contextmanager
def upstream(directory: Path, *options: str) -> Iterator[Upstream]:
    """An upstream that ends with the test."""
    running = Upstream(directory, *options)
    try:
        yield running
    finally:
        running.process.kill()
