"""Somebody who logged in elsewhere: what they are here is what the file says now, and nothing where it says nothing."""

from pathlib import Path
from typing import Any

import msgspec

from edge.identities.identities import Account, Identities, load_identities
from shared.claims_mapping import Allowed
from shared.configuration import UserEntry
from shared.foreign_identity import ForeignIdentity
from shared.grants import Grant
from shared.identity_providers_file import IdentityProviderEntry
from shared.settings import Secret, Settings

CORP = IdentityProviderEntry(
    name="corp",
    label="Corp",
    issuer="https://idp.example",
    client_id="mesh",
    roles={"ops": ("operator",)},
    plans={"ops": "pro"},
    company="acme",
    allow=Allowed(groups=("staff",)),
)
ADA = ForeignIdentity(
    issuer="https://idp.example", subject="1", name="Ada", groups=("staff", "ops"), said_ms=1_790_000_000_000
)
CLIENT: dict[str, Any] = {"caller_id": "client-1", "caller_name": "ChatGPT", "scopes": ("tools:read",)}


def identities(*providers: IdentityProviderEntry, settings: Settings | None = None) -> Identities:
    return Identities(settings or Settings(), [UserEntry(username="ada")], providers=providers)


def test_they_are_what_the_mapping_makes_of_them_and_the_client_acts_for_them() -> None:
    known = identities(CORP)
    assert known.standing(ADA) == Account(
        username="https://idp.example#1", tenant="acme", plan="pro", roles=("operator",), owner=False, disabled=False
    )
    found = known.principal_of(ADA, **CLIENT)
    assert found is not None
    assert (found.subject, found.caller_id, found.scopes, found.owner) == (
        "https://idp.example#1",
        "client-1",
        ("tools:read",),
        False,
    )
    assert known.principal_of(ADA, **CLIENT) is found
    assert known.called(ADA) == "Ada (Corp)"
    assert known.called(msgspec.structs.replace(ADA, name="", email="ada@host.example")) == "ada@host.example (Corp)"
    assert known.called("ada") == "ada"


def test_they_are_nobody_without_their_provider_or_once_they_are_not_allowed() -> None:
    elsewhere = msgspec.structs.replace(CORP, issuer="https://other.example")
    no_more = msgspec.structs.replace(CORP, allow=Allowed(groups=("board",)))
    blocked = msgspec.structs.replace(CORP, blocked=("1",))
    for known in (identities(), identities(elsewhere), identities(no_more), identities(blocked)):
        assert known.standing(ADA) is None
        assert known.principal_of(ADA, **CLIENT) is None


def test_two_who_differ_in_a_group_alone_are_not_taken_for_one_another() -> None:
    known = identities(CORP)
    one = known.principal_of(ADA, **CLIENT)
    other = known.principal_of(msgspec.structs.replace(ADA, groups=("staff",)), **CLIENT)
    assert one is not None
    assert other is not None
    assert (one.roles, other.roles) == (("operator",), ())


def test_nobody_could_come_in_where_passwords_are_off_and_there_is_no_provider() -> None:
    off = Settings(auth_password=Secret("the owner's password"), password_login=False)
    assert not identities(settings=off).anybody
    assert identities(CORP, settings=off).anybody
    assert not identities(CORP, settings=off).password_log_in


def test_the_providers_come_out_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "identity-providers.yaml").write_text(
        "providers:\n  - {name: gh, kind: github, client_id: x, allow: {groups: [acme]}}\n"
    )
    (found,) = load_identities(Settings(config_dir=tmp_path)).providers
    assert (found.name, found.site, found.shown) == ("gh", "https://github.com", "gh")


class _GrantBefore(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, array_like=True):
    """As it was before people could log in elsewhere."""

    family: str
    client_id: str
    client_name: str
    subject: str
    scopes: tuple[str, ...]
    resource: str
    started_ms: int


def test_a_grant_of_a_user_of_this_server_is_encoded_as_it_always_was() -> None:
    """Edges of two releases read one another's during a rolling update."""
    values: dict[str, Any] = {
        "family": "f",
        "client_id": "c",
        "client_name": "n",
        "scopes": ("tools:read",),
        "resource": "https://mesh.example/mcp",
        "started_ms": 1,
    }
    before, now = msgspec.msgpack.encode(_GrantBefore(subject="ada", **values)), Grant(subject="ada", **values)
    assert msgspec.msgpack.encode(now) == before
    assert msgspec.msgpack.decode(before, type=Grant) == now
    foreign = Grant(subject=ADA, **values)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(foreign), type=Grant) == foreign
    assert (now.username, foreign.username) == ("ada", "https://idp.example#1")
