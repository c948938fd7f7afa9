"""Refresh tokens at two edges (RFC 6749 section 6; RFC 9700 section 4.14.2): rotated, never forked, ended when reused."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from shared import log_in_keys
from tests.mesh import wait_until
from tests.oauth.connections import Connection, Connections, assert_refused, statuses
from tests.oauth.house import write_users
from tests.oauth.person import OAuthClient
from tests.oauth.traces import assert_in_no_log, records, refused

GRACE_S = 60


@pytest.fixture(scope="module")
def client(connections: Connections) -> OAuthClient:
    """One client for the tests that need no other."""
    return connections.house.client()


def test_each_refresh_gives_a_new_token_and_the_one_before_is_no_good_once_that_was_used(
    connections: Connections, client: OAuthClient
) -> None:
    found = connections.connect(client)
    seen = [found.refresh]
    for edge in (0, 1, 0, 1):
        said = found.renew(edge)
        assert said.keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
        assert said["scope"] == "tools:read tools:write"
        found.assert_works()
        seen.append(found.refresh)
    assert len(set(seen)) == len(seen)
    assert_in_no_log(connections.house, *seen, found.access)


def test_a_client_that_did_not_get_the_answer_gets_the_same_successor_again(
    connections: Connections, client: OAuthClient
) -> None:
    found = connections.connect(client)
    old = found.refresh
    said = [client.refresh(old, edge.url).json() for edge in (connections.house.a, connections.house.b)]
    found.age(GRACE_S - 5)
    said.append(client.refresh(old, connections.house.a.url).json())
    assert len({each["refresh_token"] for each in said}) == 1
    assert len({each["access_token"] for each in said}) == len(said)
    for each in said:
        found.assert_works(each["access_token"])
    found.refresh = said[0]["refresh_token"]
    found.renew(edge=1)


@pytest.mark.parametrize(
    ("renewals", "age_s"),
    [(1, GRACE_S + 1), (2, 0), (5, 0), (5, 10 * GRACE_S)],
    ids=["after the grace", "once its successor was used", "an old one", "an old one, late"],
)
def test_a_token_that_is_brought_again_ends_the_grant_at_both_edges(
    connections: Connections, client: OAuthClient, renewals: int, age_s: float
) -> None:
    found = connections.connect(client)
    first, accesses = found.refresh, [found.access]
    for number in range(renewals):
        found.renew(number % 2)
        accesses.append(found.access)
    for access in accesses:
        found.assert_works(access)
    found.age(age_s)
    with refused(connections.house, "refresh_reuse"):
        assert_refused(client.refresh(first, connections.house.b.url), 400, "invalid_grant")
    found.assert_ended(*accesses)
    last = [r for r in records(connections.house) if r["code"] == "refresh_reuse"][-1]
    assert (last["subject"], last["caller_id"]) == ("ada", client.client_id)
    assert_in_no_log(connections.house, first, found.refresh, *accesses)


BAD_FIELDS: list[tuple[str, dict[str, Any], str]] = [
    ("a scope more", {"scope": "tools:read tools:write tools:admin"}, "invalid_scope"),
    ("another scope", {"scope": "offline_access"}, "invalid_scope"),
    ("a scope that nobody knows", {"scope": "everything"}, "invalid_scope"),
    ("another resource of ours", {"resource": "{url}/sse"}, "invalid_target"),
    ("a resource of somebody else", {"resource": "https://other.example/mcp"}, "invalid_target"),
    ("two resources", {"resource": ["{url}/mcp", "{url}/sse"]}, "invalid_target"),
    ("no token", {"refresh_token": None}, "invalid_request"),
    ("two tokens", {"refresh_token": ["{token}", "{token}"]}, "invalid_request"),
    ("a token that is none", {"refresh_token": "x" * 40}, "invalid_grant"),
    ("an access token", {"refresh_token": "{access}"}, "invalid_grant"),
    ("a secret that nobody gave out", {"refresh_token": "tmrt_{family}.0." + "A" * 43}, "invalid_grant"),
    ("a generation before it", {"refresh_token": "tmrt_{family}.0.{secret}"}, "invalid_grant"),
    ("a generation after it", {"refresh_token": "tmrt_{family}.2.{secret}"}, "invalid_grant"),
    ("a generation with a nought", {"refresh_token": "tmrt_{family}.01.{secret}"}, "invalid_grant"),
    ("an enormous generation", {"refresh_token": "tmrt_{family}.999999.{secret}"}, "invalid_grant"),
    ("another grant's name", {"refresh_token": "tmrt_" + "A" * 22 + ".1.{secret}"}, "invalid_grant"),
]


@pytest.fixture(scope="module")
def lasting(connections: Connections, client: OAuthClient) -> Connection:
    """A connection that no refused request takes anything from."""
    found = connections.connect(client)
    found.renew()
    return found


@pytest.mark.parametrize(("changes", "error"), [pytest.param(c, e, id=name) for name, c, e in BAD_FIELDS])
def test_a_refresh_with_something_wrong_in_it_gets_nothing_and_ends_nothing(
    connections: Connections, lasting: Connection, changes: dict[str, Any], error: str
) -> None:
    values = {"url": lasting.client.url, "token": lasting.refresh, "access": lasting.access, "family": lasting.family}
    values["secret"] = lasting.refresh[-43:]
    filled = {
        name: [each.format(**values) for each in value] if isinstance(value, list) else value and value.format(**values)
        for name, value in changes.items()
    }
    with refused(connections.house, "token_refused"):
        assert_refused(lasting.client.refresh(lasting.refresh, connections.house.b.url, **filled), 400, error)
    lasting.renew()
    lasting.assert_works()
    assert_in_no_log(connections.house, lasting.refresh, lasting.access)


def test_a_refresh_token_is_for_the_client_that_got_it(connections: Connections, client: OAuthClient) -> None:
    found, other = connections.connect(client), connections.house.client()
    with refused(connections.house, "token_refused"):
        assert_refused(other.refresh(found.refresh), 400, "invalid_grant")
    found.renew()


def test_an_access_token_may_be_asked_for_fewer_scopes_and_the_next_one_has_all_again(
    connections: Connections, client: OAuthClient
) -> None:
    found = connections.connect(client)
    narrow = client.refresh(found.refresh, scope="tools:read").json()
    assert narrow["scope"] == "tools:read"
    found.refresh = narrow["refresh_token"]
    assert found.renew()["scope"] == "tools:read tools:write"


def test_a_client_that_registered_for_codes_alone_gets_no_refresh_token_and_may_bring_none(
    connections: Connections, client: OAuthClient
) -> None:
    once = connections.house.client(grant_types=["authorization_code"])
    found = connections.connect(once)
    assert found.refresh == ""
    found.assert_works()
    others = connections.connect(client).refresh
    with refused(connections.house, "token_refused"):
        assert_refused(once.refresh(others), 400, "unauthorized_client")


def test_a_grant_that_is_over_is_over_however_often_it_was_renewed(connections: Connections, client: OAuthClient) -> None:
    found = connections.connect(client)
    found.renew()
    with connections.house.running.broker.client() as broker:
        assert 80 * 86_400_000 < broker.pttl(log_in_keys.family(found.family)) <= 90 * 86_400_000
        broker.pexpire(log_in_keys.family(found.family), -1)
    with refused(connections.house, "token_refused"):
        assert_refused(client.refresh(found.refresh), 400, "invalid_grant")


@pytest.fixture
def users(connections: Connections) -> Iterator[Any]:
    """Changes users.yaml of the running edges; afterwards it is as it was."""
    config = connections.house.running.config

    def change(*lines: str) -> None:
        aside = config / "new"
        aside.mkdir(exist_ok=True)
        write_users(aside, *lines)
        os.replace(aside / "users.yaml", config / "users.yaml")

    yield change
    change()


def _carol(connections: Connections, more: str = "") -> str:
    text = (connections.house.running.config / "users.yaml").read_text()
    stored = text.partition("password_hash: '")[2].partition("'")[0]
    return f"{{username: carol, plan: pro, password_hash: '{stored}'{more}}}"


@pytest.mark.parametrize("gone", ["disabled", "removed"])
def test_a_user_who_is_taken_out_is_out_at_both_edges_and_does_not_come_back_with_the_name(
    connections: Connections, client: OAuthClient, users: Any, gone: str
) -> None:
    house = connections.house
    users(_carol(connections))
    wait_until(lambda: _can_log_in(connections, client), "the user is known", 10)
    refreshed, code = connections.connect(client, "carol"), connections.code(client, "carol")
    verifier = client.verifier
    used = connections.connect(client, "carol")
    for each in (refreshed, used):
        each.assert_works()
    users(*([_carol(connections, ", disabled: true")] if gone == "disabled" else []))
    wait_until(lambda: statuses(house, refreshed.access) == [401, 401], "both edges refuse the token", 10)
    for edge in (house.a, house.b):
        with refused(house, "token_refused"):
            assert_refused(client.refresh(refreshed.refresh, edge.url), 400, "invalid_grant")
        with refused(house, "token_refused"):
            assert_refused(client.exchange(code, edge.url, code_verifier=verifier), 400, "invalid_grant")
    users(_carol(connections))
    wait_until(lambda: statuses(house, used.access) == [200, 200], "the user is back", 10)
    refreshed.assert_ended()
    assert_refused(client.exchange(code, code_verifier=verifier), 400, "invalid_grant")


def _can_log_in(connections: Connections, client: OAuthClient) -> bool:
    for edge in (connections.house.a, connections.house.b):
        person = connections.house.person()
        try:
            answer = person.get(client.authorize_path(), edge.url)
            if person.log_in(answer, "carol", "correct horse battery staple", edge.url).status_code != 303:
                return False
        finally:
            person.close()
    return True
