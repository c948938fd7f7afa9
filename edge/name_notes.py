"""What the operator hears of a catalogue: what could not be listed, what was repaired, and what goes by another name."""

import structlog

from edge.backend_names import BackendNames
from edge.names import OWN_NAMES
from shared.catalogue import canonical_name

log = structlog.get_logger()

_TOLD_MAX = 20
_SEE = "docs/tool-definitions.md says what clients accept"


def tell_of(names: BackendNames) -> None:
    """Log it, each at most once for a catalogue."""
    shelf = names.shelf
    tools = shelf.tools.values()
    refused = {tool.definition.name: tool.accepted.refused for tool in tools if tool.accepted.refused}
    if refused:
        log.warning(
            "tools not listed",
            backend=shelf.backend,
            count=len(refused),
            tools=_some(refused),
            hint="ChatGPT or Claude would refuse them, or all tools with them. They can be called by name. Make the "
            f"definition smaller or plainer at the backend, or leave the tool out with include_tools; {_SEE}.",
        )
    repaired = {tool.definition.name: "; ".join(tool.accepted.repairs) for tool in tools if tool.accepted.repairs}
    if repaired:
        log.info("tools listed with repairs", backend=shelf.backend, count=len(repaired), tools=_some(repaired), hint=_SEE)
    _tell_of_aliases(names)
    _tell_of_promoted(names)


def _tell_of_aliases(names: BackendNames) -> None:
    backend, tools, alias = names.shelf.backend, names.shelf.tools, names.outer.alias
    if alias:
        log.info("tools listed by other names", backend=backend, count=len(alias), names=_some(dict(alias)), hint=_SEE)
    claimed = {tools[own].name: name for own, name in alias.items() if tools[own].name in OWN_NAMES}
    if claimed:
        log.warning(
            "names are the mesh's own",
            backend=backend,
            names=_some(claimed),
            hint="The tools are listed and called by the other names. Give the backend another name in backends.yaml.",
        )
    contested = {tools[own].name: ", ".join(others) for own, others in names.outer.contested.items()}
    if contested:
        log.warning(
            "names may be another backend's",
            backend=backend,
            count=len(contested),
            names=_some(contested),
            hint="A name belongs to the backend with the longest name that it begins with. Give backends names of which "
            "none begins with another's and an underscore.",
        )
    for old, new in names.without_effect.items():
        why = "a tool has that name, and wins" if old in tools else "there is no tool of the new name"
        log.warning("alias without effect", backend=backend, alias=old[:128], tool=new[:128], reason=why)


def _tell_of_promoted(names: BackendNames) -> None:
    backend, promoted = names.shelf.backend, names.promoted
    for own, why in promoted.demoted.items():
        log.warning(
            "exposed tool not listed by its bare name",
            backend=backend,
            tool=canonical_name(backend, own)[:256],
            reason=why,
            hint="It is listed by its whole name. docs/code-mode.md says which names can be bare.",
        )
    for own in promoted.unknown:
        log.warning(
            "exposed tool is not there",
            backend=backend,
            tool=own[:128],
            hint="Write in expose_tools what the backend itself calls its tools, of those that include_tools leaves.",
        )


def _some(facts: dict[str, str]) -> dict[str, str]:
    return {name[:128]: facts[name] for name in sorted(facts)[:_TOLD_MAX]}
