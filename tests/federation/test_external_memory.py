"""What an edge remembers of tokens of other servers, and what an entry of theirs may change about what is taken."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt

from edge.external.servers import Servers
from edge.external.tokens import ExternalTokens
from edge.identities.identities import Identities
from shared.api_keys import digest
from shared.authorization_servers_file import AuthorizationServerEntry
from shared.claims_mapping import Allowed
from shared.errors import Unauthenticated
from shared.identity import Principal
from shared.settings import Settings
from tests.federation.authorization_server import new_key
from tests.oauth.documents import Documents, documents_host

PUBLIC = "https://mesh.example"
MCP = f"{PUBLIC}/mcp"
KEY, STRANGER = new_key("one"), new_key("one")
NOW = 1_800_000_000.0
CACHE_S = 60.0


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documents]:
    with documents_host(tmp_path_factory.mktemp("issuers")) as found, pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(found.ca))
        yield found


class Edge:
    """What one edge takes of one server, with a clock of its own."""

    def __init__(self, host: Documents, **entry: Any) -> None:
        self.host = host
        self.now = NOW
        self.entry = {
            "issuer": host.url("/issuer"),
            "jwks_uri": host.url("/keys"),
            "allow": Allowed(everyone=True),
            **entry,
        }
        self.settings = Settings(external_token_cache_s=CACHE_S)
        self.identities = Identities(self.settings, classes={"known": [f"{host.url('/issuer')}#*"]})
        self.write()
        self.publish()
        self.tokens = ExternalTokens(self.settings, lambda: self.servers, lambda: self.identities, lambda: self.now)

    def write(self, **changes: Any) -> None:
        """The file was read again."""
        self.entry |= changes
        self.servers = Servers([AuthorizationServerEntry(**self.entry)], self.settings, PUBLIC)

    def publish(self, *keys: Any) -> None:
        self.host.put("/keys", {"keys": [key.as_dict(private=False) for key in keys or (KEY,)]})

    def token(self, header: dict[str, Any] | None = None, key: Any = KEY, **changes: Any) -> str:
        claims = {
            "iss": self.entry["issuer"],
            "sub": "ada",
            "aud": MCP,
            "client_id": "agent",
            "scope": "tools:read offline_access other",
            "iat": int(NOW),
            "exp": int(NOW) + 600,
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        said = {"alg": "RS256", "kid": "one", "typ": "at+jwt", **(header or {})}
        said = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(said, claims, key, default_type=None)

    def find(self, token: str, resource: str = MCP) -> Principal | None:
        async def ask() -> Principal | None:
            async with asyncio.timeout(10):
                return await self.tokens.find(token, digest(token), resource)

        return asyncio.run(ask())

    def why_not(self, token: str, resource: str = MCP) -> str:
        with pytest.raises(Unauthenticated) as refused:
            self.find(token, resource)
        assert refused.value.presented
        return refused.value.detail


@pytest.fixture
def edge(host: Documents) -> Edge:
    return Edge(host)


def test_a_token_says_who_it_is_and_which_client_and_what_for(edge: Edge) -> None:
    issuer = edge.entry["issuer"]
    found = edge.find(edge.token())
    assert found == Principal(
        subject=f"{issuer}#ada",
        caller_id=f"{issuer}#agent",
        caller_class="known",
        scopes=("tools:read", "offline_access"),
    )
    assert not found.owner


def test_what_was_found_right_is_not_verified_again_but_only_for_a_while(edge: Edge) -> None:
    token = edge.token()
    first = edge.find(token)
    edge.publish(STRANGER)
    edge.now += CACHE_S - 1
    assert edge.find(token) is first
    edge.now += 1
    again = edge.find(token)
    assert again is not first
    assert again == first


def test_no_memory_outlives_the_token(edge: Edge) -> None:
    token = edge.token(exp=int(NOW) + 10)
    edge.find(token)
    edge.now += 10 + 29.9
    assert edge.find(token) is not None, "the clocks of two machines may differ by a little"
    edge.now += 0.1
    assert "has expired" in edge.why_not(token)


def test_memory_is_of_one_resource(edge: Edge) -> None:
    token = edge.token()
    edge.find(token)
    assert "another resource" in edge.why_not(token, f"{PUBLIC}/mcp/b/notes")


def test_a_change_of_the_servers_or_of_the_identities_counts_at_once(edge: Edge) -> None:
    token = edge.token(groups=["ops"])
    assert edge.find(token) is not None
    edge.write(plans={"ops": "pro"}, roles={"ops": ("operator",)}, company="acme")
    found = edge.find(token)
    assert found is not None
    assert (found.plan, found.roles, found.tenant) == ("pro", ("operator",), "acme")
    edge.identities = Identities(edge.settings)
    found = edge.find(token)
    assert found is not None
    assert found.caller_class == "untrusted"
    edge.write(blocked=("ada",))
    assert "may not come in" in edge.why_not(token)
    edge.write(blocked=(), allow=Allowed(groups=("staff",)))
    assert "may not come in" in edge.why_not(token)
    edge.write(issuer="https://other.example")
    assert edge.find(token) is None
    edge.servers = Servers([], edge.settings, PUBLIC)
    assert edge.find(token) is None


def test_where_nobody_is_allowed_nobody_comes_in(edge: Edge) -> None:
    edge.write(allow=Allowed())
    assert "may not come in" in edge.why_not(edge.token())


def test_what_was_refused_is_not_remembered(edge: Edge) -> None:
    early = edge.token(nbf=int(NOW) + 60)
    assert "not valid yet" in edge.why_not(early)
    edge.now += 40
    assert edge.find(early) is not None


def test_with_a_list_of_audiences_one_of_them_is_good_everywhere_and_the_url_is_not(edge: Edge) -> None:
    edge.write(audiences=("api://mesh", "other"))
    for resource in (MCP, f"{PUBLIC}/mcp/b/notes"):
        assert edge.find(edge.token(aud="api://mesh"), resource) is not None
        assert edge.find(edge.token(aud=["x", "other"]), resource) is not None
        assert "another resource" in edge.why_not(edge.token(aud=resource), resource)


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ({}, True),
        ({"scope": None, "scp": "tools:read"}, True),
        ({"scope": None, "scp": ["tools:read"]}, True),
        ({"scope": None}, False),
        ({"nonce": "n"}, False),
        ({"at_hash": "h"}, False),
        ({"c_hash": "h"}, False),
    ],
    ids=str,
)
def test_a_plain_jwt_is_taken_only_where_the_entry_says_so_and_never_an_id_token(
    edge: Edge, changes: dict[str, Any], taken: bool
) -> None:
    for typ in ("JWT", "jwt"):
        token = edge.token({"typ": typ}, **changes)
        assert "does not say that it is an access token" in edge.why_not(token)
    edge.write(types=("at+jwt", "JWT"))
    if taken:
        found = edge.find(token)
        assert found is not None
        assert "tools:read" in (found.scopes or ())
    else:
        assert "no access token" in edge.why_not(token)
    assert edge.find(edge.token()) is not None
    without = edge.token({"typ": None}, **changes)
    assert "does not say that it is an access token" in edge.why_not(without)
    edge.write(types=("absent",))
    if taken:
        assert edge.find(without) is not None
    else:
        assert "no access token" in edge.why_not(without)
    for typ in ("JWT", "absent", ""):
        assert "does not say that it is an access token" in edge.why_not(edge.token({"typ": typ}))


def test_a_plain_jwt_alone_may_be_what_is_taken(edge: Edge) -> None:
    edge.write(types=("JWT",))
    assert edge.find(edge.token({"typ": "JWT"})) is not None
    assert "does not say that it is an access token" in edge.why_not(edge.token())


def test_the_client_stands_in_the_claim_that_the_entry_names(edge: Edge) -> None:
    edge.write(client_claim="azp")
    assert "which client" in edge.why_not(edge.token())
    found = edge.find(edge.token(azp="entra-client"))
    assert found is not None
    assert found.caller_id == f"{edge.entry['issuer']}#entra-client"
    for bad in ("", "x" * 257, "a\nb", ["a"]):
        assert "which client" in edge.why_not(edge.token(azp=bad))


def test_scopes_stand_for_what_the_entry_says(edge: Edge) -> None:
    edge.write(scopes={"mesh.all": ("tools:write", "tools:read"), "mesh.read": ("tools:read",)})
    cases = {"mesh.read": ("tools:read",), "x mesh.all": ("tools:read", "tools:write"), "tools:read": (), "": ()}
    for said, ours in cases.items():
        found = edge.find(edge.token(scope=said))
        assert found is not None
        assert found.scopes == ours, said
    found = edge.find(edge.token(scope=None))
    assert found is not None
    assert found.scopes == (), "no scope is no scope, not all of them"


def test_how_long_a_token_may_live_and_how_clocks_may_differ_is_the_entry_s(edge: Edge) -> None:
    edge.write(token_life_s_max=300, clock_leeway_s=0)
    assert "lives for longer" in edge.why_not(edge.token())
    assert edge.find(edge.token(exp=int(NOW) + 300)) is not None
    assert "has expired" in edge.why_not(edge.token(exp=int(NOW)))
    assert "not valid yet" in edge.why_not(edge.token(iat=int(NOW) + 1, exp=int(NOW) + 100))


def test_only_algorithms_of_the_entry_are_taken(edge: Edge) -> None:
    edge.write(algorithms=("PS256", "ES256"))
    assert "algorithm" in edge.why_not(edge.token())


def test_a_token_of_nobody_s_or_of_a_stranger_s_key_is_not_taken(edge: Edge) -> None:
    assert edge.find(edge.token(iss="https://nobody.example")) is None
    assert edge.find("tmk_0.1.2") is None
    assert "signature" in edge.why_not(edge.token(key=STRANGER))


def test_the_operator_reads_why_once_a_minute_and_no_token(edge: Edge, capsys: pytest.CaptureFixture[str]) -> None:
    token = edge.token(aud="https://wrong.example", sub="a-private-name")
    for _ in range(5):
        edge.why_not(token)
    said = capsys.readouterr().out
    assert said.count("is for another resource") == 1
    assert "https://wrong.example" in said
    assert MCP in said
    assert [part for part in (*token.split("."), "a-private-name") if part in said] == []
    edge.now += 60
    edge.why_not(token)
    assert capsys.readouterr().out.count("is for another resource") == 1
