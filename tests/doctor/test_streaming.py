"""12: the doctor sees a proxy that holds streams back, or cuts them."""

from tests.doctor import bends
from tests.doctor.behind import look_behind
from tests.doctor.bends import Bend
from tests.doctor.examined import Doctor, assert_found, levels, shown
from toolmesh.doctor.bounds import Bounds
from toolmesh.doctor.finding import Level

FAIL, WARN, PASS, SKIP = Level.FAIL, Level.WARN, Level.PASS, Level.SKIP
QUICK = Bounds(large_body_bytes=1024, first_event_s=1.0, lasting_s=1.0)
"""Somebody who does not wait for a minute."""
LISTEN = bends.rpc("subscriptions/listen")
BOTH = ("mcp", "stream")


def test_a_stream_of_a_house_in_order_comes_as_it_is_written(doctor: Doctor) -> None:
    report = look_behind(doctor, BOTH, bounds=QUICK)
    assert_found(report, "stream.unbuffered", PASS, "subscriptions/listen")
    assert_found(report, "stream.lasts", SKIP, "--slow")


def test_in_the_older_era_the_stream_of_a_session_is_looked_at(doctor: Doctor) -> None:
    assert_found(look_behind(doctor, ("stream",), bounds=QUICK), "stream.unbuffered", PASS, "(GET)")


def test_with_slow_a_stream_is_watched_for_as_long_as_a_call_may_take(doctor: Doctor) -> None:
    report = look_behind(doctor, BOTH, bounds=QUICK, slow=True)
    assert levels(report, PASS)[-3:] == ["stream.unbuffered", "stream.lasts", "stream.heartbeat"], shown(report)


def test_a_proxy_that_buffers_is_seen_and_told_how_not_to(doctor: Doctor) -> None:
    buffers = Bend("/mcp", "POST", bends.Buffered(), LISTEN)
    report = look_behind(doctor, BOTH, buffers, bounds=QUICK)
    assert_found(report, "stream.unbuffered", FAIL, "nothing arrived", "proxy_buffering off", "Caddy needs no setting")
    older = look_behind(doctor, ("stream",), Bend("/mcp", "GET", bends.Buffered()), bounds=QUICK)
    assert_found(older, "stream.unbuffered", FAIL, "nothing arrived", "proxy_buffering off")


def test_a_proxy_that_cuts_a_stream_is_seen(doctor: Doctor) -> None:
    cuts = Bend("/mcp", "POST", bends.Cut(0.5), LISTEN)
    report = look_behind(doctor, BOTH, cuts, bounds=Bounds(large_body_bytes=1024, lasting_s=20.0), slow=True)
    assert_found(report, "stream.lasts", FAIL, "was cut after", "proxy_read_timeout")


def test_a_stream_without_a_sign_of_life_is_seen(doctor: Doctor) -> None:
    impatient = Bounds(large_body_bytes=1024, lasting_s=1.0, heartbeat_s=0.2)
    report = look_behind(doctor, BOTH, bounds=impatient, slow=True)
    assert_found(report, "stream.heartbeat", WARN, "no sign of life", ": keep-alive")
    assert_found(report, "stream.lasts", PASS)


def test_a_server_without_streams_is_not_blamed(doctor: Doctor) -> None:
    none = Bend("/mcp", "GET", bends.Instead(405, b"{}"))
    report = look_behind(doctor, ("stream",), none, bounds=QUICK)
    assert_found(report, "stream.unbuffered", SKIP, "no stream")
