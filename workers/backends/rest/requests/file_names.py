"""What a fetched file is called, and what it is."""

import re
from email.message import Message
from urllib.parse import unquote

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_NAME_CHARS_MAX = 200
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}/[A-Za-z0-9!#$&^_.+-]{1,100}(?:\s*;[\x20-\x7e]{0,200})?")

UNKNOWN = "application/octet-stream"


def file_name(path: str, disposition: str | None, otherwise: str) -> str:
    """By its `Content-Disposition` (RFC 6266), else by the last segment of its URL's encoded path, else as the caller says:
    without a directory, and with nothing in it that a terminal or a header would take for its own."""
    for name in (_disposed(disposition), unquote(path.rpartition("/")[2], errors="replace")):
        plain = _CONTROL.sub("", name.replace("\\", "/").rpartition("/")[2]).strip()[:_NAME_CHARS_MAX]
        if plain.strip("."):
            return plain
    return otherwise


def media_type(said: str | None) -> str:
    """A content type as it can be passed on; of anything else, that it is not known."""
    return said if said is not None and _MEDIA_TYPE.fullmatch(said) else UNKNOWN


def _disposed(disposition: str | None) -> str:
    if disposition is None:
        return ""
    message = Message()
    message["Content-Disposition"] = _CONTROL.sub("", disposition)
    try:
        return message.get_filename() or ""
    except (LookupError, ValueError):  # of a charset that there is not
        return ""
