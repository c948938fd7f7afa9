"""11 and 13: the doctor sees a server of several processes that know nothing of each other, and clocks that differ."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from typing import Any

import pytest
from multidict import CIMultiDict

from tests.doctor import bends
from tests.doctor.behind import look_behind
from tests.doctor.bends import Answer, Asked, Bend
from tests.doctor.examined import Doctor, assert_found, levels, shown
from toolmesh.doctor.bounds import Bounds
from toolmesh.doctor.finding import Level

FAIL, WARN, PASS, SKIP = Level.FAIL, Level.WARN, Level.PASS, Level.SKIP
SMALL = Bounds(large_body_bytes=1024)


def refused(status: int, message: str) -> Answer:
    """As servers with sessions answer."""
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": -32000, "message": message}}
    return Answer(status, CIMultiDict({"content-type": "application/json"}), json.dumps(body).encode())


def test_a_house_in_order_needs_no_session(doctor: Doctor) -> None:
    before = len(doctor.broken.front.asked)
    report = look_behind(doctor, ("stateless",))
    assert levels(report, PASS) == ["stateless.lists", "stateless.call", "stateless.session"], shown(report)
    asked = doctor.broken.front.asked[before:]
    assert len({each.connection for each in asked if each.message.get("method") == "tools/list"}) == 12


def test_a_server_that_wants_a_session_for_each_call_is_seen(doctor: Doctor) -> None:
    def without(asked: Asked) -> Answer | None:
        if "mcp-session-id" in asked.headers or asked.message.get("method") == "initialize":
            return None
        return refused(400, "Bad Request: No valid session ID provided")

    report = look_behind(doctor, ("stateless",), Bend("/mcp", "POST", bends.Computed(without)))
    assert_found(report, "stateless.lists", FAIL, "6 of 6", "400", "stateless_http=True")
    assert_found(report, "stateless.call", FAIL, "No valid session ID", "how ChatGPT calls")
    assert_found(report, "stateless.session", PASS)


def test_a_session_that_lives_in_one_of_two_processes_is_seen(doctor: Doctor) -> None:
    turns = count()

    def sometimes(asked: Asked) -> Answer | None:
        elsewhere = "mcp-session-id" in asked.headers and asked.method == "POST" and next(turns) % 2
        return refused(404, "Session not found") if elsewhere else None

    report = look_behind(doctor, ("stateless",), Bend("/mcp", "POST", bends.Computed(sometimes)))
    assert_found(report, "stateless.session", FAIL, "3 of 6", "lives in one process")
    assert_found(report, "stateless.lists", PASS)


def test_a_token_that_one_of_two_processes_knows_is_seen(doctor: Doctor) -> None:
    turns = count()
    forgets = Bend("/mcp", "POST", bends.Instead(401, b"{}"), lambda asked: next(turns) % 3 == 0)
    assert_found(look_behind(doctor, ("stateless",), forgets), "stateless.lists", FAIL, "2 of 6", "401")


def test_processes_that_do_not_agree_are_seen(doctor: Doctor) -> None:
    turns = count()

    def fewer(result: dict[str, Any]) -> None:
        del result["tools"][next(turns) % 2 + 1 :]

    bend = Bend("/mcp", "POST", bends.in_result(fewer), bends.rpc("tools/list"))
    assert_found(look_behind(doctor, ("stateless",), bend), "stateless.lists", WARN, "2 different lists", "configuration")


def at(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("ahead_s", "level", "words"),
    [
        pytest.param(120, WARN, ("ahead of",), id="two minutes ahead"),
        pytest.param(-120, WARN, ("behind",), id="two minutes behind"),
        pytest.param(3600, FAIL, ("ahead of", "not valid yet"), id="an hour ahead"),
    ],
)
def test_clocks_that_differ_are_seen(doctor: Doctor, ahead_s: float, level: Level, words: tuple[str, ...]) -> None:
    def told(result: dict[str, Any]) -> None:
        result["content"][0]["text"] = at(ahead_s).isoformat()

    report = look_behind(
        doctor,
        ("mcp", "clock"),
        Bend("/mcp", "GET", bends.Header("date", format_datetime(at(ahead_s), usegmt=True))),
        Bend("/mcp", "POST", bends.in_result(told), bends.rpc("tools/call")),
        bounds=SMALL,
    )
    for check in ("clock.proxy", "clock.server"):
        assert_found(report, check, level, *words, "chrony")


def test_clocks_that_agree_pass(doctor: Doctor) -> None:
    report = look_behind(doctor, ("mcp", "clock"), bounds=SMALL)
    assert_found(report, "clock.proxy", PASS)
    assert_found(report, "clock.server", PASS)


@pytest.mark.parametrize("said", ["", "yesterday", "Thu, 99 Foo 2026 99:99:99 GMT"])
def test_where_nothing_tells_the_time_nothing_is_said_of_it(doctor: Doctor, said: str) -> None:
    report = look_behind(doctor, ("clock",), Bend("/mcp", "GET", bends.Header("date", said)))
    assert_found(report, "clock.proxy", SKIP, "Date header")
    assert_found(report, "clock.server", SKIP)
