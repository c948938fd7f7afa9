"""API keys that are kept as bcrypt hashes: found, remembered, and never a way to keep a processor busy."""

import asyncio
from typing import Any

import bcrypt
import pytest

from edge.identities.identities import Identities
from edge.identities.slow_keys import WAITING_MAX, SlowKeys
from shared.api_keys import new_api_key
from shared.configuration import ApiKeyEntry, UserEntry
from shared.errors import TooBusy
from shared.identity import Principal
from shared.settings import Settings

KEY = "a-key-that-upstream-made"
OTHER = "another-key-of-upstream"


def hashed(key: str) -> str:
    return bcrypt.hashpw(key.encode(), bcrypt.gensalt(4)).decode()


STORED, OTHER_STORED = hashed(KEY), hashed(OTHER)
ENTRIES = (ApiKeyEntry(user_id="ada", key_hash=STORED), ApiKeyEntry(user_id="bob", key_hash=OTHER_STORED))
BOTH = Identities(Settings(), keys=ENTRIES)


def subject(found: Principal | None) -> str | None:
    return found.subject if found is not None else None


def find(key: str, identities: Identities = BOTH) -> str | None:
    return subject(asyncio.run(SlowKeys().find(key, identities)))


@pytest.mark.parametrize(
    ("key", "user"),
    [(KEY, "ada"), (OTHER, "bob"), (KEY + "x", None), (STORED, None)],
    ids=["one", "another", "unknown", "hash"],
)
def test_a_key_is_found_by_its_hash(key: str, user: str | None) -> None:
    assert find(key) == user


def test_a_key_of_a_disabled_user_is_nobodys() -> None:
    assert find(KEY, Identities(Settings(), [UserEntry(username="ada", disabled=True)], ENTRIES)) is None


@pytest.mark.parametrize(
    "key", ["short-key-of-15", "x" * 73, "ä" * 37, new_api_key(), ""], ids=lambda key: key[:4] or "nothing"
)
def test_what_can_not_be_such_a_key_is_never_tried(key: str) -> None:
    stored = hashed(key[:36])
    assert find(key, Identities(Settings(), keys=[ApiKeyEntry(user_id="ada", key_hash=stored)])) is None


def test_what_was_found_is_remembered_for_as_long_as_the_file_says_so() -> None:
    keys = SlowKeys()
    without = Identities(Settings(), keys=ENTRIES[1:])
    again = Identities(Settings(), keys=(ApiKeyEntry(user_id="eve", key_hash=STORED),))

    async def drive() -> list[str | None]:
        return [
            subject(await keys.find(key, identities))
            for key, identities in ((KEY, BOTH), (KEY, BOTH), (KEY, without), (KEY, without), (KEY, BOTH), (KEY, again))
        ]

    assert asyncio.run(drive()) == ["ada", "ada", None, None, "ada", "eve"]


def test_a_flood_of_unknown_keys_is_told_to_come_again_and_known_ones_go_on() -> None:
    async def drive() -> tuple[list[Any], str | None]:
        keys = SlowKeys()
        await keys.find(KEY, BOTH)
        flood = [asyncio.create_task(keys.find(f"no-such-key-at-all-{n}", BOTH)) for n in range(WAITING_MAX + 6)]
        await asyncio.sleep(0)
        known = subject(await keys.find(KEY, BOTH))
        assert not all(each.done() for each in flood), "the known key did not wait for them"
        return await asyncio.gather(*flood, return_exceptions=True), known

    found, known = asyncio.run(drive())
    assert known == "ada"
    assert sum(isinstance(each, TooBusy) for each in found) == 5
    assert sum(each is None for each in found) == WAITING_MAX + 1


def test_many_at_once_with_the_same_key_all_come_in() -> None:
    async def drive() -> list[Principal | None]:
        keys = SlowKeys()
        return await asyncio.gather(*(keys.find(OTHER, BOTH) for _ in range(WAITING_MAX + 1)))

    assert {subject(each) for each in asyncio.run(drive())} == {"bob"}
