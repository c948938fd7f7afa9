"""What `toolmesh up` is to start, decided before anything runs; each role gets only what it needs."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from shared.configuration import BackendEntry
from shared.settings import Settings
from toolmesh.configured import Configured
from toolmesh.edge import require_mesh_keys
from toolmesh.mesh_keys_file import MeshKeysFiles, prepare_mesh_keys
from toolmesh.owner import Owner, prepare_owner
from toolmesh.secrecy import without_secrets

_DRAIN_S_MAX = 7.0
"""Under `up` everything has to be gone ten seconds after Ctrl-C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be started."""

    settings: Settings
    entries: tuple[BackendEntry, ...]
    mesh_keys: MeshKeysFiles
    owner: Owner
    workers: int
    environment: Mapping[str, str]
    """Ours, as we got it."""

    def edge_environment(self, redis_url: str) -> dict[str, str]:
        """Everything but the backends' secrets."""
        kept = without_secrets(self.environment, self.entries)
        if self.owner.key_sha256 is not None:
            kept["TOOLMESH_OWNER_KEY_SHA256"] = self.owner.key_sha256
        return self._role(kept, redis_url, self.mesh_keys.edge)

    def worker_environment(self, redis_url: str) -> dict[str, str]:
        """Everything, and the groups' keys without the edges' own."""
        return self._role(dict(self.environment), redis_url, self.mesh_keys.workers)

    def _role(self, environment: dict[str, str], redis_url: str, mesh_keys: str) -> dict[str, str]:
        environment["REDIS_URL"] = redis_url
        environment.pop("REDIS_URL_FILE", None)
        environment["TOOLMESH_MESH_KEYS"] = mesh_keys
        environment["TOOLMESH_DRAIN_S"] = f"{min(self.settings.drain_s, _DRAIN_S_MAX):g}"
        return environment

    def role_command(self, role: str, *arguments: str) -> list[str]:
        """The command line of a role; no secret is in it."""
        return [sys.executable, "-m", "toolmesh", role, "--config", str(self.settings.config_dir), *arguments]


def make_plan(configured: Configured, workers: int, environment: Mapping[str, str]) -> Plan:
    """Decide what to start, and make the keys that are missing. Raises ConfigurationError."""
    settings = configured.settings
    if settings.mesh_keys is None:
        mesh_keys = prepare_mesh_keys(settings.data_dir, {entry.group for entry in configured.entries})
    else:
        require_mesh_keys(configured)
        given = environment["TOOLMESH_MESH_KEYS"]
        mesh_keys = MeshKeysFiles(edge=given, workers=given)
    owner = prepare_owner(
        settings.data_dir,
        make_key=settings.api_key is None and settings.owner_key_sha256 is None and not configured.keys,
        make_password=settings.auth_password is None,
    )
    if settings.api_key is not None or settings.owner_key_sha256 is not None:
        # Who sets a key does not want an older one to go on working beside it.
        owner = Owner(api_key=None, password=owner.password, key_sha256=settings.owner_key_sha256)
    return Plan(
        settings=settings,
        entries=configured.entries,
        mesh_keys=mesh_keys,
        owner=owner,
        workers=workers,
        environment=environment,
    )
