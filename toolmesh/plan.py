"""What `toolmesh up` is to start, decided before anything runs; each role gets only what it needs."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from shared.configuration import BackendEntry
from shared.settings import Settings
from toolmesh.configured import Configured
from toolmesh.demo.start import Demo, plan_demo
from toolmesh.edge import require_anonymous_rule, require_identity_secrets, require_mesh_keys
from toolmesh.mesh_keys_file import MeshKeysFiles, prepare_mesh_keys
from toolmesh.owner import Owner, prepare_owner
from toolmesh.secrecy import without_door_keys, without_secrets

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
    demo: Demo | None = None
    """The demo API, where backends.yaml has its backend."""

    def edge_environment(self, redis_url: str) -> dict[str, str]:
        """Everything but the backends' secrets."""
        kept = without_secrets(self.environment, self.entries)
        if self.owner.key_sha256 is not None:
            kept["TOOLMESH_OWNER_KEY_SHA256"] = self.owner.key_sha256
        if self.owner.password_hash is not None:
            kept["TOOLMESH_OWNER_PASSWORD_HASH"] = self.owner.password_hash
        return self._role(kept, redis_url, self.mesh_keys.edge)

    def worker_environment(self, redis_url: str) -> dict[str, str]:
        """Everything but what lets somebody in, and the groups' keys without the edges' own."""
        kept = without_door_keys(self.environment)
        kept = self._role(self.demo.told(kept) if self.demo else kept, redis_url, self.mesh_keys.workers)
        kept["TOOLMESH_PORT"] = str(self.settings.port)  # URLs of files that tools give lead to the edge
        return kept

    def _role(self, environment: dict[str, str], redis_url: str, mesh_keys: str) -> dict[str, str]:
        environment["REDIS_URL"] = redis_url
        environment.pop("REDIS_URL_FILE", None)
        environment["TOOLMESH_MESH_KEYS"] = mesh_keys
        environment["TOOLMESH_DRAIN_S"] = f"{min(self.settings.drain_s, _DRAIN_S_MAX):g}"
        return environment

    def demo_command(self, demo: Demo) -> list[str]:
        """The command line of the demo API; no secret is in it."""
        return [sys.executable, "-m", "toolmesh", *demo.arguments()]

    def role_command(self, role: str, *arguments: str) -> list[str]:
        """The command line of a role; no secret is in it."""
        return [sys.executable, "-m", "toolmesh", role, "--config", str(self.settings.config_dir), *arguments]


def make_plan(configured: Configured, workers: int, environment: Mapping[str, str]) -> Plan:
    """Decide what to start, and make the keys that are missing. Raises ConfigurationError."""
    settings = configured.settings
    require_anonymous_rule(configured)
    require_identity_secrets(configured)
    if settings.mesh_keys is None:
        mesh_keys = prepare_mesh_keys(settings.data_dir, {entry.group for entry in configured.entries})
    else:
        require_mesh_keys(configured)
        given = environment["TOOLMESH_MESH_KEYS"]
        mesh_keys = MeshKeysFiles(edge=given, workers=given)
    owner = _owner(configured)
    return Plan(
        settings=settings,
        entries=configured.served,
        mesh_keys=mesh_keys,
        owner=owner,
        workers=workers,
        environment=environment,
        demo=plan_demo(configured.entries, settings.backend_urls, environment),
    )


def _owner(configured: Configured) -> Owner:
    """The owner's credentials. Who sets one does not want an older one to go on working beside it."""
    settings = configured.settings
    own_key = settings.api_key is not None or settings.owner_key_sha256 is not None
    own_password = (
        settings.auth_password is not None
        or settings.owner_password_hash is not None
        or any(user.username == settings.auth_user for user in configured.users)
        or not settings.password_login
        or settings.own_authorization_server == "off"
    )
    owner = prepare_owner(settings.data_dir, make_key=not own_key and not configured.keys, make_password=not own_password)
    # What the environment says of them the edge is given as it is.
    return Owner(
        api_key=owner.api_key,
        password=owner.password,
        key_sha256=settings.owner_key_sha256 if own_key else owner.key_sha256,
        password_hash=None if own_password else owner.password_hash,
    )
