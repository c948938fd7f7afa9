"""The order of log levels, and what a client gets of them."""

from itertools import pairwise
from typing import Literal, get_args

import msgspec
import pytest
from mcp_types import LoggingLevel

from shared.log_levels import ALL, NONE, least_severe, more_verbose, severity_of
from shared.messages import Client

LEVELS = get_args(LoggingLevel)


def test_levels_have_the_order_of_rfc_5424() -> None:
    ranks = [severity_of(msgspec.json.encode({"level": level, "data": 1})) for level in LEVELS]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == 8
    for less, more in pairwise(LEVELS):
        assert more_verbose(less, more)
        assert not more_verbose(more, less)


@pytest.mark.parametrize("params", [b"{}", b'{"level":"loud"}', b'{"level":7}', b"[]"])
def test_a_message_without_a_known_level_is_less_than_any(params: bytes) -> None:
    assert severity_of(params) < ALL


@pytest.mark.parametrize(
    ("level", "era", "least"),
    [("", "legacy", ALL), ("", "modern", NONE), ("debug", "modern", ALL), ("loud", "legacy", NONE)],
)
def test_who_asks_for_nothing_is_served_as_its_era_says(level: str, era: Literal["modern", "legacy"], least: int) -> None:
    assert least_severe(Client(log_level=level, era=era)) == least


def test_anything_known_is_more_than_what_was_never_set() -> None:
    assert more_verbose("emergency", "")
    assert not more_verbose("loud", "")
    assert not more_verbose("", "")
