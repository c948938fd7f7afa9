"""API keys: shape, checksum, digest."""

import hashlib
import re

import pytest

from shared.api_keys import digest, new_api_key, well_formed


def test_a_new_key_is_well_formed_and_never_the_same() -> None:
    made = {new_api_key() for _ in range(200)}
    assert len(made) == 200
    for key in made:
        assert re.fullmatch(r"tmk_[0-9A-Za-z]{49}", key)
        assert well_formed(key)


def test_any_single_wrong_character_is_noticed() -> None:
    key = new_api_key()
    for at in range(4, len(key)):
        other = "a" if key[at] != "a" else "b"
        assert not well_formed(key[:at] + other + key[at + 1 :])


@pytest.mark.parametrize("text", ["", "tmk_", "tmk_" + "ä" * 49, "x" * 53, "tmk_" + "-" * 49, "one digit more"])
def test_what_is_not_a_key_is_not_well_formed(text: str) -> None:
    assert not well_formed(new_api_key() + "0" if text == "one digit more" else text)


def test_the_digest_is_the_sha256_of_the_whole_key_string() -> None:
    key = new_api_key()
    assert digest(key) == hashlib.sha256(key.encode()).hexdigest()
