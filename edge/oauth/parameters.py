"""Parameters of the OAuth endpoints, read strictly before any library sees them (RFC 6749 sections 3.1, 3.2, appendix A).

The library quotes what it was sent in its error descriptions, and fails on characters that the RFC does not allow there;
and it looks for repeated parameters in few places only. So both are refused here.
"""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_plus

_ALLOWED = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*")
"""What may stand in an error description (RFC 6749 section 4.1.2.1)."""
_STATE = re.compile(r"[\x20-\x7e]*")
"""What may stand in a state, JSON for instance (RFC 6749 appendix A.5); no error quotes it."""
FIELDS_MAX = 64
_CHARACTERS_MAX = 8 * 1024
_MANY = frozenset({"resource"})
"""May be repeated (RFC 8707 section 2)."""


class BadParameters(Exception):
    """The request is not well formed; the text may be shown to anyone."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one request. Those without a value count as left out (RFC 6749 section 3.1)."""

    values: Mapping[str, str]
    """Each once; of what may be repeated the first."""
    resources: tuple[str, ...] = ()

    def get(self, name: str) -> str | None:
        """One parameter."""
        return self.values.get(name)


def read_parameters(raw: bytes) -> Parameters:
    """Read a query, or a body of `application/x-www-form-urlencoded`. Raises BadParameters."""
    pairs = _pairs(raw)
    for name, value in pairs:
        if not _ALLOWED.fullmatch(name) or not (_STATE if name == "state" else _ALLOWED).fullmatch(value):
            raise BadParameters("A parameter holds a character that can't stand there.")
    _check_once(name for name, _ in pairs if name not in _MANY)
    values: dict[str, str] = {}
    for name, value in pairs:
        if value:
            values.setdefault(name, value)
    return Parameters(values, tuple(value for name, value in pairs if name in _MANY and value))


def read_fields(raw: bytes) -> Mapping[str, str]:
    """Read a form of our own pages, as browsers send it: each field once, in any characters, for names and passwords have
    them all (HTML, "URL-encoded form data"). Raises BadParameters."""
    pairs = _pairs(raw)
    _check_once(name for name, _ in pairs)
    return dict(pairs)


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, encoding="utf-8", errors="strict"
        )
    except ValueError as cause:  # not ASCII, not UTF-8 behind the percent signs, or too many fields
        raise BadParameters("The parameters can't be read: send at most 64, percent-encoded as UTF-8.") from cause
    if any(len(part) > _CHARACTERS_MAX for pair in pairs for part in pair):
        raise BadParameters(f"A parameter has more than {_CHARACTERS_MAX} characters.")
    return pairs


def _check_once(names: Iterable[str]) -> None:
    """Also of those without a value: what one reader leaves out another one takes."""
    if any(count > 1 for count in Counter(names).values()):
        raise BadParameters("A parameter appears more than once.")


@dataclass(frozen=True, slots=True)
class BasicCredentials:
    """What an Authorization header of scheme Basic says (RFC 6749 section 2.3.1)."""

    client_id: str
    client_secret: str


def uses_basic(header: str | None) -> bool:
    """Whether an Authorization header is of scheme Basic."""
    return (header or "").partition(" ")[0].lower() == "basic"


def read_basic(header: str | None) -> BasicCredentials | None:
    """Client id and secret; None without such a header. Raises BadParameters for one that can't be read."""
    if header is None or not uses_basic(header):
        return None
    token = header.partition(" ")[2]
    try:
        text = base64.b64decode(token.strip(), validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as cause:
        raise BadParameters("The Authorization header is not Basic credentials.") from cause
    client_id, colon, secret = text.partition(":")
    if not colon:
        raise BadParameters("The Authorization header is not Basic credentials.")
    # Both are form-encoded before they are joined, so that either may hold a colon.
    return BasicCredentials(unquote_plus(client_id), unquote_plus(secret))
