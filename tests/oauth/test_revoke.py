"""POST /revoke (RFC 7009): what a client gives up is worth nothing from then on, at either edge."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.oauth.connections import Connection, Connections, assert_refused, send
from tests.oauth.person import OAuthClient
from tests.oauth.traces import assert_in_no_log, records, refused

TOKENS: dict[str, Callable[[Connection, Connection], str]] = {
    "the access token": lambda found, before: found.access,
    "the access token before": lambda found, before: before.access,
    "the refresh token": lambda found, before: found.refresh,
    "the refresh token before": lambda found, before: before.refresh,
}


@pytest.fixture(scope="module")
def client(connections: Connections) -> OAuthClient:
    """One client for the tests that need no other."""
    return connections.house.client()


def _revoke(connections: Connections, client: OAuthClient, edge: int = 1, **fields: Any) -> Any:
    found = {"client_id": client.client_id, "client_secret": client.secret, **fields}
    url = (connections.house.a, connections.house.b)[edge].url
    return send(url, "/revoke", {name: value for name, value in found.items() if value is not None})


@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "nonsense"])
@pytest.mark.parametrize("which", TOKENS)
def test_any_token_of_a_grant_ends_it_all_at_both_edges_at_once(
    connections: Connections, client: OAuthClient, which: str, hint: str | None
) -> None:
    found = connections.connect(client)
    before = Connection(found.house, client, found.code, found.access, found.refresh)
    found.renew()
    found.assert_works()
    found.assert_works(before.access)
    answer = _revoke(connections, client, token=TOKENS[which](found, before), token_type_hint=hint)
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["cache-control"] == "no-store"
    found.assert_ended(before.access)
    again = _revoke(connections, client, token=TOKENS[which](found, before), token_type_hint=hint)
    assert (again.status_code, again.json()) == (200, {}), "RFC 7009 section 2.2: it is gone, which was wanted"
    ended = [r for r in records(connections.house) if r["code"] == "revoked" and r["caller_id"] == client.client_id]
    assert (ended[-1]["phase"], ended[-1]["subject"]) == ("access", "ada")
    assert_in_no_log(connections.house, found.access, found.refresh, before.access, before.refresh)


@pytest.mark.parametrize(
    "token",
    [
        "nonsense",
        "tmat_" + "A" * 65,
        "tmrt_" + "A" * 22 + ".0." + "A" * 43,
        "tmrt_{family}.0." + "A" * 43,
        "tmrt_{family}.7.{secret}",
        "tmat_{family}" + "A" * 43,
    ],
)
def test_what_is_no_token_of_ours_is_answered_like_one_that_is_gone_and_ends_nothing(
    connections: Connections, client: OAuthClient, token: str
) -> None:
    found = connections.connect(client)
    answer = _revoke(connections, client, token=token.format(family=found.family, secret=found.refresh[-43:]))
    assert (answer.status_code, answer.json()) == (200, {})
    found.assert_works()
    found.renew()


@pytest.mark.parametrize("which", ["access", "refresh"])
def test_nobody_revokes_what_is_another_clients(connections: Connections, client: OAuthClient, which: str) -> None:
    found, other = connections.connect(client), connections.house.client()
    with refused(connections.house, "revoke_refused"):
        assert_refused(_revoke(connections, other, token=getattr(found, which)), 400, "invalid_grant")
    found.assert_works()
    found.renew()


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"token": None}, 400, "invalid_request"),
        ({"token": ["a", "b"]}, 400, "invalid_request"),
        ({"client_id": None}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_secret": "of a client that has none"}, 401, "invalid_client"),
    ],
    ids=["no token", "two tokens", "no client", "an unknown client", "a secret too much"],
)
def test_a_revocation_with_something_wrong_in_it_ends_nothing(
    connections: Connections, client: OAuthClient, changes: dict[str, Any], status: int, error: str
) -> None:
    found = connections.connect(client)
    with refused(connections.house, "revoke_refused"):
        assert_refused(_revoke(connections, client, **{"token": found.access, **changes}), status, error)
    found.assert_works()


def test_a_client_with_a_secret_revokes_with_it_alone(connections: Connections) -> None:
    client = connections.house.client(token_endpoint_auth_method="client_secret_post")
    found = connections.connect(client)
    for secret in (None, "wrong" * 9):
        with refused(connections.house, "revoke_refused"):
            answer = _revoke(connections, client, token=found.access, client_secret=secret)
            assert_refused(answer, 401, "invalid_client")
    found.assert_works()
    assert _revoke(connections, client, token=found.access).status_code == 200
    found.assert_ended()


def test_a_second_connection_of_the_same_client_goes_on(connections: Connections, client: OAuthClient) -> None:
    first, second = connections.connect(client), connections.connect(client)
    assert _revoke(connections, client, token=first.refresh).status_code == 200
    first.assert_ended()
    second.assert_works()
    second.renew()
