"""How tools are shown: with all that a call needs, in a line, by name, or counted.

Never more than fits, and never a part of one; the last line says what was left out.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, get_args

from edge.discovery.entry import Entry
from edge.discovery.finding import Mine
from edge.discovery.typescript.declaration import declaration
from edge.discovery.typescript.text import in_line
from shared.messages import CallClass

Detail = Literal["full", "summary", "names", "overview"]
_FULL_MAX, _SUMMARY_MAX, _NAMES_MAX = 25, 250, 2_000
_FOOTER_BYTES = 500
_PARAMETERS_MAX = 8
_HINT_CHARS_MAX = 200
_HEADS: Mapping[Detail, str] = {
    "full": "",
    "summary": "// name(parameters) [class] what it does\n",
    "names": "",
    "overview": "// backend: tools\n",
}


def detail_for(count: int) -> Detail:
    """What is shown of so many tools, where nobody says."""
    if count <= _FULL_MAX:
        return "full"
    if count <= _SUMMARY_MAX:
        return "summary"
    return "names" if count <= _NAMES_MAX else "overview"


def shown(
    detail: Detail, entries: Sequence[Entry], matched: int, mine: Mine, hints: Mapping[str, str], bytes_max: int
) -> str:
    """A text about tools. `matched`: how many there are, of which these are the first; `hints`: the operator's, by backend;
    `bytes_max`: of UTF-8, so that it has no more characters either."""
    room = bytes_max - _FOOTER_BYTES
    if detail == "overview":
        lines, count = _fitting(_overview(entries, hints), room)
        return _HEADS[detail] + lines + _footer(count, len({entry.tool.backend for entry in entries}), "backends")
    if detail == "full":
        lines, count = _fitting(_declared(entries, mine), room)
        return f"declare namespace toolmesh {{\n{lines}}}\n" + _footer(count, matched, "tools")
    line = _summary if detail == "summary" else _name
    lines, count = _fitting(map(line, entries), room)
    return _HEADS[detail] + lines + _footer(count, matched, "tools")


def _fitting(pieces: Iterable[str], room: int) -> tuple[str, int]:
    """As many of the first pieces as fit, and how many these are."""
    kept: list[str] = []
    for piece in pieces:
        room -= len(piece.encode())
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept), len(kept)


def _declared(entries: Sequence[Entry], mine: Mine) -> Iterator[str]:
    for number, entry in enumerate(entries, 1):
        yield declaration(entry, callable_as=mine.callable_as(entry), number=number)


def _summary(entry: Entry) -> str:
    schema = entry.tool.input_schema
    properties, required = schema.get("properties"), schema.get("required")
    names = list(properties) if isinstance(properties, dict) else []
    needed = [name for name in names if isinstance(required, list) and name in required]
    ordered = [*needed, *(f"{name}?" for name in names if name not in needed)]
    more = ["…"] if len(ordered) > _PARAMETERS_MAX else []
    parameters = in_line(", ".join([*ordered[:_PARAMETERS_MAX], *more]), 300)
    return f"{entry.name}({parameters}) [{entry.tool.access}] {in_line(entry.summary, 200)}".rstrip() + "\n"


def _name(entry: Entry) -> str:
    return f"{entry.name}\n"


def _overview(entries: Sequence[Entry], hints: Mapping[str, str]) -> Iterator[str]:
    counts: dict[str, Counter[CallClass]] = {}
    for entry in entries:
        counts.setdefault(entry.tool.backend, Counter())[entry.tool.access] += 1
    for backend in sorted(counts):
        classes = ", ".join(f"{counts[backend][each]} {each}" for each in get_args(CallClass) if counts[backend][each])
        hint = f" {in_line(hints[backend], _HINT_CHARS_MAX)}" if backend in hints else ""
        yield f"{backend}: {counts[backend].total()} ({classes}).{hint}\n"


def _footer(count: int, matched: int, what: str) -> str:
    if count >= matched:
        return f"// All {matched} {what} are shown.\n" if matched != 1 else f"// 1 {what.removesuffix('s')} is shown.\n"
    return (
        f"// {count} of {matched} {what} that match are shown. For others: other words in query, a pattern, one backend, "
        "a higher limit, or less detail (summary, names, overview).\n"
    )
