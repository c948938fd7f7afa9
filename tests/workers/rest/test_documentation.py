"""docs/dadl.md lists every key that is read, and each row names a test that there is."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest

from tests.source_tree import ROOT
from tests.workers.rest.test_broken import CASES
from tests.workers.rest.written import loaded
from workers.backends.rest.dadl.about import Coverage, Example, Setup
from workers.backends.rest.dadl.auth import Injected, Login, SessionRefresh, WrittenAuth, written_keys
from workers.backends.rest.dadl.composite import WrittenComposite
from workers.backends.rest.dadl.failures import Errors, RateLimit, RetryStrategy
from workers.backends.rest.dadl.health import Health
from workers.backends.rest.dadl.pagination import PageRequest, PageResponse, Pagination
from workers.backends.rest.dadl.response import Response
from workers.backends.rest.dadl.tool import Idempotency, WrittenParam, WrittenTool
from workers.backends.rest.reader.document import Defaults, Document, Include, Requires, WrittenBackend
from workers.backends.rest.reader.features import FEATURES

PAGE = (ROOT / "docs" / "dadl.md").read_text(encoding="utf-8")
BLOCKS: dict[str, type[msgspec.Struct]] = {
    "the file": Document,
    "requires": Requires,
    "includes": Include,
    "backend": WrittenBackend,
    "auth": WrittenAuth,
    "health": Health,
    "defaults": Defaults,
    "tools": WrittenTool,
    "params": WrittenParam,
    "pagination": Pagination,
    "errors": Errors,
    "response": Response,
    "composites": WrittenComposite,
    "examples": Example,
}
INNER = (
    *(Login, Injected, SessionRefresh, RetryStrategy, RateLimit, PageRequest, PageResponse, Idempotency),
    *(Coverage, Setup),
)
STATES = {"now", "people"}


def rows() -> Iterator[tuple[str, list[str]]]:
    """Heading and cells of each row below `Every key`."""
    for section in PAGE.partition("## Every key")[2].split("\n### ")[1:]:
        heading, _, body = section.partition("\n")
        for line in re.findall(r"^\| (.*) \|$", body, re.MULTILINE):
            cells = line.split(" | ")
            if cells[0] != "key":
                yield heading, cells


@cache
def known_tests() -> frozenset[str]:
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    return frozenset(name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.MULTILINE))


@pytest.mark.parametrize("block", BLOCKS)
def test_each_key_of_a_block_has_a_row(block: str) -> None:
    listed = [cells[0].strip("`") for heading, cells in rows() if heading == block]
    assert sorted(listed) == sorted(written_keys(BLOCKS[block]))


def test_keys_within_a_row_are_named() -> None:
    missing = [f"{kind.__name__}.{key}" for kind in INNER for key in written_keys(kind) if f"`{key}" not in PAGE]
    assert missing == []


def test_each_row_says_whether_it_is_built_and_names_known_tests() -> None:
    cases = {case.name for case in CASES}
    for heading, cells in rows():
        assert len(cells) == 4, (heading, cells)
        assert cells[2] in STATES, (heading, cells)
        named = re.findall(r"`(test_\w+)`", cells[3])
        told = re.findall(r"case `([^`]+)`", cells[3])
        assert named or told, (heading, cells)
        assert set(named) <= known_tests(), (heading, cells)
        assert set(told) <= cases, (heading, cells)


def test_the_first_file_of_the_page_is_one_of_which_nothing_is_to_be_said(tmp_path: Path) -> None:
    _, page = PAGE.split("## A first file", 1)
    _, text, _ = re.split(r"```(?:yaml)?\n", page, maxsplit=2)
    assert {"list_stations", "add_reading"} == set(loaded(tmp_path, text).tools)


def test_all_that_is_held_against_an_api_names_known_tests() -> None:
    section = PAGE.partition("## What is held against an API")[2].partition("\n## ")[0]
    _, *listed = (line.split(" | ") for line in re.findall(r"^\| (.*) \|$", section, re.MULTILINE))
    assert len(listed) >= 20
    for cells in listed:
        assert len(cells) == 3, cells
        named = re.findall(r"`(\w+)`", cells[2])
        assert named, cells
        assert set(named) <= known_tests(), cells


def test_the_features_are_those_of_the_list() -> None:
    (row,) = (cells[1] for heading, cells in rows() if heading == "requires" and cells[0] == "`features`")
    built, _, unbuilt = row.partition("Not yet:")
    assert set(re.findall(r"`(\w+)`", built)) == {name for name, reason in FEATURES.items() if not reason}
    assert set(re.findall(r"`(\w+)`", unbuilt)) == {name for name, reason in FEATURES.items() if reason}
