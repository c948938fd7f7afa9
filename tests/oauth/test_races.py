"""Many at once, over two edges: one code, one refresh token, and the end of a grant while it is renewed."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from shared import log_in_keys
from tests.oauth.at_once import at_once
from tests.oauth.connections import Connection, Connections
from tests.oauth.person import CALLBACK, OAuthClient
from tests.oauth.traces import assert_in_no_log, records

Job = Callable[[httpx2.Client], httpx2.Response]


@pytest.fixture(scope="module")
def client(connections: Connections) -> OAuthClient:
    """One client for all."""
    return connections.house.client()


def post(connections: Connections, number: int, path: str, **fields: Any) -> Job:
    """A form, to one of the edges in turn."""
    url = (connections.house.a, connections.house.b)[number % 2].url + path
    return lambda http: http.post(url, data=fields)


def refreshes(connections: Connections, client: OAuthClient, token: str, count: int) -> list[Job]:
    """So many refreshes of one token."""
    fields = client.token_fields(grant_type="refresh_token", refresh_token=token)
    return [post(connections, number, "/token", **fields) for number in range(count)]


def replays(connections: Connections, client: OAuthClient, code: str, count: int) -> list[Job]:
    """So many redemptions of one code."""
    fields = client.token_fields(
        grant_type="authorization_code", code=code, redirect_uri=CALLBACK, code_verifier=client.verifier
    )
    return [post(connections, number, "/token", **fields) for number in range(count)]


def outcomes(answers: list[httpx2.Response]) -> Counter[tuple[int, str]]:
    """How many were answered how."""
    return Counter((answer.status_code, answer.json().get("error", "")) for answer in answers)


@pytest.mark.parametrize("count", [2, 60])
def test_one_code_at_many_places_at_once_gives_tokens_once_and_they_end_with_the_second_redemption(
    connections: Connections, client: OAuthClient, count: int
) -> None:
    code = connections.code(client)
    answers = at_once(replays(connections, client, code, count))
    assert outcomes(answers) == {(200, ""): 1, (400, "invalid_grant"): count - 1}
    said = next(answer.json() for answer in answers if answer.status_code == 200)
    found = Connection(connections.house, client, code, said["access_token"], said["refresh_token"])
    found.assert_ended()
    with connections.house.running.broker.client() as broker:
        assert _accesses(broker, found.family) in ([], [1]), "no second one was made"
    assert_in_no_log(connections.house, code, found.access, found.refresh)


def _accesses(broker: Any, family: str) -> list[int]:
    found = sum(family.encode() in (broker.get(key) or b"") for key in broker.scan_iter("tm-auth:access:*"))
    return [found] if found else []


def test_a_hundred_refreshes_of_one_token_at_once_give_one_successor(connections: Connections, client: OAuthClient) -> None:
    found = connections.connect(client)
    answers = at_once(refreshes(connections, client, found.refresh, 100))
    assert outcomes(answers) == {(200, ""): 100}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    accesses = [answer.json()["access_token"] for answer in answers]
    assert len(set(accesses)) == 100
    with connections.house.running.broker.client() as broker:
        assert broker.hget(log_in_keys.family(found.family), "n") == b"1"
    for access in (found.access, accesses[0], accesses[-1]):
        found.assert_works(access)
    old, found.refresh = found.refresh, answers[0].json()["refresh_token"]
    found.renew()
    assert client.refresh(old).status_code == 400
    found.assert_ended(*accesses[:3])


@pytest.mark.parametrize("end", ["revoked", "code replayed", "old token brought"])
def test_a_grant_that_ends_while_it_is_renewed_has_ended(connections: Connections, client: OAuthClient, end: str) -> None:
    for attempt in range(3):
        found = connections.connect(client)
        verifier, first = client.verifier, found.refresh
        accesses = [found.access]
        for edge in (0, 1):
            found.renew(edge)
            accesses.append(found.access)
        client.verifier = verifier
        ends = {
            "revoked": [post(connections, 1, "/revoke", client_id=client.client_id, token=first)],
            "code replayed": replays(connections, client, found.code, 2),
            "old token brought": refreshes(connections, client, first, 2),
        }[end]
        renewals = refreshes(connections, client, found.refresh, 20)
        middle = 5 * attempt
        answers = at_once([*renewals[:middle], *ends, *renewals[middle:]])
        renewed = [*answers[:middle], *answers[middle + len(ends) :]]
        assert outcomes(renewed).keys() <= {(200, ""), (400, "invalid_grant")}
        assert {answer.status_code for answer in answers[middle : middle + len(ends)]} == {200 if end == "revoked" else 400}
        given = [answer.json() for answer in renewed if answer.status_code == 200]
        found.assert_ended(*accesses, *(each["access_token"] for each in given[:2]))
        for token in {each["refresh_token"] for each in given}:
            assert client.refresh(token).status_code == 400
        found.assert_ended()
    code = {"code replayed": "code_replay", "old token brought": "refresh_reuse"}.get(end)
    if code is not None:
        assert any(r["code"] == code and r["caller_id"] == client.client_id for r in records(connections.house))
