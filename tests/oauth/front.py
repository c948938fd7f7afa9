"""Two edges behind one public URL, at which each request goes to the next edge: what a browser or a client begins at one of
them it ends at the other."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.client import TRUST
from tests.mesh import Mesh, Module, free_port, mesh, wait_until
from tests.oauth.house import House, write_users

_RULES = "plans:\n  pro: {allow: ['**']}\n"


@dataclass
class Front:
    """The proxy, and what is behind it."""

    url: str
    house: House
    trust: ssl.SSLContext = TRUST
    """What a client trusts that speaks to it."""

    @property
    def running(self) -> Mesh:
        return self.house.running

    def counts(self) -> list[int]:
        """How many requests each edge got through the proxy."""
        said: list[int] = httpx2.get(f"{self.url}/-/counts", trust_env=False, verify=self.trust).json()
        return said


@contextmanager
def front(
    directory: Path, backends: str = "", certificate: Path | None = None, ca: Path | None = None, **environment: str
) -> Iterator[Front]:
    """The users of a `house`, of whom ada may use everything, two edges, a worker and the proxy; ends them all.

    With a `certificate` of `localhost`, which the authority `ca` signed, the public URL is https, as agents want it.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}" if certificate is None else f"https://localhost:{port}"
    with mesh(directory, backends, TOOLMESH_ISSUER=url, **environment) as running:
        write_users(running.config)
        (running.config / "authorization.yaml").write_text(_RULES)
        a, b = running.start_edge(), running.start_edge()
        running.start_worker()
        arguments = ["--port", str(port), *(["--certificate", str(certificate)] if certificate else []), a.url, b.url]
        proxy = Module(["tests.round_robin", *arguments], directory / "proxy.log")
        try:
            wait_until(lambda: "listening" in proxy.output(), "the proxy listens")
            yield Front(url, House(running, a, b), ssl.create_default_context(cafile=ca) if ca else TRUST)
        finally:
            proxy.kill()
