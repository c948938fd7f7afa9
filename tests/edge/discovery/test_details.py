"""How much is shown of how many tools, and that what is shown is whole."""

import asyncio
import re

import pytest

from edge.discovery.details import Detail, detail_for, shown
from edge.discovery.finding import Mine
from shared.identity import Principal
from tests.edge.discovery.parsers import kinds, parsed
from tests.edge.discovery.some_tools import OWNER, There, finding, tool

TEXT = {"type": "string"}
ROOM = 50 * 1024


def mine(there: There, principal: Principal = OWNER) -> Mine:
    return asyncio.run(finding(there).mine(principal))


def text(there: There, detail: Detail, bytes_max: int = ROOM, **hints: str) -> str:
    found = mine(there)
    entries = list(found.all())
    return shown(detail, entries, len(entries), found, hints, bytes_max)


@pytest.mark.parametrize(
    ("count", "detail"),
    [(1, "full"), (25, "full"), (26, "summary"), (250, "summary"), (251, "names"), (2_000, "names"), (2_001, "overview")],
)
def test_the_more_tools_the_less_is_told_of_each(count: int, detail: Detail) -> None:
    assert detail_for(count) == detail


SOME = There(
    mail={"send": tool("Sends a mail. To one.", "write", to=TEXT, cc=TEXT, required=["to"]), "list": tool()},
    git={"find": tool("Finds.\nIt reads.", **{f"p{n}": TEXT for n in range(20)})},
)


def test_a_summary_has_a_line_for_each_tool_with_its_parameters_its_class_and_its_first_sentence() -> None:
    assert text(SOME, "summary").splitlines() == [
        "// name(parameters) [class] what it does",
        "git_find(p0?, p1?, p2?, p3?, p4?, p5?, p6?, p7?, …) [read] Finds.",
        "mail_list() [read]",
        "mail_send(to, cc?) [write] Sends a mail.",
        "// All 3 tools are shown.",
    ]


def test_names_are_names() -> None:
    assert text(SOME, "names") == "git_find\nmail_list\nmail_send\n// All 3 tools are shown.\n"


def test_an_overview_counts_the_tools_of_each_backend_and_says_what_the_operator_says_of_it() -> None:
    assert text(SOME, "overview", mail="For customers\nonly.").splitlines() == [
        "// backend: tools",
        "git: 1 (1 read).",
        "mail: 2 (1 read, 1 write). For customers only.",
        "// All 2 backends are shown.",
    ]


def test_full_signatures_are_one_valid_source() -> None:
    there = There(b={"3d": tool(), "x-y": tool(), "x.y": tool(), "plain": tool()})
    source = text(there, "full")
    assert kinds(parsed(source)).count("function_signature") == 2
    for name in ("b_x-y", "b_x.y"):
        assert f'toolmesh["{name}"](args)' in source
    assert len(set(re.findall(r"type (\w+) =", source))) == 2


@pytest.mark.parametrize("detail", ["full", "summary", "names", "overview"])
def test_what_does_not_fit_is_left_out_whole_and_the_last_line_says_so(detail: Detail) -> None:
    tools = {f"tool_{n}": tool("Größe " * 30, **{f"parameter_{i}": TEXT for i in range(4)}) for n in range(40)}
    there = There(**{f"backend_{letter}": tools for letter in "abcdefghijklmnopqrstuvwxyz"})
    room = 1_000 if detail == "overview" else 1_500
    whole, cut = text(there, detail, 10**9), text(there, detail, room)
    assert len(cut.encode()) <= room
    *lines, last = cut.splitlines()
    assert cut.startswith(lines[0])
    count, matched = map(int, re.findall(r"\d+", last)[:2])
    assert 0 < count < matched == (26 if detail == "overview" else 1_040)
    assert "query" in last
    if detail == "full":
        assert kinds(parsed(cut)).count("function_signature") == count
        lines = lines[1:-1]
    assert "\n".join(lines) in whole


def test_a_tool_alone_fits_however_large_it_is() -> None:
    large = tool("*/ Ü" * 5_000, **{f"p{n}": {"enum": ["ü" * 99 + str(i) for i in range(40)]} for n in range(90)})
    source = text(There(b={"large": large}), "full")
    parsed(source)
    assert source.endswith("// 1 tool is shown.\n")
    assert len(source.encode()) < ROOM
