"""What `toolmesh check` says of what composites may call: by the file, and by the operator's `delegates`."""

from collections.abc import Iterator

from shared.configuration import BackendEntry
from shared.yaml_structs import nearest
from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.reader.composite_scan import called_tools


def delegation_warnings(entry: BackendEntry, definition: Definition) -> Iterator[str]:
    """Where file and `delegates` do not say the same, and where a composite calls what is not offered."""
    for name, composite in definition.composites.items():
        allowed = entry.delegates.get(name, ())
        if wanted := [tool for tool in composite.delegates if tool not in allowed]:
            both = ", ".join((*allowed, *wanted))
            yield (
                f"the composite `{name}` of {entry.dadl} wants to call {_listed(wanted)} also for callers who may not, "
                f"which nobody has approved: without that each caller's own right counts. To approve it, read its code and "
                f"write `delegates: {{{name}: [{both}]}}`."
            )
        if beyond := [tool for tool in allowed if tool not in composite.delegates]:
            yield f"`delegates` allows {_listed(beyond)} to `{name}`, which the file does not ask for: that has no effect."
        if missing := _left_out(entry, definition, name):
            yield f"the composite `{name}` calls {_listed(missing)}, which `include_tools` leaves out: those calls fail."
    for name in entry.delegates:
        if name not in definition.composites:
            yield (
                f"`delegates` names `{name[:60]}`, which is no composite of {entry.dadl}."
                f"{nearest(name, definition.composites)}"
            )


def _left_out(entry: BackendEntry, definition: Definition, composite: str) -> list[str]:
    """Tools that an offered composite calls and that are not offered."""
    if entry.include_tools is None or composite not in entry.include_tools:
        return []
    called = {each.text for each in called_tools(definition.composites[composite].code)}
    return sorted((called & definition.tools.keys()) - set(entry.include_tools))


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name[:60]}`" for name in names)
