"""authenticate: who is known is let in, and nobody else is anybody."""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from edge.authenticate import Authenticator, challenge
from edge.authorize import ANONYMOUS
from edge.identities.identities import Identities
from edge.identities.passwords import hash_password
from edge.identities.slow_keys import SlowKeys
from edge.oauth.secret_tokens import new_family, new_refresh_token, new_token
from edge.problems import Refusal
from shared.api_keys import digest
from shared.configuration import ApiKeyEntry, UserEntry
from shared.errors import BrokerUnavailable, Unauthenticated
from shared.grants import ACCESS, CODE, REFRESH, AccessToken, Grant
from shared.identity import Principal
from shared.settings import Secret, Settings

PUBLIC = "https://mesh.example"
METADATA = f"{PUBLIC}/.well-known/oauth-protected-resource/mcp"
OWNER_KEY = "the-key-of-the-owner"
ADA_KEY = "tmk_h3sl84WUS1hD5oywnStjuonpKGjgjuBEIcEoWcrXIhV3uMBOB"
SLOW_KEY = "a-key-of-an-older-file"
SLOW_HASH = "$2b$04$EdFMiMibFsEOi4gxHmYYaOKRcQHGhOhTuWnVemrCjBGEi8mmlMYrq"
ADA = ApiKeyEntry(
    user_id="ada", key_sha256=digest(ADA_KEY), company_id="acme", plan="pro", roles=("ops",), caller_id="laptop"
)
GRACE = UserEntry(username="grace", password_hash=hash_password("x"), company="acme", plan="pro", roles=("ops",))
OWNER = Settings(api_key=Secret(OWNER_KEY))


class Tokens:
    """Access tokens by what they are; a broker that is away raises."""

    def __init__(self, known: Mapping[str, AccessToken] | None = None) -> None:
        self._known = known

    async def find(self, token: str) -> AccessToken | None:
        if self._known is None:
            raise BrokerUnavailable("away")
        return self._known.get(token)


def issued(resource: str = f"{PUBLIC}/mcp", subject: str = "grace", **fields: Any) -> tuple[str, AccessToken]:
    """A token of that user, and its record."""
    family = new_family()
    token = new_token(ACCESS, family)
    grant = Grant(
        family=family,
        client_id="client-1",
        client_name="A client",
        subject=subject,
        scopes=("tools:read", "tools:write"),
        resource=resource,
        started_ms=1,
    )
    return token, AccessToken(digest=digest(token), grant=grant, scopes=("tools:read",), expires_ms=2**50, **fields)


def authenticator(
    *keys: ApiKeyEntry, settings: Settings = OWNER, anonymous: bool = False, tokens: Tokens | None = None
) -> Authenticator:
    identities = Identities(settings, [GRACE], keys)
    return Authenticator(lambda: identities, tokens or Tokens({}), SlowKeys(), PUBLIC, anonymous=lambda: anonymous)


BOTH = authenticator(ADA)


def let_in(known: Authenticator, value: str | None, path: str = "/mcp", query: bytes = b"") -> Principal:
    headers = {} if value is None else {"authorization": value}
    return asyncio.run(known.authenticate(headers, path, query))


def refused(headers: dict[str, str], known: Authenticator = BOTH, query: bytes = b"") -> Unauthenticated:
    with pytest.raises(Unauthenticated) as error:
        asyncio.run(known.authenticate(headers, "/mcp", query))
    return error.value


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_configured_key_is_the_owner_s(scheme: str) -> None:
    owner = let_in(BOTH, f"{scheme} {OWNER_KEY}")
    assert owner == Principal(
        subject="owner", plan="pro", roles=("admin",), caller_id="owner", owner=True, caller_class="untrusted"
    )


def test_a_key_of_the_file_is_its_user_and_not_the_owner() -> None:
    found = let_in(BOTH, f"Bearer {ADA_KEY}")
    assert found == Principal(
        tenant="acme", subject="ada", plan="pro", roles=("ops",), caller_id="laptop", caller_class="untrusted"
    )


def test_a_digest_in_capitals_is_the_same_digest() -> None:
    found = let_in(authenticator(ApiKeyEntry(user_id="bob", key_sha256=digest(ADA_KEY).upper())), f"Bearer {ADA_KEY}")
    assert (found.tenant, found.subject, found.caller_id) == ("default", "bob", "bob")


def test_a_key_that_is_kept_as_a_bcrypt_hash_is_known_too() -> None:
    known = authenticator(ApiKeyEntry(user_id="bob", key_hash=SLOW_HASH))
    assert let_in(known, f"Bearer {SLOW_KEY}").subject == "bob"
    assert refused({"authorization": f"Bearer {SLOW_KEY}2"}, known).presented


def test_the_generated_owner_key_is_known_by_its_digest() -> None:
    known = authenticator(settings=Settings(owner_key_sha256=hashlib.sha256(OWNER_KEY.encode()).hexdigest()))
    assert let_in(known, f"Bearer {OWNER_KEY}").owner


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "Bearer",
        "Bearer ",
        f"Basic {OWNER_KEY}",
        OWNER_KEY,
        f"Bearer{OWNER_KEY}",
        f"DPoP {OWNER_KEY}",
        f"Bearer\t{OWNER_KEY}",
    ],
)
def test_what_is_no_bearer_credential_counts_as_none(value: str) -> None:
    error = refused({"authorization": value})
    assert not error.presented
    assert OWNER_KEY not in error.detail


@pytest.mark.parametrize(
    "token",
    [
        OWNER_KEY.upper(),
        OWNER_KEY[:-1],
        OWNER_KEY + "x",
        OWNER_KEY + "\0",
        f"{OWNER_KEY} {OWNER_KEY}",
        f"{OWNER_KEY},",
        f'"{OWNER_KEY}"',
        digest(OWNER_KEY),
        digest(ADA_KEY),
        "x" * 1_000_000,
        "\xff\xfe",
        "ey.ey.ey",
        *(ADA_KEY[:at] + ("0" if ADA_KEY[at] != "0" else "1") + ADA_KEY[at + 1 :] for at in range(len(ADA_KEY))),
    ],
)
def test_a_key_that_is_not_exactly_a_known_one_is_refused(token: str) -> None:
    error = refused({"authorization": f"Bearer {token}"})
    assert error.presented
    assert token not in error.detail


@pytest.mark.parametrize("headers", [{}, {"x-api-key": OWNER_KEY}, {"cookie": f"token={OWNER_KEY}"}, {"host": "x"}])
def test_nothing_but_the_authorization_header_is_asked(headers: dict[str, str]) -> None:
    assert not refused(headers).presented


def test_a_token_is_its_user_as_the_file_says_now_and_the_client_that_it_was_given_to() -> None:
    token, record = issued()
    assert let_in(authenticator(tokens=Tokens({token: record})), f"Bearer {token}") == Principal(
        tenant="acme",
        subject="grace",
        roles=("ops",),
        plan="pro",
        caller_id="client-1",
        caller_name="A client",
        caller_class="untrusted",
        scopes=("tools:read",),
    )


def test_a_token_of_somebody_who_is_no_user_any_more_is_refused() -> None:
    token, record = issued(subject="gone")
    assert refused({"authorization": f"Bearer {token}"}, authenticator(tokens=Tokens({token: record}))).presented


PATHS = ("/mcp", "/mcp/", "/mcp/b/echo", "/mcp/b/echo/", "/mcp/b/echo2", "/sse", "/messages")


@pytest.mark.parametrize(
    ("resource", "paths"),
    [
        ("/mcp", {"/mcp", "/mcp/"}),
        ("/mcp/b/echo", {"/mcp/b/echo", "/mcp/b/echo/"}),
        ("/sse", {"/sse", "/messages"}),
        ("/mcp/", set()),
        ("/mcp/b", set()),
        ("/MCP", set()),
        ("", set()),
        ("/", set()),
        ("x/mcp", set()),
    ],
)
def test_a_token_is_good_for_the_one_resource_that_it_names_and_no_other(resource: str, paths: set[str]) -> None:
    token, record = issued(PUBLIC + resource)
    known = authenticator(tokens=Tokens({token: record}))
    for path in PATHS:
        if path in paths:
            assert let_in(known, f"Bearer {token}", path).subject == "grace"
        else:
            with pytest.raises(Unauthenticated):
                let_in(known, f"Bearer {token}", path)


@pytest.mark.parametrize("anonymous", [False, True])
@pytest.mark.parametrize(
    "value",
    [new_token(ACCESS, new_family()), new_token(CODE, new_family()), new_refresh_token("f" * 22)],
    ids=["access token", "code", "refresh token"],
)
def test_a_token_that_nobody_knows_is_refused_also_where_nobody_needs_one(value: str, anonymous: bool) -> None:
    assert refused({"authorization": f"Bearer {value}"}, authenticator(anonymous=anonymous)).presented


@pytest.mark.parametrize("kind", [ACCESS, CODE, REFRESH])
def test_a_broker_that_can_not_be_asked_is_never_a_yes_also_where_nobody_needs_a_token(kind: str) -> None:
    away = authenticator(anonymous=True, tokens=Tokens())
    with pytest.raises(BrokerUnavailable):
        let_in(away, f"Bearer {kind}{'x' * 65}")
    assert let_in(away, None) is ANONYMOUS
    assert let_in(away, f"Bearer {OWNER_KEY}").owner


@pytest.mark.parametrize(
    "query",
    [b"access_token=x", b"a=1&access_token=", b"access%5Ftoken=x", b"access_token=x&access_token=y", b"a&access_token=1"],
)
def test_a_token_in_the_url_is_none_and_beside_another_credential_it_is_one_too_many(query: bytes) -> None:
    token, record = issued()
    known = authenticator(anonymous=True, tokens=Tokens({token: record}))
    assert not refused({}, known, query.replace(b"=x", b"=" + token.encode())).presented
    for credential in (token, OWNER_KEY, "nobody's"):
        with pytest.raises(Refusal) as caught:
            let_in(known, f"Bearer {credential}", query=query)
        assert (caught.value.http_status, caught.value.code) == (400, "two_credentials")


@pytest.mark.parametrize(
    "query", [b"", b"a=1", b"a=access_token", b"xaccess_token=1", b"access_tokens=1", b"ACCESS_TOKEN=1"]
)
def test_other_queries_are_of_no_account(query: bytes) -> None:
    assert let_in(BOTH, f"Bearer {OWNER_KEY}", query=query).owner


def test_who_brings_nothing_is_anonymous_only_where_that_may_be_now() -> None:
    may = [True]
    identities = Identities(OWNER)
    known = Authenticator(lambda: identities, Tokens({}), SlowKeys(), PUBLIC, anonymous=lambda: may[0])
    assert let_in(known, None) is ANONYMOUS
    for value in ("", "Basic x", "Bearer", "Bearer nobody's"):
        refused({"authorization": value}, known)
    may[0] = False
    assert not refused({}, known).presented


def test_the_challenge_without_a_credential_names_the_metadata_and_no_error() -> None:
    assert challenge(Unauthenticated("no", presented=False), METADATA, "tools:read tools:write") == (
        b"www-authenticate",
        f'Bearer resource_metadata="{METADATA}", scope="tools:read tools:write"'.encode(),
    )
    assert (
        challenge(Unauthenticated("no", presented=False), METADATA, "")[1]
        == f'Bearer resource_metadata="{METADATA}"'.encode()
    )


def test_the_challenge_to_a_wrong_credential_says_invalid_token() -> None:
    name, value = challenge(Unauthenticated("no", presented=True), METADATA, "tools:read")
    assert name == b"www-authenticate"
    assert value.startswith(b'Bearer error="invalid_token", error_description="no", ')
    assert value.endswith(f', resource_metadata="{METADATA}", scope="tools:read"'.encode())


class Elsewhere:
    """Servers of others that know one token, and write down what they are asked."""

    def __init__(self, known: str) -> None:
        self._known = known
        self.asked: list[tuple[str, str]] = []

    async def find(self, token: str, digest: str, resource: str) -> Principal | None:
        self.asked.append((token, resource))
        assert len(digest) == 64
        return Principal(subject="https://idp.example#ada") if token == self._known else None


def with_others(elsewhere: Elsewhere, *keys: ApiKeyEntry, tokens: Tokens | None = None) -> Authenticator:
    identities = Identities(OWNER, [GRACE], keys)
    return Authenticator(
        lambda: identities,
        tokens,
        SlowKeys(),
        PUBLIC,
        anonymous=lambda: False,
        elsewhere=elsewhere,
        characters_max=10_000,
    )


def test_what_has_two_dots_is_shown_to_other_servers_with_the_resource_that_was_called() -> None:
    others = Elsewhere("a.b.c")
    found = let_in(with_others(others), "Bearer a.b.c", "/mcp/b/notes")
    assert found.subject == "https://idp.example#ada"
    for token in ("a.b", "a.b.c.d", "a.b.c.d.e", "abc"):
        with pytest.raises(Unauthenticated):
            let_in(with_others(others), f"Bearer {token}")
    assert others.asked == [("a.b.c", f"{PUBLIC}/mcp/b/notes")]


def test_a_key_that_is_known_is_shown_to_nobody_else() -> None:
    key = "a.key.of-somebody"
    others = Elsewhere(key)
    entry = ApiKeyEntry(user_id="ada", key_sha256=hashlib.sha256(key.encode()).hexdigest())
    assert let_in(with_others(others, entry), f"Bearer {key}").subject == "ada"
    assert others.asked == []


def test_a_token_of_another_server_may_be_longer_than_a_key_but_not_endless() -> None:
    token = "a." + "b" * 9_000 + ".c"
    others = Elsewhere(token)
    assert let_in(with_others(others), f"Bearer {token}").subject == "https://idp.example#ada"
    for unknown in ("a." + "b" * 10_000 + ".c", "x" * 9_000):
        with pytest.raises(Unauthenticated, match="not known"):
            let_in(with_others(others), f"Bearer {unknown}")
    assert len(others.asked) == 1


def test_where_we_issue_no_tokens_one_of_ours_is_refused_and_shown_to_nobody() -> None:
    token, record = issued()
    others = Elsewhere(token)
    assert let_in(with_others(others, tokens=Tokens({token: record})), f"Bearer {token}").subject == "grace"
    with pytest.raises(Unauthenticated):
        let_in(with_others(others), f"Bearer {token}")
    assert others.asked == []
