"""`toolmesh worker`: one process that runs the calls of some backends, and has no public port."""

from typing import Annotated

import typer

from shared.configuration import BackendEntry
from shared.errors import ConfigurationError
from shared.findings import Findings
from shared.mesh_keys import KeyRing
from shared.yaml_structs import nearest
from toolmesh.configured import load_configuration, log_notes
from toolmesh.options import ConfigOption

_BackendsOption = Annotated[
    str | None,
    typer.Option("--backends", metavar="a,b", help="Serve only these backends [default: all whose group's key it has]"),
]
_ConcurrencyOption = Annotated[
    int | None, typer.Option("--concurrency", metavar="N", min=1, help="Calls that it runs at a time [default: 1024]")
]


def worker(config: ConfigOption = None, backends: _BackendsOption = None, concurrency: _ConcurrencyOption = None) -> None:
    """Start a worker. It needs REDIS_URL, TOOLMESH_MESH_KEYS and its backends' CREDENTIAL_*."""
    configured = load_configuration(config, door=False)
    ring = configured.settings.mesh_keys
    if ring is None:
        raise ConfigurationError(
            "TOOLMESH_MESH_KEYS is not set, and a worker takes only signed calls. Set it to its group's key, as "
            "group:keyid:base64key or as a file that holds that. `toolmesh up` makes its own."
        )
    names = None if backends is None else [name for part in backends.split(",") if (name := part.strip())]
    entries = served_entries(configured.served, names, ring)
    log_notes(configured, "worker")

    from workers.serve import serve

    raise typer.Exit(serve(configured.settings, entries, concurrency=concurrency))


def served_entries(entries: tuple[BackendEntry, ...], names: list[str] | None, ring: KeyRing) -> tuple[BackendEntry, ...]:
    """The entries that are meant. Raises ConfigurationError for an unknown name, or a group whose key is not there."""
    if names is None:
        found = tuple(entry for entry in entries if entry.group in ring.groups)
        if not found:
            raise ConfigurationError(
                f"TOOLMESH_MESH_KEYS holds keys of {', '.join(sorted(ring.groups))}, and no backend is of such a group. "
                f"Add the key of {', '.join(sorted({entry.group for entry in entries}))}."
            )
        return found
    findings = Findings()
    known = {entry.name: entry for entry in entries}
    if not names:
        findings.add("--backends names none. Write names of backends.yaml, separated by commas, or leave it out.")
    for name in names:
        entry = known.get(name)
        if entry is None:
            advice = nearest(name, known) or f" There are {', '.join(known)}."
            findings.add(f"--backends names `{name}`, which backends.yaml does not have.{advice}")
        elif entry.group not in ring.groups:
            findings.add(f"Backend `{name}` is of group `{entry.group}`, and TOOLMESH_MESH_KEYS has no key of it. Add it.")
    findings.stop()
    return tuple(entry for name, entry in known.items() if name in names)
