"""Which headers a DADL file may send, and which of them a caller may fill (RFC 9110 sections 5.1, 5.5 and 7.6.1)."""

import re

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_VALUE_FORBIDDEN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_RESERVED = frozenset(
    (
        *("authorization", "connection", "content-length", "content-type", "cookie", "expect", "forwarded", "host"),
        *("keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade", "via", "x-http-method", "x-http-method-override", "x-method-override"),
    )
)
"""What the worker itself says, or what would change who is asked, as whom, or for what."""
_TRANSPORT = frozenset(
    (
        *("accept-encoding", "connection", "content-encoding", "content-length", "expect", "keep-alive", "te", "trailer"),
        *("transfer-encoding", "upgrade"),
    )
)
"""Where a message ends, how it is compressed, what becomes of the connection."""


def problem_of_header(name: str, value: str = "") -> str:
    """Why a header can't be sent; empty where it can."""
    if not _NAME.fullmatch(name):
        return f"`{name[:40]}` is no name of a header"
    if _VALUE_FORBIDDEN.search(value) or not value.isascii():
        return f"the value of `{name}` has a control character, or one that is not ASCII"
    return ""


def problem_of_own_header(name: str, value: str = "") -> str:
    """The same, of a header that a request can't do without: one that HTTP sets itself would not be left out silently."""
    if is_transport(name):
        return f"`{name}` is what HTTP itself says of each request"
    return problem_of_header(name, value)


def is_reserved(name: str) -> bool:
    """Whether no argument of a call may fill a header of that name."""
    lower = name.lower()
    return lower in _RESERVED or lower.startswith("x-forwarded-")


def is_transport(name: str) -> bool:
    """Whether it is a header that HTTP itself sets on each connection, and no file."""
    return name.lower() in _TRANSPORT
