"""Where an edge gets the keys of other authorization servers from, how long it believes them, and how often it asks."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from joserfc.jwk import Key, OctKey

from edge.external.discovery import metadata_urls
from edge.external.server_keys import ServerKeys, verifying_keys
from edge.external.token_rules import TokenRefused
from edge.oauth.guarded_http import GuardedHttp, NotFetched
from shared.authorization_servers_file import AuthorizationServerEntry
from shared.errors import AuthorizationServerAway
from shared.settings import Settings
from tests.federation.authorization_server import new_key
from tests.oauth.documents import Documents, documents_host

OLD, NEW, EC, ED = new_key("old"), new_key("new"), new_key("ec", "ES256"), new_key("ed", "Ed25519")
KEPT_S, RETRY_S, STALE_S = 300.0, 30.0, 3600.0


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documents]:
    """A host whose certificate this process trusts."""
    with documents_host(tmp_path_factory.mktemp("issuers")) as found, pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(found.ca))
        yield found


def public(*keys: Key, **more: Any) -> dict[str, Any]:
    return {"keys": [{**key.as_dict(private=False), **more} for key in keys]}


class Edge:
    """What one edge knows of one server, with a clock of its own. The server is `path` of the host."""

    def __init__(self, host: Documents, path: str, **entry: Any) -> None:
        self.host, self.path = host, path
        self.clock = Clock()
        settings = Settings(
            external_keys_s=KEPT_S, external_keys_retry_s=RETRY_S, external_keys_stale_s=STALE_S, external_document_s=2.0
        )
        self.keys = ServerKeys(settings, GuardedHttp(settings, timeout_s=2.0), self.clock)
        self.entry = AuthorizationServerEntry(issuer=host.url(path), **entry)
        self.jwks = f"{path}/keys"

    def publish(self, *keys: Key, status: int = 200) -> None:
        """The server's keys."""
        self.host.put(self.jwks, public(*keys), status)

    def describe(self, form: int = 0, **changes: Any) -> None:
        """The server's metadata, at one of the places where it may be."""
        document = {"issuer": self.entry.issuer, "jwks_uri": self.host.url(self.jwks), **changes}
        self.host.put(metadata_urls(self.entry.issuer)[form].removeprefix(self.host.url("")), document)

    def ids(self, key_id: str | None, alg: str = "RS256") -> list[str | None]:
        async def ask() -> list[str | None]:
            async with asyncio.timeout(10):
                found = [key.kid for key in await self.keys.find(self.entry, alg, key_id)]
            # What is asked behind the caller's back is part of it.
            await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))
            return found

        return asyncio.run(ask())

    @property
    def fetches(self) -> int:
        return self.host.times(self.jwks)


@pytest.fixture
def edge(host: Documents, request: pytest.FixtureRequest) -> Edge:
    found = Edge(host, f"/{request.node.name.replace('[', '/').replace(']', '').replace(' ', '-')}")
    found.describe()
    found.publish(OLD)
    return found


@pytest.mark.parametrize("form", [0, 1, 2])
def test_the_metadata_is_found_in_each_form_and_names_the_keys(host: Documents, form: int) -> None:
    edge = Edge(host, f"/form/{form}")
    edge.describe(form)
    edge.publish(OLD)
    assert edge.ids("old") == ["old"]


@pytest.mark.parametrize(
    ("issuer", "urls"),
    [
        (
            "https://h.example",
            (
                "https://h.example/.well-known/oauth-authorization-server",
                "https://h.example/.well-known/openid-configuration",
            ),
        ),
        (
            "https://h.example/",
            (
                "https://h.example/.well-known/oauth-authorization-server",
                "https://h.example/.well-known/openid-configuration",
            ),
        ),
        (
            "https://h.example:8443/realms/one",
            (
                "https://h.example:8443/.well-known/oauth-authorization-server/realms/one",
                "https://h.example:8443/.well-known/openid-configuration/realms/one",
                "https://h.example:8443/realms/one/.well-known/openid-configuration",
            ),
        ),
    ],
)
def test_metadata_is_looked_for_where_the_standards_put_it(issuer: str, urls: tuple[str, ...]) -> None:
    assert metadata_urls(issuer) == urls


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://other.example"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": 7},
        {"jwks_uri": "http://keys.example/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
    ids=str,
)
def test_metadata_that_is_another_s_or_names_no_keys_that_can_be_fetched_gives_none(
    host: Documents, changes: dict[str, Any]
) -> None:
    edge = Edge(host, f"/wrong/{len(str(changes))}")
    edge.describe(**changes)
    edge.publish(OLD)
    with pytest.raises(AuthorizationServerAway) as away:
        edge.ids("old")
    assert away.value.retry_after_s == pytest.approx(RETRY_S)
    assert edge.fetches == 0


def test_a_form_that_is_another_s_does_not_hide_the_right_one(host: Documents) -> None:
    edge = Edge(host, "/tenant")
    edge.describe(0, issuer=host.url("/"))
    edge.describe(2)
    edge.publish(OLD)
    assert edge.ids("old") == ["old"]


def test_keys_may_be_named_by_the_operator(host: Documents) -> None:
    edge = Edge(host, "/named", jwks_uri=host.url("/elsewhere/keys?v=1"))
    host.put("/elsewhere/keys?v=1", public(OLD))
    assert edge.ids("old") == ["old"]


def test_metadata_may_lead_to_no_other_host_that_is_not_public(host: Documents) -> None:
    edge = Edge(host, "/leads")
    edge.describe(jwks_uri=f"https://127.0.0.1:{host.port}/leads/keys")
    edge.publish(OLD)
    with pytest.raises(AuthorizationServerAway):
        edge.ids("old")
    assert edge.fetches == 0


def test_a_redirect_is_not_followed(edge: Edge) -> None:
    def redirect(handler: Any) -> None:
        handler.send_response(302)
        handler.send_header("location", edge.host.url("/other/keys"))
        handler.send_header("content-length", "0")
        handler.end_headers()

    edge.host.answer(edge.jwks, redirect)
    edge.host.put("/other/keys", public(OLD))
    with pytest.raises(AuthorizationServerAway):
        edge.ids("old")
    assert edge.host.times("/other/keys") == 0


def test_a_key_set_that_is_too_long_is_not_read(edge: Edge) -> None:
    edge.host.put(edge.jwks, {**public(OLD), "padding": "x" * 200_000})
    with pytest.raises(AuthorizationServerAway):
        edge.ids("old")


def test_keys_are_asked_for_again_when_their_time_is_over_behind_the_back_of_who_knows_one(edge: Edge) -> None:
    assert edge.ids("old") == ["old"]
    edge.clock.now += KEPT_S - 1
    assert (edge.ids("old"), edge.fetches) == (["old"], 1)
    edge.publish(NEW)
    edge.clock.now += 1
    assert (edge.ids("old"), edge.fetches) == (["old"], 2), "the last time that it counts"
    with pytest.raises(TokenRefused):
        edge.ids("old")
    assert edge.ids("new") == ["new"]


def test_after_a_long_silence_no_old_key_is_believed_without_asking(edge: Edge) -> None:
    assert edge.ids("old") == ["old"]
    edge.publish(NEW)
    edge.clock.now += 2 * KEPT_S + 1
    with pytest.raises(TokenRefused):
        edge.ids("old")


def test_a_new_key_is_looked_for_once_and_an_invented_one_not_again_and_again(edge: Edge) -> None:
    assert edge.ids("old") == ["old"]
    edge.publish(NEW, OLD)
    edge.clock.now += RETRY_S
    assert (edge.ids("new"), edge.fetches) == (["new"], 2)
    for number in range(50):
        with pytest.raises(TokenRefused):
            edge.ids(f"invented-{number}")
    assert edge.fetches == 2
    edge.clock.now += RETRY_S
    with pytest.raises(TokenRefused):
        edge.ids("invented")
    assert edge.fetches == 3


def test_many_that_ask_at_once_make_one_fetch(edge: Edge) -> None:
    async def all_at_once() -> None:
        async with asyncio.timeout(10):
            await asyncio.gather(*(edge.keys.find(edge.entry, "RS256", "old") for _ in range(50)))

    asyncio.run(all_at_once())
    assert edge.fetches == 1


@pytest.mark.parametrize("answer", ["error", "missing", "no key", "no metadata"])
def test_keys_count_on_while_their_server_is_away_but_not_for_ever(edge: Edge, answer: str) -> None:
    assert edge.ids("old") == ["old"]
    if answer == "no key":
        edge.publish()
    elif answer == "no metadata":
        edge.host.put(edge.jwks, b"", 500)
        edge.host.put(metadata_urls(edge.entry.issuer)[0].removeprefix(edge.host.url("")), b"", 500)
    else:
        edge.publish(status=503 if answer == "error" else 404)
    edge.clock.now += 2 * KEPT_S + 1
    asked = edge.fetches
    assert (edge.ids("old"), edge.fetches) == (["old"], asked + 1)
    assert (edge.ids("old"), edge.fetches) == (["old"], asked + 1), "not asked with each token"
    with pytest.raises(TokenRefused):
        edge.ids("other")
    edge.clock.now += STALE_S
    with pytest.raises(AuthorizationServerAway):
        edge.ids("old")
    edge.describe()
    edge.publish(OLD)
    edge.clock.now += RETRY_S
    assert edge.ids("old") == ["old"]


def test_who_is_known_does_not_wait_for_a_server_that_hangs(edge: Edge) -> None:
    assert edge.ids("old") == ["old"]
    begun, over = threading.Event(), threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        begun.set()
        over.wait(10)

    async def ask() -> list[Key]:
        async with asyncio.timeout(1.5):  # less than a document may take
            found = await edge.keys.find(edge.entry, "RS256", "old")
        await asyncio.to_thread(begun.wait, 5)
        return found

    edge.host.answer(edge.jwks, hang)
    edge.clock.now += KEPT_S + 1
    try:
        assert [key.kid for key in asyncio.run(ask())] == ["old"]
        assert begun.is_set()
    finally:
        over.set()


def test_a_key_is_only_good_for_its_own_kind_of_signature(edge: Edge) -> None:
    edge.publish(OLD, EC, ED)
    for alg, key_id in (("RS256", "old"), ("ES256", "ec"), ("Ed25519", "ed")):
        assert edge.ids(key_id, alg) == [key_id]
        assert edge.ids(None, alg) == [key_id], "a token without an id, where there is one key that fits"
        for other in {"RS256", "PS256", "ES256", "ES384", "Ed25519"} - {alg}:
            with pytest.raises(TokenRefused):
                edge.ids(key_id, other)


def test_without_an_id_no_key_is_guessed(edge: Edge) -> None:
    edge.publish(OLD, NEW)
    with pytest.raises(TokenRefused):
        edge.ids(None)


def test_an_rsa_key_without_an_algorithm_is_good_for_all_of_its_kind(edge: Edge) -> None:
    edge.host.put(edge.jwks, {"keys": [{k: v for k, v in OLD.as_dict(private=False).items() if k not in ("alg", "use")}]})
    assert edge.ids("old", "RS256") == edge.ids("old", "PS256") == ["old"]
    with pytest.raises(TokenRefused):
        edge.ids("old", "ES256")


def ids_of(document: Any) -> list[str | None]:
    found = verifying_keys(document if isinstance(document, bytes) else json.dumps(document).encode())
    return [key.kid for key in found.keys] if found is not None else []


def test_of_a_set_only_keys_that_verify_are_taken() -> None:
    rsa = OLD.as_dict(private=False)
    beside = [
        {"kty": "AKP", "kid": "post-quantum", "alg": "ML-DSA-44", "pub": "AA"},
        {**rsa, "kid": "for encryption", "use": "enc"},
        {**rsa, "kid": "no modulus", "n": 7},
        {**rsa, "kid": "short", "n": rsa["n"][:40]},
        {"kty": "EC", "crv": "secp256k1", "kid": "another curve", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-256", "kid": "no point", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "X25519", "kid": "for agreement", "x": "AA"},
    ]
    assert ids_of({"keys": [*beside, rsa]}) == ["old"]
    assert ids_of({"keys": [{**rsa, "key_ops": ["encrypt"]}]}) in ([], ["old"])


@pytest.mark.parametrize(
    "document",
    [
        {"keys": [OLD.as_dict(private=True), NEW.as_dict(private=False)]},
        {"keys": [OctKey.generate_key(256).as_dict(private=True), NEW.as_dict(private=False)]},
        {"keys": {}},
        {"keys": ["old"]},
        {"keys": []},
        [],
        {},
        b"",
        b"\xff",
        b'{"keys": ' + b"[" * 100 + b"]" * 100 + b"}",
    ],
    ids=["private", "shared", "no list", "no objects", "empty", "list", "nothing", "no JSON", "no UTF-8", "deep"],
)
def test_a_set_that_is_none_or_tells_a_secret_gives_no_key(document: Any) -> None:
    assert ids_of(document) == []


def test_a_key_that_may_not_verify_verifies_nothing(edge: Edge) -> None:
    entry = OLD.as_dict(private=False)
    for operations in (["encrypt"], [], "verify", 7):
        fresh = Edge(edge.host, f"{edge.path}/{operations}")
        fresh.describe()
        edge.host.put(fresh.jwks, {"keys": [{**entry, "key_ops": operations}]})
        with pytest.raises((TokenRefused, AuthorizationServerAway)):
            fresh.ids("old")


def test_http_is_for_a_host_of_this_machine_that_the_operator_wrote() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["192.0.2.1"]

    http = GuardedHttp(Settings(), resolve)

    def why_not(url: str, own: frozenset[str]) -> str:
        async def ask() -> None:
            await http.get_json(url, bytes_max=100, own=own)

        with pytest.raises(NotFetched) as refused:
            asyncio.run(ask())
        return str(refused.value)

    assert "not https" in why_not("http://127.0.0.1:9/x", frozenset())
    assert "not https" in why_not("http://h.example/x", frozenset({"h.example"}))
    assert "not this machine" in why_not("http://localhost:9/x", frozenset({"localhost"}))
