"""Caddy with the project's own Caddyfile, in front of two edges that it finds by name, as under `docker compose`."""

import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.client import TRUST, Client
from tests.deploy.names import names
from tests.mesh import API_KEY, ROOT, Mesh, Process, free_port, wait_until

CADDY = shutil.which("caddy", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
"""That of the lock, which is the version that compose.yaml takes, before the machine's own."""
HOSTS = ("127.0.0.2", "127.0.0.3")
"""One for each edge: a name has one port."""


def can_have_hosts() -> bool:
    """Whether every address of 127.0.0.0/8 is this machine's own, which is so on Linux."""
    try:
        with socket.socket() as probe:
            probe.bind((HOSTS[0], 0))
            return True
    except OSError:
        return False


@dataclass
class Front:
    """Caddy, and what is behind it."""

    running: Mesh
    directory: Path
    https: int
    http: int
    edge_port: int
    own_https: int
    """Where a second Caddy may answer that a test starts itself."""

    @property
    def url(self) -> str:
        """The public URL."""
        return f"https://localhost:{self.https}"

    @property
    def log(self) -> Path:
        return self.directory / "caddy.log"

    def client(self, credential: str = API_KEY, https: int = 0) -> Client:
        """A client of MCP at the public URL, or at the second Caddy's port."""
        found = Client(f"https://localhost:{https or self.https}", credential)
        self.running.clients.append(found)
        return found

    def start_edge(self, host: str) -> Client:
        """An edge at one of the name's addresses."""
        hosts = [f"{each}:{self.edge_port}" for each in HOSTS] + [f"localhost:{self.own_https}"]
        return self.running.start_edge(
            self.edge_port,
            host,
            TOOLMESH_ISSUER=self.url,
            TOOLMESH_ALLOWED_HOSTS=",".join(hosts),
            TOOLMESH_TRUSTED_PROXIES="127.0.0.1",
        )

    def stop_edge(self, host: str) -> None:
        """Drain the newest edge there, to its end."""
        process = next(p for p, url in reversed(self.running.edges) if url == f"http://{host}:{self.edge_port}")
        assert process.stop() == 0, process.output()

    @contextmanager
    def caddy(self, name: str, text: str, **environment: str) -> Iterator[Client]:
        """A Caddy with that configuration; gives a client of it once an edge answers through it."""
        assert CADDY is not None
        https = int(environment["HTTPS_PORT"])
        file = self.directory / f"{name}.conf"
        file.write_text(text)
        places = {
            "HOME": str(self.directory),
            "XDG_DATA_HOME": str(self.directory / "caddy-data"),
            "XDG_CONFIG_HOME": str(self.directory / f"{name}-config"),
        }
        command = [CADDY, "run", "--config", str(file), "--adapter", "caddyfile"]
        process = Process(command, self.directory / f"{name}.log", {**places, **environment})
        authority = self.directory / "caddy-data" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        try:
            wait_until(lambda: authority.exists() or not process.running, "Caddy has its own authority")
            assert process.running, process.output()
            TRUST.load_verify_locations(authority)
            client = self.client(https=https)
            wait_until(client.is_ready, "Caddy is ready")
            yield client
        finally:
            process.stop()


def caddyfile(resolver: str) -> str:
    """The project's, bound to loopback alone, and asking this name server instead of the engine's."""
    text = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    for where, added in (("admin off", "default_bind 127.0.0.1"), ("dynamic a {", f"resolvers {resolver}")):
        text, replaced = re.subn(rf"^(\t*)({re.escape(where)})$", rf"\1\2\n\1{added}", text, flags=re.MULTILINE)
        assert replaced == 1, where
    return text


def snippet(edge_port: int, https: int) -> str:
    """What docs/deploy.md has for a Caddy of one's own, for these edges, on loopback."""
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    block = re.search(r"```caddyfile\n(.*?)```", page, re.DOTALL)
    assert block is not None
    text = block[1].replace("mesh.example", "localhost").replace(":443 {", f":{https} {{")
    edges = " ".join(f"{host}:{edge_port}" for host in HOSTS)
    text, replaced = re.subn(r"127\.0\.0\.1:8123 127\.0\.0\.1:8124", edges, text)
    assert replaced == 1
    here = (
        f"\tadmin off\n\tskip_install_trust\n\tdefault_bind 127.0.0.1\n\thttps_port {https}\n\tauto_https disable_redirects"
    )
    return f"{{\n{here}\n}}\n{text}"


@contextmanager
def behind_caddy(running: Mesh, directory: Path) -> Iterator[Front]:
    """Caddy and two edges; its certificates are trusted from here on."""
    front = Front(running, directory, *(free_port() for _ in range(4)))
    ports = {"HTTP_PORT": str(front.http), "HTTPS_PORT": str(front.https), "EDGE_PORT": str(front.edge_port)}
    for host in HOSTS:
        front.start_edge(host)
    with names(list(HOSTS)) as server, front.caddy("caddy", caddyfile(server.place), DOMAIN="localhost", **ports):
        yield front
