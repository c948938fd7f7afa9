"""A flood of refused requests at the token endpoint is told to wait, and harms nobody at other addresses."""

from collections.abc import Iterator

import pytest

from tests.client import Client
from tests.mesh import wait_until
from tests.oauth.connections import Connections, send
from tests.oauth.traces import records

MOST = 20


@pytest.fixture(scope="module")
def strict(connections: Connections) -> Iterator[Client]:
    """A third edge, behind a proxy, which puts up with less."""
    running, url = connections.house.running, connections.house.url
    edge = running.start_edge(
        TOOLMESH_ISSUER=url,
        TOOLMESH_ALLOWED_HOSTS=url.removeprefix("http://"),
        TOOLMESH_TOKEN_FAILURES_PER_MIN_MAX=str(MOST),
        TOOLMESH_TRUSTED_PROXIES="127.0.0.1",
    )
    yield edge
    running.edges[-1][0].stop()


def test_a_flood_of_garbage_is_answered_429_and_neither_recorded_nor_looked_at(
    connections: Connections, strict: Client
) -> None:
    found = connections.connect()
    bad = found.client.token_fields(grant_type="refresh_token", refresh_token="garbage" * 10)
    good = found.client.token_fields(grant_type="refresh_token", refresh_token=found.refresh)
    here, elsewhere = {"x-forwarded-for": "192.0.2.7"}, {"x-forwarded-for": "192.0.2.8"}
    before = _refused(connections)
    statuses = [send(strict.url, "/token", bad, **here).status_code for _ in range(MOST)]
    assert statuses == [400] * MOST
    for path in ("/token", "/revoke"):
        for fields in (bad, b"x" * 100_000, good):
            answer = send(strict.url, path, fields, **here)
            assert (answer.status_code, answer.json()["error"]) == (429, "temporarily_unavailable")
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            assert answer.headers["cache-control"] == "no-store"
    wait_until(lambda: _refused(connections) - before >= MOST, "the records", 5)
    assert _refused(connections) - before == MOST
    assert send(strict.url, "/token", good, **elsewhere).status_code == 200, "another address"
    assert send(connections.house.b.url, "/token", good, **here).status_code == 200, "another edge"


def test_who_asks_rightly_may_ask_as_often_as_it_takes(connections: Connections, strict: Client) -> None:
    found = connections.connect()
    for _ in range(2 * MOST):
        good = found.client.token_fields(grant_type="refresh_token", refresh_token=found.refresh)
        answer = send(strict.url, "/token", good, **{"x-forwarded-for": "192.0.2.9"})
        assert answer.status_code == 200
        found.refresh = answer.json()["refresh_token"]


def _refused(connections: Connections) -> int:
    return sum(record["code"] == "token_refused" for record in records(connections.house))
