"""The secrets that the authorization server gives out: opaque, 256 random bits each; kept nowhere but as their SHA-256.

A token names its family (16 random bytes, no secret), so that one look tells whether the grant still lives. A refresh token
also says how often it was renewed; its successor follows from it by HMAC-SHA256 under the edges' key: two refreshes at once
get the same one, and an old token can be told from an invented one without a list of all that were ever given out.

A browser's next secret and a code follow likewise from what a form was sent with, so that a form that is sent twice gets
the same answer, and nobody has to keep a secret for that.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from shared.grants import CODE, REFRESH
from shared.mesh_keys import KeyRing

_FAMILY_BYTES = 16
_SECRET_BYTES = 32
_RENEWALS_MAX = 100_000
_CHAIN_MAX = 1_000
"""Renewals back to which an old refresh token is recognized; before that it is merely unknown."""
_TOKEN = re.compile(r"(tmat_|tmac_)([A-Za-z0-9_-]{22})([A-Za-z0-9_-]{43})")
_REFRESH = re.compile(r"tmrt_([A-Za-z0-9_-]{22})\.([0-9]{1,6})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class RefreshParts:
    """What a refresh token says of itself."""

    family: str
    generation: int
    """How often it was renewed before."""


def digest_of(secret: str) -> str:
    """SHA-256 as 64 hex digits: the name under which a secret is known."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def new_family() -> str:
    """A name for a new grant."""
    return _text(secrets.token_bytes(_FAMILY_BYTES))


def new_token(kind: str, family: str) -> str:
    """A fresh access token or code."""
    return kind + family + _text(secrets.token_bytes(_SECRET_BYTES))


def family_of(kind: str, token: str) -> str | None:
    """The family that a token names, or None where it is none of that kind."""
    found = _TOKEN.fullmatch(token)
    return found[2] if found is not None and found[1] == kind else None


def new_refresh_token(family: str) -> str:
    """The first refresh token of a grant."""
    return _refresh(family, 0, _text(secrets.token_bytes(_SECRET_BYTES)))


def refresh_parts(token: str) -> RefreshParts | None:
    """What a text says of itself as a refresh token, or None where it is none."""
    found = _REFRESH.fullmatch(token)
    if found is None or str(int(found[2])) != found[2] or int(found[2]) > _RENEWALS_MAX:
        return None
    return RefreshParts(found[1], int(found[2]))


def successor_of(ring: KeyRing, token: str) -> str:
    """The refresh token that a refresh token is exchanged for: always the same one."""
    return _successor(ring.signing("edge")[1], token)


def successor_named(ring: KeyRing, token: str, digest: str) -> str | None:
    """The successor of a token, if it is the one with that digest. A key that signed before counts as well."""
    for key in ring.keys_of("edge"):
        found = _successor(key, token)
        if hmac.compare_digest(digest_of(found), digest):
            return found
    return None


def leads_to(ring: KeyRing, token: str, generation: int, digest: str) -> bool:
    """Whether a token is an earlier one of the chain whose current token has that generation and digest."""
    parts = refresh_parts(token)
    if parts is None or not 0 < generation - parts.generation <= _CHAIN_MAX:
        return False
    for key in ring.keys_of("edge"):
        found = token
        for _ in range(generation - parts.generation):
            found = _successor(key, found)
        if hmac.compare_digest(digest_of(found), digest):
            return True
    return False


def _successor(key: bytes, token: str) -> str:
    parts = refresh_parts(token)
    assert parts is not None, "only a refresh token has a successor"
    return _refresh(
        parts.family, parts.generation + 1, _text(hmac.digest(key, b"refresh-token|" + token.encode(), "sha256"))
    )


def browser_after(ring: KeyRing, browser: str, rid: str, subject: str) -> str:
    """The secret that a browser changes to when somebody logs in in it, for that request: always the same one."""
    return _following(ring.signing("edge")[1], "browser", browser, rid, subject)


def browser_named(ring: KeyRing, browser: str, rid: str, subject: str, digest: str) -> str | None:
    """That secret, if it is the one with that digest. A key that signed before counts as well."""
    found = (_following(key, "browser", browser, rid, subject) for key in ring.keys_of("edge"))
    return next((secret for secret in found if hmac.compare_digest(digest_of(secret), digest)), None)


def code_of(ring: KeyRing, family: str, browser: str, rid: str) -> str:
    """The code of a grant that was allowed in that browser, for that request: always the same one."""
    return CODE + family + _following(ring.signing("edge")[1], "code", family, browser, rid)


def code_named(ring: KeyRing, family: str, browser: str, rid: str, digest: str) -> str | None:
    """That code, if it is the one with that digest. A key that signed before counts as well."""
    found = (CODE + family + _following(key, "code", family, browser, rid) for key in ring.keys_of("edge"))
    return next((code for code in found if hmac.compare_digest(digest_of(code), digest)), None)


def _following(key: bytes, what: str, *parts: str) -> str:
    """A secret of 256 bits that follows from these. What a person chose comes last: it may hold any character."""
    return _text(hmac.digest(key, "|".join((what, *parts)).encode("utf-8", "surrogateescape"), "sha256"))


def _refresh(family: str, generation: int, secret: str) -> str:
    return f"{REFRESH}{family}.{generation}.{secret}"


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
