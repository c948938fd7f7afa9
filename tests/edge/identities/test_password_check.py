"""Log-in with name and password: who is let in; everybody else looks the same, costs the same and floods nothing."""

import asyncio
import hashlib
from typing import Any

import bcrypt
import pytest

from edge.identities.identities import Identities
from edge.identities.password_check import PasswordCheck
from edge.identities.passwords import hash_password
from shared.configuration import UserEntry
from shared.errors import TooBusy
from shared.settings import Secret, Settings

PASSWORD = "ada's password"
HASH = hash_password(PASSWORD)
BCRYPT = bcrypt.hashpw(b"bob's password", bcrypt.gensalt(4)).decode()
USERS = (
    UserEntry(username="ada", password_hash=HASH, plan="pro"),
    UserEntry(username="bob", password_hash=BCRYPT),
    UserEntry(username="out", password_hash=HASH, disabled=True),
    UserEntry(username="bare"),
)
OWNER: dict[str, Any] = {"auth_password": Secret("the owner's password")}


def check(username: str, password: str, users: tuple[UserEntry, ...] = USERS, **fields: Any) -> str | None:
    settings = Settings(**fields)
    identities = Identities(settings, users)
    account = asyncio.run(PasswordCheck(settings, lambda: identities).check(username, password))
    return account.username if account is not None else None


@pytest.mark.parametrize(("username", "password"), [("ada", PASSWORD), ("bob", "bob's password")])
def test_a_user_comes_in_with_the_own_password(username: str, password: str) -> None:
    assert check(username, password) == username


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ada", ""),
        ("ada", PASSWORD + " "),
        ("ada", "bob's password"),
        pytest.param("ada", HASH, id="the hash itself"),
        ("Ada", PASSWORD),
        ("out", PASSWORD),
        ("bare", ""),
        ("bare", PASSWORD),
        ("nobody", PASSWORD),
        ("nobody", ""),
        ("", ""),
        ("owner", ""),
        ("owner", PASSWORD),
        ("ada\x00", PASSWORD),
        ("\ud800", "\ud800"),
        ("ada", "x" * 10_000_000),
    ],
)
def test_nobody_else_does(username: str, password: str) -> None:
    assert check(username, password) is None
    assert check(username, password, **OWNER) is None


def test_the_owner_comes_in_with_the_password_of_the_environment() -> None:
    assert check("owner", "the owner's password", **OWNER) == "owner"
    assert check("boss", "the owner's password", auth_user="boss", **OWNER) == "boss"
    assert check("owner", "the owner's password", auth_user="boss", **OWNER) is None


def test_the_owner_comes_in_with_the_generated_password_whatever_version_made_it() -> None:
    salt = bytes(range(16))
    found = hashlib.scrypt(PASSWORD.encode(), salt=salt, n=2**14, r=8, p=1).hex()
    scrypt = f"16384$8$1${salt.hex()}${found}"
    assert check("owner", PASSWORD, owner_password_hash=Secret(HASH)) == "owner"
    assert check("owner", PASSWORD, owner_password_hash=Secret(scrypt)) == "owner"


def test_a_user_of_the_owners_name_has_the_password_of_the_file_alone() -> None:
    users = (UserEntry(username="owner", password_hash=HASH),)
    assert check("owner", PASSWORD, users, **OWNER) == "owner"
    assert check("owner", "the owner's password", users, **OWNER) is None


def test_an_empty_or_endless_password_of_the_owner_opens_nothing() -> None:
    assert check("owner", "", auth_password=Secret("")) is None
    assert check("owner", "x" * 1025, auth_password=Secret("x" * 1025)) is None
    assert check("owner", "x" * 1024, auth_password=Secret("x" * 1024)) == "owner"


def test_who_is_removed_meanwhile_is_out_and_who_is_added_is_in() -> None:
    newest = [Identities(Settings(), USERS)]

    async def drive() -> list[bool]:
        checker = PasswordCheck(Settings(), lambda: newest[0])
        found = [await checker.check("ada", PASSWORD) is not None]
        newest[0] = Identities(Settings(), ())
        found.append(await checker.check("ada", PASSWORD) is not None)
        newest[0] = Identities(Settings(), USERS)
        return [*found, await checker.check("ada", PASSWORD) is not None]

    assert asyncio.run(drive()) == [True, False, True]


def test_beyond_the_queue_people_are_told_to_come_again_and_the_others_are_served() -> None:
    settings = Settings(password_checks_max=1, password_queue_max=2)
    identities = Identities(settings, USERS)

    async def drive() -> list[Any]:
        checker = PasswordCheck(settings, lambda: identities)
        flood = [checker.check("ada", PASSWORD) for _ in range(6)]
        found: list[Any] = await asyncio.gather(*flood, return_exceptions=True)
        return [*found, await checker.check("ada", PASSWORD)]

    *first, after = asyncio.run(drive())
    busy = [error for error in first if isinstance(error, TooBusy)]
    assert len(busy) == 3
    assert all(error.retry_after_s for error in busy)
    assert sum(not isinstance(each, BaseException) and each.username == "ada" for each in first) == 3
    assert after.username == "ada"


def test_who_gives_up_waiting_leaves_the_place_to_another() -> None:
    settings = Settings(password_checks_max=1, password_queue_max=1)
    identities = Identities(settings, USERS)

    async def drive() -> Any:
        checker = PasswordCheck(settings, lambda: identities)
        waiting = [asyncio.create_task(checker.check("ada", PASSWORD)) for _ in range(2)]
        await asyncio.sleep(0)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return await checker.check("ada", PASSWORD)

    assert asyncio.run(drive()).username == "ada"
