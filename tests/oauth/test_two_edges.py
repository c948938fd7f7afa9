"""Tokens at two edges: what has ended is over at both, also where an edge is not told of it; and nobody guesses.

The edges of these tests believe for a minute what they know of a token, so that it is seen when they do so wrongly.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import pytest

from shared import log_in_keys
from tests.client import Client
from tests.mesh import wait_until
from tests.oauth.connections import Connection, Connections, send, statuses
from tests.oauth.house import House
from tests.oauth.traces import assert_in_no_log


def cut(house: House) -> int:
    """Cut the connections on which edges hear of what ended; they make new ones soon."""
    with house.running.broker.client() as redis:
        return int(redis.client_kill_filter(_type="pubsub"))


@contextmanager
def deaf(house: House) -> Iterator[None]:
    """In here no edge hears of anything, and none can connect anew to hear."""
    with house.running.broker.client() as redis:
        redis.acl_setuser("default", enabled=True, nopass=True, reset_channels=True, keys=["*"], commands=["+@all"])
        cut(house)
        wait_until(lambda: not redis.client_list(_type="pubsub"), "nobody is subscribed")
        try:
            yield
        finally:
            redis.acl_setuser("default", enabled=True, nopass=True, channels=["*"], keys=["*"], commands=["+@all"])
    wait_until(lambda: hears(house), "the edges hear again")


def hears(house: House) -> bool:
    """Whether all edges have subscribed to what ends."""
    with house.running.broker.client() as redis:
        heard = dict(redis.pubsub_numsub(log_in_keys.REVOKED)).get(log_in_keys.REVOKED.encode())
    return heard == sum(process.running for process, _ in house.running.edges)


def forgotten(found: Connection) -> None:
    """End a grant on the broker, and tell nobody."""
    with found.house.running.broker.client() as redis:
        assert redis.delete(log_in_keys.family(found.family)) == 1


def revoked(found: Connection) -> None:
    """The client gives it up, at the first edge."""
    fields = {"client_id": found.client.client_id, "token": found.refresh}
    assert send(found.house.a.url, "/revoke", fields).status_code == 200


def revoked_while_cut(found: Connection) -> None:
    """The same, at a moment at which no edge listens."""
    assert cut(found.house) >= 2
    revoked(found)


def forgotten_while_deaf(found: Connection) -> None:
    with deaf(found.house):
        forgotten(found)
        assert statuses(found.house, found.access) == [401, 401], "what nobody hears of is looked up"


@pytest.mark.parametrize("end", [revoked, revoked_while_cut, forgotten_while_deaf])
def test_what_has_ended_is_over_at_both_edges(connections: Connections, end: Callable[[Connection], None]) -> None:
    found = connections.connect()
    found.assert_works()
    found.assert_works()
    end(found)
    wait_until(lambda: statuses(found.house, found.access) == [401, 401], "the token is refused at both", 5)
    wait_until(lambda: hears(found.house), "the edges hear again")
    assert statuses(found.house, found.access) == [401, 401]
    assert_in_no_log(found.house, found.access, found.refresh)


def test_an_edge_that_hears_believes_what_it_knows_and_looks_again_after_it_was_deaf(connections: Connections) -> None:
    """So the tests above can fail."""
    found = connections.connect()
    found.assert_works()
    forgotten(found)
    found.assert_works()
    assert cut(found.house) >= 2
    wait_until(lambda: statuses(found.house, found.access) == [401, 401], "the token is refused at both", 5)


def test_a_token_of_one_edge_is_good_at_the_other_at_once(connections: Connections) -> None:
    found = connections.connect()
    for edge in (1, 0, 1):
        found.renew(edge)
        found.assert_works()


def test_a_broker_that_can_not_be_asked_is_a_503_and_never_a_yes(connections: Connections) -> None:
    house = connections.house
    known, new = connections.connect(), connections.connect()
    known.assert_works()
    process = house.running.broker.process
    process.send(signal.SIGSTOP)
    try:
        for edge in (house.a, house.b):
            sender = Client(edge.url, new.access)
            answer = sender.post(sender.body("tools/list"), sender.headers("tools/list"))
            sender.close()
            assert answer.status_code == 503, answer.text
            assert answer.json()["error"]["data"] == {"code": "broker_unavailable", "retryable": True}
            assert "retry-after" in answer.headers
            for path, fields in (
                ("/token", new.client.token_fields(grant_type="refresh_token", refresh_token=new.refresh)),
                ("/revoke", {"client_id": new.client.client_id, "token": new.refresh}),
            ):
                told = httpx2.post(edge.url + path, data=fields, trust_env=False, timeout=30)
                assert told.status_code == 503, told.text
                assert new.access not in told.text
            assert "result" in edge.request("tools/list"), "a key is known here"
    finally:
        process.send(signal.SIGCONT)
    wait_until(lambda: hears(house) and house.a.is_ready() and house.b.is_ready(), "the edges reach the broker again")
    for found in (known, new):
        found.assert_works()
        found.renew()
    assert_in_no_log(house, known.access, new.access, known.refresh, new.refresh)
