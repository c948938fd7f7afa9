"""A caller's regular expression: what it finds, and that it holds nobody up."""

import asyncio

import pytest

from edge.discovery.pattern import Pattern
from shared.errors import InvalidArguments
from tests.edge.discovery.some_tools import There, collected, tool

THERE = There(
    git={"create_issue": tool("Opens one."), "close-it": tool("Closes an ISSUE."), "größe": tool("Says how large.")},
    mail={"send": tool("Sends\nmail.")},
)


def found(pattern: str) -> list[str]:
    return [entry.name for entry in asyncio.run(Pattern(pattern).matching(collected(THERE).entries))]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("issue", ["git_close-it", "git_create_issue"]),
        ("^GIT_.*issue$", ["git_create_issue"]),
        ("close_it", ["git_close-it"]),
        ("close-it|send", ["git_close-it", "mail_send"]),
        (r"\bmail\b", ["mail_send"]),
        ("[xz]", []),
        ("GRÖSSE|GRÖßE", ["git_größe"]),
        (r"^s\w+\smail", ["mail_send"]),
        (".", ["git_close-it", "git_create_issue", "git_größe", "mail_send"]),
        ("\0", []),
        ("(?-i)ISSUE", ["git_close-it"]),
    ],
)
def test_a_pattern_is_looked_for_in_names_and_descriptions_in_either_case(pattern: str, names: list[str]) -> None:
    assert found(pattern) == names


@pytest.mark.parametrize("pattern", ["(", "[a", "a{2,1}", "*", "(?=a)", "(?<!a)b", r"(a)\1", "a{1000}{1000}", "(?P<", "\\"])
def test_what_is_no_such_pattern_is_refused_with_what_to_write(pattern: str) -> None:
    with pytest.raises(InvalidArguments, match=r"without look-around.*query"):
        Pattern(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)*b", "(.*)*x", "(a?){50}a{50}b", r"(\w{1,30} ?){20}!", r"(?:[a-z]+\s?){0,50}[0-9]{3}$"]
)
def test_patterns_that_hang_other_engines_end(pattern: str) -> None:
    there = There(a={f"tool_{n}": tool("a" * 2_000 + " word" * 300 + "!") for n in range(20)})

    async def look() -> object:
        async with asyncio.timeout(20):
            return await Pattern(pattern).matching(collected_entries)

    collected_entries = collected(there).entries
    asyncio.run(look())
