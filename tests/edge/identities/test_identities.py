"""Who may come in: users, the owner, keys; and who may not any more."""

from pathlib import Path
from typing import Any

import pytest

from edge.identities.identities import Account, Identities, identity_files, load_identities
from edge.identities.passwords import hash_password
from shared.api_keys import digest
from shared.configuration import ApiKeyEntry, UserEntry
from shared.errors import ConfigurationError
from shared.findings import problems_of
from shared.identity import Principal
from shared.settings import Secret, Settings

HASH = hash_password("ada's password")
BCRYPT = "$2b$04$dVLW2wmKyfO5PjAypa6hdutMT0x5pVkUJiHHd/Ez4iGmPWodFo5LS"
ADA = UserEntry(username="ada", password_hash=HASH, company="acme", plan="pro", roles=("ops",))
KEY = "a-key-of-somebody-1"
OWNER = Settings(auth_password=Secret("the owner's password"))


def principal(identities: Identities, username: str = "ada", **more: Any) -> Principal | None:
    client = {"caller_id": "client-1", "caller_name": "ChatGPT", "scopes": ("tools:read",), **more}
    return identities.principal_of(username, **client)


def test_a_users_principal_has_roles_and_plan_of_the_file_and_the_client_that_acts() -> None:
    identities = Identities(Settings(), [ADA], classes={"trusted": ["client-*"]})
    assert principal(identities) == Principal(
        tenant="acme",
        subject="ada",
        roles=("ops",),
        plan="pro",
        caller_id="client-1",
        caller_name="ChatGPT",
        caller_class="trusted",
        scopes=("tools:read",),
    )
    assert identities.account("ada") == Account(
        username="ada", tenant="acme", plan="pro", roles=("ops",), owner=False, disabled=False
    )


def test_one_client_of_a_user_is_not_taken_for_another() -> None:
    identities = Identities(Settings(), [ADA])
    first = principal(identities)
    assert principal(identities) is first
    for other in ({"caller_id": "client-2"}, {"caller_name": "Claude"}, {"scopes": None}, {"scopes": ()}):
        found = principal(identities, **other)
        assert found is not None
        assert found != first


def test_a_user_who_is_not_there_or_disabled_is_nobody() -> None:
    disabled = UserEntry(username="bob", password_hash=HASH, disabled=True)
    identities = Identities(Settings(), [ADA, disabled])
    for name in ("bob", "Ada", "ADA", "", "owner", "ada "):
        assert principal(identities, name) is None
        assert identities.password_hash(name) is None
    found = identities.account("bob")
    assert found is not None
    assert found.disabled


@pytest.mark.parametrize(
    "settings", [OWNER, Settings(owner_password_hash=Secret(HASH))], ids=["password", "generated password"]
)
def test_the_owner_has_an_account_as_long_as_there_is_a_password(settings: Settings) -> None:
    found = principal(Identities(settings), "owner")
    assert found is not None
    assert (found.owner, found.plan, found.roles, found.tenant) == (True, "pro", ("admin",), "default")
    assert principal(Identities(Settings(api_key=Secret(KEY))), "owner") is None


def test_a_password_that_the_owner_set_takes_the_place_of_the_generated_one() -> None:
    identities = Identities(Settings(auth_password=Secret("x"), owner_password_hash=Secret(HASH)))
    assert identities.password_hash("owner") is None
    assert identities.plain_password("owner") == Secret("x")


def test_a_user_of_the_owners_name_is_that_user_and_no_owner() -> None:
    identities = Identities(OWNER, [UserEntry(username="owner", password_hash=HASH)])
    found = principal(identities, "owner")
    assert found is not None
    assert not found.owner
    assert identities.plain_password("owner") is None
    assert identities.password_hash("owner") == HASH


def test_keys_are_their_users_and_the_owners_key_is_the_owners() -> None:
    settings = Settings(api_key=Secret("the-key-of-the-owner"), owner_key_sha256=digest("a-generated-key-1"))
    entries = [
        ApiKeyEntry(user_id="ada", key_sha256=digest(KEY).upper(), company_id="acme", plan="pro", roles=("ops",)),
        ApiKeyEntry(user_id="bob", key_sha256="b" * 64, caller_id="laptop"),
        ApiKeyEntry(user_id="eve", key_hash=BCRYPT),
    ]
    identities = Identities(settings, keys=entries, classes={"trusted": ["laptop"]})
    ada, bob = identities.by_key(digest(KEY)), identities.by_key("b" * 64)
    assert ada == Principal(
        tenant="acme", subject="ada", plan="pro", roles=("ops",), caller_id="ada", caller_class="untrusted"
    )
    assert bob is not None
    assert (bob.caller_id, bob.caller_class, bob.scopes) == ("laptop", "trusted", None)
    for key in ("the-key-of-the-owner", "a-generated-key-1"):
        owner = identities.by_key(digest(key))
        assert owner is not None
        assert owner.owner
        assert owner.subject == "owner"
    assert identities.by_key(digest("x")) is None
    assert {stored: found.subject for stored, found in identities.slow_keys.items()} == {BCRYPT: "eve"}


def test_a_disabled_user_is_out_with_all_keys_the_owners_too() -> None:
    settings = Settings(api_key=Secret("the-key-of-the-owner"))
    users = [UserEntry(username=name, disabled=True) for name in ("ada", "eve", "owner")]
    keys = [ApiKeyEntry(user_id="ada", key_sha256=digest(KEY)), ApiKeyEntry(user_id="eve", key_hash=BCRYPT)]
    identities = Identities(settings, users, keys)
    assert identities.by_key(digest(KEY)) is None
    assert identities.by_key(digest("the-key-of-the-owner")) is None
    assert not identities.slow_keys
    assert not identities.anybody


@pytest.mark.parametrize(
    ("settings", "users", "keys", "anybody"),
    [
        (Settings(), (), (), False),
        (Settings(), (UserEntry(username="ada"),), (), False),
        (Settings(), (ADA,), (), True),
        (Settings(), (), (ApiKeyEntry(user_id="ada", key_sha256="a" * 64),), True),
        (Settings(), (), (ApiKeyEntry(user_id="ada", key_hash=BCRYPT),), True),
        (Settings(), (), (ApiKeyEntry(user_id="ada"),), False),
        (Settings(api_key=Secret(KEY)), (), (), True),
        (Settings(owner_key_sha256="a" * 64), (), (), True),
        (OWNER, (), (), True),
        (Settings(owner_password_hash=Secret(HASH)), (), (), True),
    ],
)
def test_it_is_known_whether_anybody_could_come_in(
    settings: Settings, users: tuple[UserEntry, ...], keys: tuple[ApiKeyEntry, ...], anybody: bool
) -> None:
    assert Identities(settings, users, keys).anybody is anybody


@pytest.mark.parametrize(
    ("first", "kind"), [(BCRYPT, "$2b$04$"), (HASH, "$argon2id$"), (None, "$argon2id$")], ids=["bcrypt", "argon2id", "none"]
)
def test_the_dummy_is_of_the_kind_of_the_files_first_hash(first: str | None, kind: str) -> None:
    users = [UserEntry(username="a"), UserEntry(username="b", password_hash=first), ADA]
    assert Identities(OWNER, users).dummy_hash.startswith(kind)


def test_the_files_are_read_from_the_directory_or_where_settings_say(tmp_path: Path) -> None:
    (tmp_path / "users.yaml").write_text(f"users:\n  - {{username: ada, password_hash: '{HASH}'}}\n")
    (tmp_path / "caller-classes.yaml").write_text("classes: {trusted: [ada]}\n")
    other = tmp_path / "other.yaml"
    other.write_text(f"keys:\n  - {{user_id: ada, key_sha256: {'a' * 64}}}\n")
    settings = Settings(config_dir=tmp_path, apikeys_config=other)
    assert identity_files(settings) == (
        tmp_path / "users.yaml",
        other,
        tmp_path / "caller-classes.yaml",
        tmp_path / "identity-providers.yaml",
    )
    identities = load_identities(settings)
    found = identities.by_key("a" * 64)
    assert found is not None
    assert found.caller_class == "trusted"
    assert identities.password_hash("ada") == HASH
    assert not load_identities(Settings(config_dir=tmp_path / "none")).anybody


def test_the_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    files = {
        "users.yaml": "users",
        "apikeys.yaml": "keys",
        "caller-classes.yaml": "classes",
        "identity-providers.yaml": "providers",
    }
    for file, key in files.items():
        (tmp_path / file).write_text(f"{key}: hunter2\n")
    with pytest.raises(ConfigurationError) as caught:
        load_identities(Settings(config_dir=tmp_path))
    assert [problem.partition(":")[0] for problem in problems_of(caught.value)] == list(files)
