"""Hashes of passwords: what is written, what is known, and that nothing else ever fits."""

import hashlib

import bcrypt
import pytest
from argon2 import PasswordHasher

from edge.identities.passwords import dummy_like, hash_password, needs_rehash, verify
from shared.password_hashes import kind_of

PASSWORD = "open sesame ✓"


def bcrypt_of(password: str, prefix: str = "$2b$") -> str:
    return prefix + bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()[4:]


def scrypt_of(password: str) -> str:
    """As earlier versions wrote the owner's generated password."""
    salt = bytes(range(16))
    found = hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)
    return f"16384$8$1${salt.hex()}${found.hex()}"


ALL = [hash_password(PASSWORD), scrypt_of(PASSWORD), *(bcrypt_of(PASSWORD, p) for p in ("$2a$", "$2b$", "$2y$"))]


def test_what_is_written_is_argon2id_at_the_cost_that_owasp_asks_for() -> None:
    assert hash_password("x").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hash_password("x") != hash_password("x")
    assert not needs_rehash(hash_password("x"))


@pytest.mark.parametrize("stored", ALL, ids=lambda stored: stored[:6])
def test_the_password_fits_its_hash_and_no_other_does(stored: str) -> None:
    assert verify(stored, PASSWORD)
    for other in ("", PASSWORD + "x", PASSWORD[:-1], PASSWORD.upper(), "\ud800", stored):
        assert not verify(stored, other)


def test_a_hash_that_another_program_made_with_other_costs_is_known_and_to_be_renewed() -> None:
    stored = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=2).hash(PASSWORD)
    assert verify(stored, PASSWORD)
    assert needs_rehash(stored)
    assert all(needs_rehash(each) for each in ALL[1:])


def test_of_a_password_that_bcrypt_would_cut_off_nothing_fits() -> None:
    stored = bcrypt_of("a" * 72)
    assert verify(stored, "a" * 72)
    assert not verify(stored, "a" * 73)
    assert not verify(stored, "a" * 72 + "whatever follows")
    assert not verify(stored, "ä" * 37)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "open sesame ✓",
        "$argon2id$",
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$",
        ALL[0].replace("argon2id", "argon2i"),
        ALL[0].replace("m=19456", "m=999999999"),
        ALL[0].replace("t=2", "t=99999999"),
        ALL[0].replace("p=1", "p=0"),
        ALL[0][:-1] + "/",
        ALL[0] + "=",
        ALL[0] + "\n",
        "$2b$04$" + "a" * 53,
        "$2b$31$" + ALL[2][7:],
        "$2x$04$" + ALL[2][7:],
        "$2b$04$tooshort",
        ALL[1].replace("16384", "16383"),
        ALL[1].replace("16384", str(2**26)),
        ALL[1].replace("$8$", "$0$"),
        ALL[1][:-1],
        "16384$8$1$$",
        "\x00" * 60,
    ],
    ids=lambda stored: stored[:7] or "nothing",
)
def test_a_malformed_or_ruinous_hash_fits_nothing_and_raises_nothing(stored: str) -> None:
    for password in (PASSWORD, "", "x"):
        assert not verify(stored, password)


@pytest.mark.parametrize("stored", ALL, ids=lambda stored: stored[:6])
def test_a_dummy_costs_the_same_and_no_password_fits_it(stored: str) -> None:
    dummy = dummy_like(stored)
    assert dummy != stored
    assert kind_of(dummy) == kind_of(stored)
    assert dummy.rpartition("$")[0] == stored.rpartition("$")[0] or dummy[:29] == stored[:29]
    assert not verify(dummy, PASSWORD)


def test_where_there_is_no_hash_the_dummy_is_like_those_that_are_written() -> None:
    assert not needs_rehash(dummy_like(""))
    assert dummy_like("") != dummy_like("")
    assert not verify(dummy_like(""), "")
