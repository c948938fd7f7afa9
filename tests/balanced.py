"""Two edges and two workers behind a proxy that sends each request to the next edge."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.client import Client
from tests.mesh import API_KEY, Mesh, Module, free_port, mesh, wait_until


class Balanced:
    """A mesh without sticky sessions, as its clients see it."""

    def __init__(self, running: Mesh, directory: Path) -> None:
        self.mesh = running
        for _ in range(2):
            running.start_worker()
        self.edges = [running.start_edge() for _ in range(2)]
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        arguments = ["--port", str(port), "--api-key", API_KEY, *(edge.url for edge in self.edges)]
        self.proxy = Module(["tests.round_robin", *arguments], directory / "proxy.log")
        self.client = Client(self.url, API_KEY)

    def counts(self) -> list[int]:
        """How many requests each edge got through the proxy."""
        said: list[int] = httpx2.get(f"{self.url}/-/counts", trust_env=False).json()
        return said

    def wait_for_tools(self, *names: str) -> None:
        """Wait until both edges list these tools."""
        for edge in self.edges:
            self.mesh.wait_for_tools(edge, *names)

    def close(self) -> None:
        self.client.close()
        self.proxy.kill()


@contextmanager
def balanced(directory: Path, backends: str = "", **environment: str) -> Iterator[Balanced]:
    """Two edges, two workers and the proxy; ends them all."""
    with mesh(directory, backends, **environment) as running:
        front = Balanced(running, directory)
        try:
            wait_until(lambda: "listening" in front.proxy.output(), "the proxy listens")
            yield front
        finally:
            front.close()
