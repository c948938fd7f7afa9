"""What is ours, taken out of what others say: an upstream may write back the credential that it was sent.

A secret is found as it is, in base64 (also in the middle of something longer, as in `Basic`), in hex, and escaped as JSON,
URLs and HTML escape characters; in base64 and hex also as URLs and JSON escape it. Each is looked for by the longest run of
letters and digits in it, which no way of escaping changes; only where that is there is the rest looked at.
"""

import base64
import json
import re
from collections.abc import Callable, Collection
from urllib.parse import quote

MASK = "***"
"""What stands in a secret's place."""
SECRET_BYTES_MIN = 8
"""Shorter ones stay: in place of one of them half of an honest answer would be blackened."""
_REMEMBERED_MAX = 64
_LINE_CHARACTERS_MIN = 16
"""Of one that has several lines, as a key file has, each that is as long counts by itself."""
_RUN = re.compile(rb"[A-Za-z0-9]+")
_ANY = ("utf-8", "surrogatepass")
_NAMED = {"&": b"amp", "<": b"lt", ">": b"gt", '"': b"quot", "'": b"apos"}
_BY_LETTER = {"\n": b"n", "\r": b"r", "\t": b"t", "\b": b"b", "\f": b"f"}

Secrets = Callable[[], Collection[str]]
"""The values that are in use now."""


class Mask:
    """Takes the secrets of one backend out. Mutable: one that was in use once is still taken out when another one is."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._known: dict[str, tuple[_Form, ...]] = {}
        self._forms: tuple[_Form, ...] = ()
        """Of all of them, the longest first: one secret may be a part of another."""

    def __call__(self, data: bytes) -> bytes:
        """The same without them; the very same object where none is in it."""
        in_use = self._secrets()
        for secret in in_use:
            if secret not in self._known:
                self._learn(secret, in_use)
        for form in self._forms:
            data = form.taken_out(data)
        return data

    def text(self, text: str) -> str:
        """As of bytes."""
        data = text.encode("utf-8", "surrogatepass")
        masked = self(data)
        return text if masked is data else masked.decode("utf-8", "replace")

    def _learn(self, secret: str, in_use: Collection[str]) -> None:
        if len(self._known) >= _REMEMBERED_MAX:
            # What is in use stays, however many others come: an API that sets new cookies all the time has many.
            over = next((known for known in self._known if known not in in_use), None)
            if over is not None:
                del self._known[over]
        lines = [line.strip() for line in secret.splitlines()]
        parts = [secret.strip(), *(line for line in lines if len(lines) > 1 and len(line) >= _LINE_CHARACTERS_MIN)]
        self._known[secret] = tuple(form for part in parts for form in _forms(part))
        every = (form for forms in self._known.values() for form in forms)
        self._forms = tuple(sorted(every, key=lambda form: form.length, reverse=True))


class _Form:
    """One way in which a secret is written."""

    __slots__ = ("_pattern", "_probe", "length")

    def __init__(self, text: str, *, url_safe: bool = False) -> None:
        """`url_safe`: it is base64, of which there are two alphabets."""
        encoded = text.encode("utf-8", "surrogatepass")
        self.length = len(encoded)
        self._probe = max(_RUN.findall(encoded), key=len, default=b"")
        self._pattern = re.compile(b"".join(_escapes(character, url_safe) for character in text), re.DOTALL)

    def taken_out(self, data: bytes) -> bytes:
        if self._probe not in data:
            return data
        return self._pattern.sub(MASK.encode(), data)


def _forms(secret: str) -> list[_Form]:
    raw = secret.encode("utf-8", "surrogatepass")
    if len(raw) < SECRET_BYTES_MIN:
        return []
    # A URL or JSON that it stands in may be written so as a whole, as cursors of pages are.
    written = dict.fromkeys(
        (raw, quote(raw, safe="").encode(), quote(raw).encode(), json.dumps(secret, ensure_ascii=False)[1:-1].encode(*_ANY))
    )
    inside = (_base64_inside(each, before) for each in written for before in range(3))
    as_base64 = [_Form(text, url_safe=True) for text in inside]
    as_hex = [form for each in written for form in (_Form(each.hex()), _Form(each.hex().upper()))]
    return [_Form(secret), *as_base64, *as_hex]


def _base64_inside(raw: bytes, before: int) -> str:
    """Those characters of the base64 of something longer that hang on nothing but what is inside it. `before`: how many
    bytes lie before it, modulo 3."""
    encoded = base64.b64encode(bytes(before) + raw)
    return encoded[-(-8 * before // 6) : 8 * (before + len(raw)) // 6].decode("ascii")


def _escapes(character: str, url_safe: bool) -> bytes:
    """A pattern for all ways in which one character is written. Backslashes may be doubled: JSON within JSON."""
    encoded = character.encode("utf-8", "surrogatepass")
    if encoded.isalnum():
        return encoded
    if url_safe and character in "+/":
        return b"(?:%b|%b)" % (_escapes(character, False), b"-" if character == "+" else b"_")
    units = character.encode("utf-16-be", "surrogatepass").hex()
    as_json = b"".join(rb"\\{1,4}u" + _any_case(units[at : at + 4]) for at in range(0, len(units), 4))
    ways = [
        rb"\\{0,7}" + re.escape(encoded),
        as_json,
        b"".join(b"%(?:25){0,3}" + _any_case(f"{byte:02x}") for byte in encoded),
        b"&#(?:0*%d|[xX]0*%b);" % (ord(character), _any_case(f"{ord(character):x}")),
    ]
    if character == " ":
        ways.append(rb"\+")
    if character in _NAMED:
        ways.append(b"&%b;" % _NAMED[character])
    if character in _BY_LETTER:
        ways.append(rb"\\{1,4}" + _BY_LETTER[character])
    if 0x80 <= ord(character) <= 0xFF:
        ways.append(re.escape(character.encode("latin-1")))
    return b"(?:%b)" % b"|".join(ways)


def _any_case(digits: str) -> bytes:
    return b"".join(b"[%b%b]" % (d.encode(), d.upper().encode()) if d.isalpha() else d.encode() for d in digits)
