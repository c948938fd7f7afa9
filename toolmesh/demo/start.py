"""Whether `toolmesh up` starts the demo API, and how its callers find it."""

import secrets
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.configuration import BackendEntry, credential_variable
from toolmesh.demo.command import TOKEN_VARIABLE
from toolmesh.secrecy import without_secrets

DEMO_DADL = "desk.dadl"
"""Whose entry it is that wants the demo: that of this file."""
_CREDENTIAL = "desk_token"
_HOST = "127.0.0.1"
_OURS = ("TOOLMESH_", "REDIS_URL", "AUTH_REDIS_URL")


@dataclass(frozen=True, slots=True)
class Demo:
    """One to start. Its repr shows no token."""

    entry: BackendEntry
    port: int
    _token: str

    def __repr__(self) -> str:
        return f"Demo({self.entry.name}, {self.port})"

    def arguments(self) -> tuple[str, ...]:
        """Behind `toolmesh`."""
        return ("demo", "--host", _HOST, "--port", str(self.port))

    def environment(self, ours: Mapping[str, str], entries: Iterable[BackendEntry]) -> dict[str, str]:
        """That of its process: nothing of ToolMesh's, and no credential but its token."""
        kept = {name: value for name, value in without_secrets(ours, entries).items() if not name.startswith(_OURS)}
        return {**kept, TOKEN_VARIABLE: self._token}

    def told(self, workers: Mapping[str, str]) -> dict[str, str]:
        """The environment of workers, who have to know where it is and what it wants to see."""
        said = workers.get("TOOLMESH_BACKEND_URLS", "").strip()
        urls = [*([said] if said else []), f"{self.entry.name}=http://{_HOST}:{self.port}/v1"]
        return {
            **workers,
            "TOOLMESH_BACKEND_URLS": ",".join(urls),
            credential_variable(_CREDENTIAL, self.entry): self._token,
        }


def plan_demo(entries: Iterable[BackendEntry], said_urls: Iterable[str], environment: Mapping[str, str]) -> Demo | None:
    """The demo that is wanted; None where no entry is its, or somebody said where its API is. `said_urls`: as in
    `TOOLMESH_BACKEND_URLS`."""
    named = {text.partition("=")[0].strip() for text in said_urls}
    for entry in entries:
        if entry.transport == "rest" and entry.dadl == DEMO_DADL and not entry.url and entry.name not in named:
            token = environment.get(credential_variable(_CREDENTIAL, entry), "").strip() or secrets.token_urlsafe(24)
            return Demo(entry, _free_port(), token)
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
