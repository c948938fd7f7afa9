"""Edges and brokers that die while clients renew their tokens: nobody is logged out, nothing that ended comes back."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from tests.client import TRUST, Client
from tests.mesh import wait_until
from tests.oauth.connections import Connection, Connections, send, status, statuses
from tests.oauth.house import House, house
from tests.oauth.person import OAuthClient
from tests.oauth.traces import assert_in_no_log, records

LOOPS = 4


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connections]:
    """A house whose broker forgets nothing when it is killed."""
    with house(tmp_path_factory.mktemp("restarts"), append_only=True) as running:
        found = Connections(running)
        yield found
        found.close()


class Renewing:
    """A client that renews its token again and again, at one edge and the other, and repeats what was not answered."""

    def __init__(self, house: House, connection: Connection) -> None:
        self.house = house
        self.connection = connection
        self.count = 0
        self.repeated = 0
        self.refusal = ""
        """The answer that would have thrown the person out."""
        self.tokens = [connection.refresh]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        turn = 0
        with httpx2.Client(trust_env=False, timeout=30, verify=TRUST) as http:
            while not self._stop.is_set() and not self.refusal:
                turn += 1
                url = (self.house.a, self.house.b)[turn % 2].url
                fields = self.connection.client.token_fields(grant_type="refresh_token", refresh_token=self.tokens[-1])
                try:
                    answer = http.post(f"{url}/token", data=fields)
                except httpx2.TransportError:
                    self.repeated += 1
                    self._stop.wait(0.02)
                    continue
                if answer.status_code == 503 and "retry-after" in answer.headers:
                    self.repeated += 1
                    self._stop.wait(0.02)
                elif answer.status_code == 200:
                    self.tokens.append(answer.json()["refresh_token"])
                    self.connection.access = answer.json()["access_token"]
                    self.count += 1
                else:
                    self.refusal = answer.text

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(60)
        self.connection.refresh = self.tokens[-1]


@contextmanager
def renewing(connections: Connections, client: OAuthClient) -> Iterator[list[Renewing]]:
    """Several such clients."""
    found = [Renewing(connections.house, connections.connect(client)) for _ in range(LOOPS)]
    try:
        _wait_for_more(found)
        yield found
    finally:
        for each in found:
            each.stop()


def _wait_for_more(clients: list[Renewing]) -> None:
    """Until each has renewed a few more times, or was thrown out."""
    before = [each.count for each in clients]
    wait_until(
        lambda: all(each.refusal or each.count >= count + 4 for each, count in zip(clients, before, strict=True)),
        "renewals",
    )


def _assert_connected(clients: list[Renewing]) -> None:
    for each in clients:
        assert each.refusal == ""
        assert len(set(each.tokens)) == len(each.tokens)
        wait_until(lambda each=each: statuses(each.house, each.connection.access) == [200, 200], "the token is good", 10)


def _assert_reuse_is_seen(connections: Connections, connection: Connection, old: str) -> None:
    assert connection.client.refresh(old, connections.house.b.url).status_code == 400
    connection.assert_ended()
    wait_until(
        lambda: any(
            r["code"] == "refresh_reuse" and r["caller_id"] == connection.client.client_id
            for r in records(connections.house)
        ),
        "the reuse is recorded",
        10,
    )


def test_clients_stay_connected_when_an_edge_is_killed_and_another_takes_its_place(lasting: Connections) -> None:
    running, client = lasting.house.running, lasting.house.client()
    with renewing(lasting, client) as clients:
        killed, url = running.edges[1]
        killed.kill()
        _wait_for_more(clients)
        lasting.house.b = running.start_edge(
            TOOLMESH_ISSUER=lasting.house.url, TOOLMESH_ALLOWED_HOSTS=lasting.house.url.removeprefix("http://")
        )
        _wait_for_more(clients)
    assert sum(each.repeated for each in clients) > 0
    assert lasting.house.b.url != url
    _assert_connected(clients)
    _assert_reuse_is_seen(lasting, clients[0].connection, clients[0].tokens[0])
    assert_in_no_log(lasting.house, *(token for each in clients for token in each.tokens))


def test_clients_stay_connected_when_the_broker_is_killed_and_comes_back(lasting: Connections) -> None:
    running, client = lasting.house.running, lasting.house.client()
    ended = lasting.connect(client)
    assert send(lasting.house.url, "/revoke", {"client_id": client.client_id, "token": ended.refresh}).status_code == 200
    quiet, late = lasting.connect(client), lasting.connect(client)
    old = late.refresh
    late.renew()
    late.renew()
    with renewing(lasting, client) as clients:
        running.broker.process.kill()
        _assert_all_answer_503(lasting, client, quiet)
        running.broker.start()
        for edge in (lasting.house.a, lasting.house.b):
            wait_until(edge.is_ready, "the edge is ready again")
        _wait_for_more(clients)
    assert sum(each.repeated for each in clients) > 0
    _assert_connected(clients)
    ended.assert_ended()
    wait_until(lambda: statuses(lasting.house, quiet.access) == [200, 200], "the token is good", 10)
    quiet.renew(edge=1)
    _assert_reuse_is_seen(lasting, late, old)
    assert_in_no_log(lasting.house, *(token for each in clients for token in each.tokens), old, quiet.access)


def _assert_all_answer_503(connections: Connections, client: OAuthClient, quiet: Connection) -> None:
    """Nothing that would make a client forget its tokens, and nothing that lets one in."""
    for edge in (connections.house.a, connections.house.b):
        wait_until(lambda edge=edge: status(edge.url, quiet.access) == 503, "the loss is seen", 10)
        revocation = {"client_id": client.client_id, "token": quiet.refresh}
        registration = {"redirect_uris": [client.redirect_uri], "token_endpoint_auth_method": "none"}
        mcp = Client(edge.url, quiet.access)
        with httpx2.Client(trust_env=False, timeout=30, verify=TRUST) as http:
            answers = {
                "token, refresh": client.refresh(quiet.refresh, edge.url),
                "token, code": client.exchange("tmac_" + "A" * 65, edge.url),
                "revoke": send(edge.url, "/revoke", revocation),
                "register": http.post(f"{edge.url}/register", json=registration),
                "authorize": http.get(edge.url + client.authorize_path()),
                "mcp": mcp.post(mcp.body("tools/list"), mcp.headers("tools/list")),
                "mcp, no such token": mcp.post(
                    mcp.body("tools/list"), {**mcp.headers("tools/list"), "Authorization": "Bearer tmat_" + "A" * 65}
                ),
            }
        mcp.close()
        for name, answer in answers.items():
            assert answer.status_code == 503, (name, answer.text)
            assert int(answer.headers["retry-after"]) >= 1, name
            assert "www-authenticate" not in answer.headers, name
