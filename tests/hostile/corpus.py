"""All hostile scripts, in the order of their numbers, and those of them that every test run tries."""

from dataclasses import replace

from tests.hostile import authority, bombs, broken_out, escapes, forgeries, results
from tests.hostile.case import Case

_TOKEN = "$TOKEN"


def _with_tokens(cases: list[Case]) -> list[Case]:
    """Each case with a token of its own for the ledger, in its code and in what it is to give."""
    return [_with_token(case, f"hostile-{index}") for index, case in enumerate(cases)]


def _with_token(case: Case, token: str) -> Case:
    value = case.value
    if isinstance(value, list):
        value = [each.replace(_TOKEN, token) if isinstance(each, str) else each for each in value]
    return replace(case, code=case.code.replace(_TOKEN, token), value=value, token=token)


def _in_order(cases: list[Case]) -> list[Case]:
    return sorted(cases, key=lambda case: int(case.number[1:]))


SCRIPTS = _with_tokens(_in_order([*bombs.CASES, *escapes.CASES, *forgeries.CASES, *authority.CASES, *results.CASES]))
"""Sent to a mesh by a client."""
BROKEN_OUT = _in_order(broken_out.CASES)
"""Run in children whose engine is Python."""

_QUICK = (
    "endless loop (bench)",
    "loop inside of a native fill (bench)",
    "awaiting loop beside a call",
    "string that doubles",
    "recursion of a proxy",
    "what is there by a tool's constructor",
    "getBuiltinModule of the process",
    "Object.prototype rewritten",
    "frames in the log",
    "fifty-one calls",
    "something left behind",
    "a denied call between allowed ones",
    "a denied call before an endless loop",
    "a circle",
    "a string of 2 MB",
)
QUICK = [case for case in SCRIPTS if case.name in _QUICK]
"""A few of each kind."""
