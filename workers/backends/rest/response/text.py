"""Bodies as text: in the encoding that they say, and what can't be read replaced."""

import codecs
import json
import re

from workers.backends.rest.answer import Answer

_CHARSET = re.compile(r'charset\s*=\s*"?([A-Za-z0-9._:-]{1,40})', re.IGNORECASE)
_KNOWN = re.compile(
    r"utf-?8|utf-?(16|32)(-?[lb]e)?|us-ascii|ascii|iso-?8859-?\d{1,2}|latin-?1|windows-125\d|cp125\d|koi8-[ru]"
    r"|shift[_-]jis|euc-(jp|kr)|iso-2022-jp|gb2312|gbk|gb18030|big5",
    re.IGNORECASE,
)
"""Encodings of text that take no longer for more of it. Python knows others (`punycode`, `idna`) that do."""
_WIDE = re.compile(r"utf-?(16|32)-?([lb]e)?")
"""Python does not know all of these spellings."""
_LONE = re.compile(
    rb"(?<!\\)((?:\\\\)*)"
    rb"(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
"""One half of a character beyond U+FFFF, which programs leave that cut texts."""
_BOM = b"\xef\xbb\xbf"


def media_type(answer: Answer) -> str:
    """`application/json`, without parameters and in lower case; empty where nothing is said."""
    return media_type_of(answer.headers.get("Content-Type", ""))


def media_type_of(content_type: str) -> str:
    """The same, of the header."""
    return content_type.partition(";")[0].strip().lower()


def charset(answer: Answer) -> str:
    """The encoding that the answer names, if it is one that is read; else empty."""
    return charset_of(answer.headers.get("Content-Type", ""))


def charset_of(content_type: str) -> str:
    """The same, of the header."""
    found = _CHARSET.search(content_type)
    return found[1] if found is not None and _KNOWN.fullmatch(found[1]) else ""


def utf8(body: bytes, answer: Answer) -> bytes:
    """The body of an answer in UTF-8, without a mark of the byte order; the very same where it is that already."""
    named = charset(answer).lower().replace("-", "")
    if named in ("", "utf8", "ascii", "usascii"):
        named = json.detect_encoding(body[:4]) if "json" in media_type(answer) else "utf8"
        if named in ("utf8", "utf-8", "utf-8-sig"):
            return _valid(body.removeprefix(_BOM))
    try:
        text = body.decode(charset(answer) or named, "replace")
    except LookupError:
        return _valid(body)
    return text.removeprefix("\ufeff").encode("utf-8", "replace")


def wide_encoding(body: bytes, content_type: str) -> str:
    """The encoding of a text whose characters are two or four bytes each; empty for every other body."""
    said = charset_of(content_type).lower()
    if wide := _WIDE.fullmatch(said):
        return "-".join(["utf", *filter(None, wide.groups())])
    kind = media_type_of(content_type)
    if said or b"\0" not in body or not (kind.startswith("text/") or "json" in kind or "xml" in kind):
        return ""
    if "json" in kind or body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
        found = json.detect_encoding(body[:4])
        return "" if found.startswith("utf-8") else found
    return ""


def without_halves(document: bytes) -> bytes:
    """JSON in which escaped halves of characters, of which no text can be made, are replaced."""
    return _LONE.sub(rb"\1\\ufffd", document)


def _valid(body: bytes) -> bytes:
    """With what is no UTF-8 replaced."""
    if body.isascii():
        return body
    try:
        body.decode()
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace").encode()
    return body
