"""What `toolmesh check` says of what tools will be called (docs/tool-definitions.md)."""

from collections.abc import Iterable, Sequence

from edge.names import OWN_NAMES
from edge.promotion import RESERVED
from shared.catalogue import canonical_name
from shared.configuration import BackendEntry


def warnings_of_names(backends: Sequence[BackendEntry]) -> list[str]:
    """Names that some backend's tools would have to share, and names that lead nowhere."""
    names = [entry.name for entry in backends]
    found = []
    for entry in backends:
        where = f"backend {entry.name}"
        said = (*_of_the_mesh(entry.name), *_contested(entry.name, names), *_aliases(entry), *_exposed(entry, backends))
        found += [f"{where}: {text}" for text in said]
    return found


def _of_the_mesh(backend: str) -> Iterable[str]:
    start = canonical_name(backend, "")
    own = sorted(name.removeprefix(start) for name in OWN_NAMES if name.startswith(start))
    if own:
        yield (
            f"a tool `{'` or `'.join(own)}` of it would have a name of the mesh's own, and be listed by another. Choose "
            "another name for the backend."
        )


def _contested(backend: str, names: Sequence[str]) -> Iterable[str]:
    for other in names:
        start = canonical_name(backend, "")
        if other.startswith(start):
            yield (
                f"a tool of it that begins with `{other.removeprefix(start)}_` has a name that belongs to backend {other}, "
                "and is listed by another where that one has it too. Choose names of which none begins with another's."
            )


def _aliases(entry: BackendEntry) -> Iterable[str]:
    if entry.include_tools is None:
        return
    for old, new in entry.aliases.items():
        if old in entry.include_tools:
            yield f"`aliases` has `{old}`, which is in `include_tools`: a tool of that name wins."
        if new not in entry.include_tools:
            yield f"`aliases` leads `{old}` to `{new}`, which is not in `include_tools`: calls of `{old}` find nothing."


def _exposed(entry: BackendEntry, backends: Sequence[BackendEntry]) -> Iterable[str]:
    """What will not be listed by its bare name, or not at all, as far as the files tell."""
    for name in dict.fromkeys(entry.expose_tools):
        others = [other.name for other in backends if other is not entry and name in other.expose_tools]
        if entry.include_tools is not None and name not in entry.include_tools:
            yield f"`expose_tools` has `{name}`, which is not in `include_tools`: it is not there."
        elif name in RESERVED or name in OWN_NAMES:
            yield f"`expose_tools` has `{name}`, which is taken: it is listed as `{canonical_name(entry.name, name)}`."
        elif others:
            yield (
                f"`expose_tools` has `{name}`, as that of {', '.join(others)} has: each is listed by its whole name, this "
                f"one as `{canonical_name(entry.name, name)}`."
            )
