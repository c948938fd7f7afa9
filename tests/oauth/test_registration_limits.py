"""POST /register: floods, clients that nobody uses, and how many there may be."""

import json
import socket
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest

from shared import log_in_keys
from tests.client import Client
from tests.mesh import wait_until
from tests.oauth.connections import Connections
from tests.oauth.house import PASSWORD
from tests.oauth.person import CALLBACK, OAuthClient, Person
from tests.oauth.traces import logs

WANTED = {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}
FLOOD = "198.51.100.7"


@pytest.fixture(scope="module")
def strict(connections: Connections) -> Client:
    """An edge that registers few, and forgets soon whom nobody uses."""
    return connections.house.running.start_edge(
        TOOLMESH_REGISTRATIONS_PER_MIN_MAX="30",
        TOOLMESH_CLIENT_UNUSED_S="2",
        TOOLMESH_CLIENTS_MAX="1000",
        TOOLMESH_TRUSTED_PROXIES="127.0.0.1",
    )


@pytest.fixture
def person(strict: Client) -> Iterator[Person]:
    found = Person(strict.url, set())
    yield found
    found.close()


def post(edge: Client, address: str) -> httpx2.Response:
    """A registration from that address."""
    headers = {"x-forwarded-for": address}
    return httpx2.post(f"{edge.url}/register", json=WANTED, headers=headers, trust_env=False, timeout=30)


def registered(edge: Client) -> OAuthClient:
    return OAuthClient(edge.url, post(edge, "198.51.100.9").json()["client_id"])


def is_known(client: OAuthClient, person: Person) -> bool:
    return person.get(client.authorize_path(), client.url).status_code == 303


def test_a_flood_from_one_address_is_answered_with_429_and_keeps_nobody_else_out(strict: Client) -> None:
    with httpx2.Client(trust_env=False, timeout=30, headers={"x-forwarded-for": FLOOD}) as http:
        answers = [http.post(f"{strict.url}/register", json=WANTED) for _ in range(300)]
    assert Counter(answer.status_code for answer in answers) == {201: 30, 429: 270}
    last = answers[-1]
    assert last.json()["error"] == "temporarily_unavailable"
    assert 0 < int(last.headers["retry-after"]) <= 60
    assert last.headers["cache-control"] == "no-store"
    assert post(strict, "198.51.100.8").status_code == 201


def test_the_count_is_one_for_all_edges(strict: Client, connections: Connections) -> None:
    with connections.house.running.broker.client() as redis:
        counted = [int(redis.get(key) or 0) for key in redis.scan_iter(log_in_keys.rate("register", "*"))]
    assert 30 in counted


def test_a_client_that_nobody_uses_is_forgotten_and_one_in_use_is_not(
    strict: Client, person: Person, connections: Connections
) -> None:
    used, unused = registered(strict), registered(strict)
    code = used.code(person, "ada", PASSWORD)
    assert used.exchange(code).status_code == 200
    wait_until(lambda: not is_known(unused, person), "the unused client is forgotten", 10)
    assert is_known(used, person)
    with connections.house.running.broker.client() as redis:
        assert not redis.exists(log_in_keys.registered_client(unused.client_id))
        registered(strict)
        known = {name.decode() for name in redis.zrange(log_in_keys.AUTH_CLIENTS, 0, -1)}
    assert used.client_id in known
    assert unused.client_id not in known, "the list of clients does not grow either"


def test_where_there_are_enough_clients_no_further_one_registers_and_the_others_work_on(
    strict: Client, connections: Connections
) -> None:
    known = connections.connect()
    others = {f"tmc_{number}": 2**50 for number in range(1000)}
    with connections.house.running.broker.client() as redis:
        redis.zadd(log_in_keys.AUTH_CLIENTS, others)
        answer = post(strict, "198.51.100.10")
        redis.zrem(log_in_keys.AUTH_CLIENTS, *others)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    known.renew()
    assert connections.code(known.client)
    assert registered(strict).client_id


def test_a_body_without_end_is_refused_when_it_is_too_large(connections: Connections) -> None:
    """Ten megabytes were on their way, without a Content-Length; the answer comes after the first few."""
    host = urlsplit(connections.house.url)
    head = f"POST /register HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((host.hostname, host.port), timeout=10) as wire:
        wire.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        chunk = json.dumps({"pad": "x" * 8000}).encode()
        for _ in range(4):
            wire.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        assert wire.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_the_addresses_of_those_who_register_are_written_nowhere(strict: Client, connections: Connections) -> None:
    assert FLOOD not in logs(connections.house)
