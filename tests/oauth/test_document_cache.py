"""What an edge remembers of client metadata documents and of clients' keys: for how long, and how often it asks again."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import repeat
from typing import Any, TypeVar

import pytest

from edge.oauth.client_document import DocumentRefused
from edge.oauth.client_documents import ClientDocuments
from edge.oauth.client_keys import ClientKeys
from edge.oauth.clients import OAuthClient
from edge.oauth.guarded_http import GuardedHttp
from shared.settings import Settings
from tests.oauth.documents import Documents, documents_host
from tests.oauth.signing import Signer

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
OLD, NEW = "https://client.example/old", "https://client.example/new"
T = TypeVar("T")


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documents]:
    """A host of documents that this process trusts."""
    with documents_host(tmp_path_factory.mktemp("documents")) as found, pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(found.ca))
        yield found


class Edge:
    """What one edge knows, with a clock of its own."""

    def __init__(self, host: Documents, **settings: Any) -> None:
        self.clock = Clock()
        private = (host.host, f"127.0.0.1:{host.port}")
        given = Settings(client_document_private_hosts=private, **{"client_documents_per_min_max": 1000, **settings})
        http = GuardedHttp(given)
        self.documents = ClientDocuments(http, given, self.clock)
        self.client_keys = ClientKeys(http, given, self.clock)

    def find(self, url: str, asked_by: str = "192.0.2.1") -> OAuthClient:
        return in_time(lambda: self.documents.find(url, asked_by=asked_by))

    def find_all(self, urls: Iterable[str], asked_by: Iterable[str]) -> list[OAuthClient | DocumentRefused]:
        """One after the other."""

        async def each() -> list[OAuthClient | DocumentRefused]:
            found: list[OAuthClient | DocumentRefused] = []
            for url, address in zip(urls, asked_by, strict=False):
                try:
                    found.append(await self.documents.find(url, asked_by=address))
                except DocumentRefused as refused:
                    found.append(refused)
            return found

        return in_time(each)

    def refusal(self, url: str, asked_by: str = "192.0.2.1") -> DocumentRefused:
        with pytest.raises(DocumentRefused) as refused:
            self.find(url, asked_by)
        return refused.value

    def key_ids(self, client: OAuthClient, key_id: str) -> list[str | None]:
        found = in_time(lambda: self.client_keys.keys_for(client, key_id))
        return [key.kid for key in found.keys] if found is not None else []


def in_time(asked: Callable[[], Awaitable[T]]) -> T:
    async def ask() -> T:
        async with asyncio.timeout(10):
            return await asked()

    return asyncio.run(ask())


# Documents.


@pytest.mark.parametrize(
    ("caching", "kept_s"),
    [
        ("", HOUR),
        ("max-age=600", 600),
        ("public, max-age=7200, must-revalidate", 7200),
        ("max-age=5", MINUTE),
        ("no-store", MINUTE),
        ("no-cache", MINUTE),
        ("max-age=99999999", DAY),
        ("max-age=soon", HOUR),
    ],
)
def test_a_document_is_kept_as_its_host_says_but_a_minute_at_least_and_a_day_at_most(
    host: Documents, caching: str, kept_s: int
) -> None:
    edge, path = Edge(host), f"/kept/{caching}".replace(" ", "_").replace(",", "").replace("=", "_")
    url = host.publish(path, caching)
    edge.find(url)
    edge.clock.now += kept_s - 1
    edge.find(url)
    assert host.times(path) == 1
    edge.clock.now += 1
    edge.find(url)
    assert host.times(path) == 2


def test_a_document_that_changed_is_seen_when_its_time_is_over(host: Documents) -> None:
    edge = Edge(host)
    url = host.publish("/changes", "max-age=60", redirect_uris=[OLD])
    assert edge.find(url).redirect_uris == (OLD,)
    host.publish("/changes", "max-age=60", redirect_uris=[NEW])
    assert edge.find(url).redirect_uris == (OLD,)
    edge.clock.now += MINUTE
    assert edge.find(url).redirect_uris == (NEW,)


@pytest.mark.parametrize("status", [404, 503])
def test_an_error_is_remembered_for_less_than_a_minute(host: Documents, status: int) -> None:
    edge, path = Edge(host), f"/late/{status}"
    url = host.put(path, {}, status)
    assert edge.refusal(url).temporary == (status == 503)
    host.publish(path)
    assert edge.refusal(url).temporary == (status == 503)
    assert host.times(path) == 1, "a host that fails is not asked with each request"
    edge.clock.now += MINUTE
    assert edge.find(url).client_id == url


def test_a_document_that_was_wrong_is_remembered_for_less_than_a_minute(host: Documents) -> None:
    edge = Edge(host)
    url = host.publish("/mended", client_name="")
    assert not edge.refusal(url).temporary
    host.publish("/mended")
    edge.clock.now += MINUTE
    assert edge.find(url).client_id == url


def test_a_document_counts_on_while_its_host_is_away_but_not_for_days(host: Documents) -> None:
    edge = Edge(host)
    url = host.publish("/away", "max-age=60")
    edge.find(url)
    host.put("/away", {}, 503)
    edge.clock.now += 47 * HOUR
    assert edge.find(url).client_id == url
    edge.clock.now += 2 * HOUR
    assert edge.refusal(url).temporary


def test_a_document_that_was_taken_away_counts_no_longer(host: Documents) -> None:
    edge = Edge(host)
    url = host.publish("/gone", "max-age=60")
    edge.find(url)
    host.put("/gone", {}, 404)
    edge.clock.now += MINUTE
    assert not edge.refusal(url).temporary


def test_each_url_has_a_document_of_its_own(host: Documents) -> None:
    edge = Edge(host)
    one, other = (host.publish(path, client_name=path) for path in ("/tenants/a", "/tenants/b"))
    assert [edge.find(url).client_name for url in (one, other, one)] == ["/tenants/a", "/tenants/b", "/tenants/a"]
    twin = one.replace("localhost", "127.0.0.1")
    assert edge.refusal(twin), "the document of another URL never stands in"


def test_many_that_ask_at_once_cause_one_fetch(host: Documents) -> None:
    edge = Edge(host)
    url = host.publish("/crowd")

    async def crowd() -> list[OAuthClient]:
        return await asyncio.gather(*(edge.documents.find(url, asked_by="192.0.2.1") for _ in range(50)))

    assert {client.client_id for client in in_time(crowd)} == {url}
    assert host.times("/crowd") == 1


def test_one_address_causes_few_fetches_a_minute_and_is_told_to_wait(host: Documents) -> None:
    edge = Edge(host, client_documents_per_min_max=10)
    urls = [host.publish(f"/flood/{number}") for number in range(1000)]
    found = edge.find_all(urls, repeat("192.0.2.1"))
    assert [isinstance(each, OAuthClient) for each in found] == [True] * 10 + [False] * 990
    assert all(0 < (each.retry_after_s or 0) <= MINUTE for each in found if isinstance(each, DocumentRefused))
    assert sum(path.startswith("/flood/") for path in host.asked) == 10
    assert edge.find(urls[0]).client_id == urls[0], "what is known costs nothing"
    edge.find(urls[10], asked_by="192.0.2.2")
    edge.clock.now += MINUTE
    edge.find(urls[11])


def test_one_host_is_asked_a_limited_number_of_times_by_all_together(host: Documents) -> None:
    edge = Edge(host)
    known = host.publish("/busy/known", "max-age=60")
    edge.find(known)
    edge.clock.now += MINUTE
    urls = [host.publish(f"/busy/{number}") for number in range(200)]
    found = edge.find_all(urls, (f"192.0.2.{number}" for number in range(200)))
    assert all(each.retry_after_s for each in found if isinstance(each, DocumentRefused))
    assert sum(path.startswith("/busy/") for path in host.asked) == 1 + 30
    assert edge.find(known).client_id == known, "a flood does not take away the clients that are known"


# Keys.


@pytest.fixture(scope="module")
def signers() -> tuple[Signer, Signer]:
    return Signer("first"), Signer("second")


def keyed(host: Documents, path: str) -> OAuthClient:
    return OAuthClient(
        client_id=host.url("/client"),
        client_name="Signs",
        kind="document",
        redirect_uris=(OLD,),
        auth_methods=("private_key_jwt",),
        jwks_uri=host.url(path),
    )


def test_a_new_key_is_fetched_once_when_it_is_first_named(host: Documents, signers: tuple[Signer, Signer]) -> None:
    edge, client = Edge(host), keyed(host, "/keys/rotate")
    host.put("/keys/rotate", {"keys": [signers[0].public]})
    assert edge.key_ids(client, "first") == ["first"]
    host.put("/keys/rotate", {"keys": [signers[0].public, signers[1].public]})
    edge.clock.now += MINUTE
    assert edge.key_ids(client, "first") == ["first"], "a key that is known needs no look"
    assert edge.key_ids(client, "second") == ["first", "second"]
    assert host.times("/keys/rotate") == 2


def test_invented_key_ids_cause_no_flood(host: Documents, signers: tuple[Signer, Signer]) -> None:
    edge, client = Edge(host), keyed(host, "/keys/invented")
    host.put("/keys/invented", {"keys": [signers[0].public]})
    edge.key_ids(client, "first")
    for number in range(100):
        edge.key_ids(client, f"invented-{number}")
    assert host.times("/keys/invented") == 1
    edge.clock.now += MINUTE

    async def crowd() -> None:
        await asyncio.gather(*(edge.client_keys.keys_for(client, f"invented-{number}") for number in range(50)))

    in_time(crowd)
    assert host.times("/keys/invented") == 2


def test_keys_count_on_while_their_host_is_away_but_not_for_days(host: Documents, signers: tuple[Signer, Signer]) -> None:
    edge, client = Edge(host), keyed(host, "/keys/away")
    host.put("/keys/away", {"keys": [signers[0].public]}, headers={"cache-control": "max-age=60"})
    edge.key_ids(client, "first")
    host.put("/keys/away", {}, 503)
    edge.clock.now += 23 * HOUR
    assert edge.key_ids(client, "first") == ["first"]
    edge.clock.now += 2 * HOUR
    with pytest.raises(DocumentRefused) as refused:
        edge.key_ids(client, "first")
    assert refused.value.temporary


def test_keys_that_were_taken_away_count_no_longer(host: Documents, signers: tuple[Signer, Signer]) -> None:
    edge, client = Edge(host), keyed(host, "/keys/revoked")
    host.put("/keys/revoked", {"keys": [signers[0].public]}, headers={"cache-control": "max-age=60"})
    assert edge.key_ids(client, "first") == ["first"]
    host.put("/keys/revoked", {}, 404)
    edge.clock.now += MINUTE
    assert edge.key_ids(client, "first") == []


@pytest.mark.parametrize("what", ["gone", "private", "weak", "no key"])
def test_a_key_set_that_can_t_be_used_is_no_key(host: Documents, signers: tuple[Signer, Signer], what: str) -> None:
    edge, client = Edge(host), keyed(host, f"/keys/{what}".replace(" ", "-"))
    entry = {
        "gone": signers[0].public,
        "private": signers[0].private,
        "weak": {**signers[0].public, "n": "AMfhjq3vWg8"},
        "no key": {"kty": "oct", "kid": "first", "k": "c2VjcmV0"},
    }[what]
    host.put(client.jwks_uri.removeprefix(host.url("")), {"keys": [entry]}, 404 if what == "gone" else 200)
    assert edge.key_ids(client, "first") == []
