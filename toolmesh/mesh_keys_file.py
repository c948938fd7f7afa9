"""The mesh keys that `toolmesh up` makes: one file for the edge, and one without the edges' own key for the workers."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared.errors import ConfigurationError
from shared.mesh_keys import KeyRing, generate_key_ring, parse_key_ring
from toolmesh.private_file import write_private

EDGE_GROUP = "edge"
_FILE = "mesh.keys"
_WORKERS_FILE = "mesh-workers.keys"
_ALWAYS = (EDGE_GROUP, "default", "code")


@dataclass(frozen=True, slots=True)
class MeshKeysFiles:
    """Values of TOOLMESH_MESH_KEYS for the children."""

    edge: str
    workers: str


def mesh_keys_file(data: Path) -> Path:
    """Where the edge's keys are kept."""
    return data / _FILE


def prepare_mesh_keys(data: Path, groups: Iterable[str]) -> MeshKeysFiles:
    """Make the file, or add keys of new groups; keys that are there stay. Raises ConfigurationError."""
    path = mesh_keys_file(data).resolve()
    needed = list(dict.fromkeys((*_ALWAYS, *sorted(groups))))
    try:
        held: KeyRing | None = parse_key_ring(str(path)) if path.exists() else None
    except ConfigurationError as cause:
        raise ConfigurationError(f"{path} is damaged. Remove it: `toolmesh up` makes new keys. ({cause.detail})") from cause
    missing = [group for group in needed if held is None or group not in held.groups]
    entries = path.read_text(encoding="utf-8").replace(",", "\n").split() if held else []
    if missing:
        entries += generate_key_ring(missing).split(",")
        write_private(path, "\n".join(entries) + "\n")
    workers = path.with_name(_WORKERS_FILE)
    write_private(workers, "\n".join(e for e in entries if not e.startswith(f"{EDGE_GROUP}:")) + "\n")
    return MeshKeysFiles(edge=str(path), workers=str(workers))
