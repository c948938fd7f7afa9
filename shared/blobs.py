"""Files that tools give as URLs: what is kept of one, and what its URL says.

`/blobs/<group>.<token>`: whoever has the URL has the file, so that the token is 256 bits of chance, and the broker, in
whose keys stands the token's digest alone, can't make a URL of what it holds.
"""

import hashlib
import re
import secrets

from shared.messages import Message

PATH = "/blobs/"
_ID = re.compile(r"([a-z0-9][a-z0-9-]{0,31})\.([A-Za-z0-9_-]{43})")
_TOKEN_BYTES = 32


class Blob(Message, frozen=True, kw_only=True, tag="blob"):
    """One file."""

    digest: str
    """Of its token: a blob does not stand in for another one."""
    content_type: str
    """Media type, as the upstream or the definition says it."""
    name: str
    """What it may be called on a disk."""
    body: bytes


def new_token() -> str:
    """The secret part of a URL."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def digest_of(token: str) -> str:
    """What stands for it on the broker."""
    return hashlib.sha256(token.encode()).hexdigest()


def blob_id(group: str, token: str) -> str:
    """The last part of the URL's path."""
    return f"{group}.{token}"


def parse_blob_id(text: str) -> tuple[str, str] | None:
    """Group and digest; None for what is no id."""
    found = _ID.fullmatch(text)
    return None if found is None else (found[1], digest_of(found[2]))
