"""What `toolmesh check` says of `delegates`: by the file, and by the operator."""

from pathlib import Path

import pytest

from tests.toolmesh.test_check_dadl import check
from tests.workers.rest.written import V2, backend

FILE = backend("composites: {all: {description: A, code: 'return api.now()', delegates: [now]}}", V2)
ASKS = (
    "backend wx: the composite `all` of wx.dadl wants to call `now` also for callers who may not, which nobody has "
    "approved: without that each caller's own right counts. To approve it, read its code and write "
    "`delegates: {all: [now]}`."
)
BEYOND = "backend wx: `delegates` allows `past` to `all`, which the file does not ask for: that has no effect."
UNKNOWN = "backend wx: `delegates` names `al`, which is no composite of wx.dadl. Did you mean `all`?"
LEFT_OUT = "backend wx: the composite `all` calls `now`, which `include_tools` leaves out: those calls fail."


def said(tmp_path: Path, entry: str) -> list[str]:
    found = check(tmp_path, f"dadl: wx.dadl{entry}", FILE, CREDENTIAL_WX="secret")
    assert found["errors"] == []
    return [text for text in found["warnings"] if "delegates" in text or "include_tools" in text]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("", [ASKS]),
        (", delegates: {all: [now]}", []),
        (", delegates: {all: [now, past]}", [BEYOND]),
        (", delegates: {al: [now]}", [ASKS, UNKNOWN]),
        (", include_tools: [all], delegates: {all: [now]}", [LEFT_OUT]),
    ],
    ids=["asked", "approved", "beyond", "unknown", "left out"],
)
def test_what_the_file_asks_for_and_the_operator_approves_are_held_against_each_other(
    tmp_path: Path, entry: str, expected: list[str]
) -> None:
    assert said(tmp_path, entry) == expected


@pytest.mark.parametrize("entry", ["delegates: {all: ['*']}", "delegates: {'a b': [now]}"])
def test_a_delegation_names_each_tool_in_full(tmp_path: Path, entry: str) -> None:
    (error,) = check(tmp_path, f"dadl: wx.dadl, {entry}", FILE)["errors"]
    assert "each in full as the file names it" in error


def test_only_backends_of_rest_have_delegations(tmp_path: Path) -> None:
    entry = "dadl: wx.dadl}\n  - {name: up, transport: http, url: 'https://up.example/mcp', delegates: {a: [b]}"
    (error,) = check(tmp_path, entry, FILE)["errors"]
    assert "only backends of transport `rest` have composites" in error
