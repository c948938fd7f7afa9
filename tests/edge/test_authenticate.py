"""authenticate: who is known is let in, and nobody else is anybody."""

import hashlib
from typing import Any

import pytest

from edge.authenticate import Authenticator, challenge
from shared.api_keys import digest
from shared.configuration import ApiKeyEntry
from shared.errors import ConfigurationError, Unauthenticated
from shared.identity import Principal
from shared.settings import Secret, Settings

OWNER_KEY = "the-key-of-the-owner"
ADA_KEY = "tmk_h3sl84WUS1hD5oywnStjuonpKGjgjuBEIcEoWcrXIhV3uMBOB"
ADA = ApiKeyEntry(
    user_id="ada", key_sha256=digest(ADA_KEY), company_id="acme", plan="pro", roles=("ops",), caller_id="laptop"
)
METADATA = "https://mesh.example/.well-known/oauth-protected-resource/mcp"


def authenticator(*entries: ApiKeyEntry, **fields: Any) -> Authenticator:
    return Authenticator(Settings(**fields), entries)


BOTH = authenticator(ADA, api_key=Secret(OWNER_KEY))


def refused(headers: dict[str, str], known: Authenticator = BOTH) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as error:
        known.authenticate(headers)
    return error.value


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_configured_key_is_the_owner_s(scheme: str) -> None:
    owner = BOTH.authenticate({"authorization": f"{scheme} {OWNER_KEY}"})
    assert owner == Principal(subject="owner", plan="pro", roles=("admin",), caller_id="owner", owner=True)


def test_a_key_of_the_file_is_its_user_and_not_the_owner() -> None:
    found = BOTH.authenticate({"authorization": f"Bearer {ADA_KEY}"})
    assert found == Principal(tenant="acme", subject="ada", plan="pro", roles=("ops",), caller_id="laptop", owner=False)


def test_a_digest_in_capitals_is_the_same_digest() -> None:
    entry = ApiKeyEntry(user_id="bob", key_sha256=digest(ADA_KEY).upper())
    found = authenticator(entry).authenticate({"authorization": f"Bearer {ADA_KEY}"})
    assert (found.tenant, found.subject, found.caller_id) == ("default", "bob", "bob")


def test_the_generated_owner_key_is_known_by_its_digest() -> None:
    known = authenticator(owner_key_sha256=hashlib.sha256(OWNER_KEY.encode()).hexdigest())
    assert known.authenticate({"authorization": f"Bearer {OWNER_KEY}"}).owner


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


def test_an_edge_that_nobody_could_call_does_not_start() -> None:
    with pytest.raises(ConfigurationError, match="toolmesh key new"):
        authenticator()
    with pytest.raises(ConfigurationError):
        authenticator(ApiKeyEntry(user_id="ada"))


def test_the_challenge_without_a_credential_names_the_metadata_and_no_error() -> None:
    assert challenge(Unauthenticated("no", presented=False), METADATA) == (
        b"www-authenticate",
        f'Bearer resource_metadata="{METADATA}"'.encode(),
    )


def test_the_challenge_to_a_wrong_credential_says_invalid_token() -> None:
    name, value = challenge(Unauthenticated("no", presented=True), METADATA)
    assert name == b"www-authenticate"
    assert value.startswith(b'Bearer error="invalid_token", error_description="')
    assert value.endswith(f', resource_metadata="{METADATA}"'.encode())
