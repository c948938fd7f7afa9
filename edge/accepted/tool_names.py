"""What tools are called at the endpoint of all backends, where several share one name space.

`<backend>_<tool>` is the canonical name. It may not fit; it may be one of the mesh's own; and since an underscore may stand
in a backend's name too, it may be a tool of another backend as well: then it belongs to the one with the longer name. Names
depend on the configured backends, not on which of them were heard of first.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from edge.accepted.fitted import fitted_tools
from edge.names import OWN_NAMES
from shared.catalogue import canonical_name


@dataclass(frozen=True, slots=True)
class ToolNames:
    """Of one backend; all by its own names for its tools."""

    alias: Mapping[str, str]
    """What tools are listed by that can't be listed by their canonical names."""
    contested: Mapping[str, tuple[str, ...]]
    """Backends whose tool the canonical name may be; it is ours where none of them has it."""


def tool_names(backend: str, own_names: Collection[str], backends: Collection[str]) -> ToolNames:
    """Names for the tools of one backend, given all backends that are configured."""
    longer = [other for other in backends if other.startswith(f"{backend}_")]
    canonical = {canonical_name(backend, own): own for own in own_names}

    def owners(name: str) -> tuple[str, ...]:
        return tuple(other for other in longer if name.startswith(f"{other}_"))

    fitted = fitted_tools(
        canonical,
        taken=lambda name: name in OWN_NAMES or bool(owners(name)),
        whole=lambda name: f"{backend}\0{canonical[name]}",
    )
    return ToolNames(
        {canonical[name]: alias for name, alias in fitted.items()},
        {canonical[name]: others for name in fitted if (others := owners(name))},
    )
