"""What a caller's argument may put into a header of a request (RFC 9110 section 5.5, RFC 9112 section 2.2).

A value that holds the end of a line would begin a header, or a request, of the caller's own. And there are headers that
say who asks, where the message ends, or whom it is for: no argument sets those, in whatever spelling.
"""

import re
from collections.abc import Collection

from shared.errors import InvalidArguments

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}")
_VALUE = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?|")
_VALUE_CHARS_MAX = 8192

_NEVER = frozenset(
    {
        # whom it is for, and who asks
        "host", "authorization", "cookie", "cookie2", "set-cookie", "origin", "referer", "forwarded", "via",
        "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-url", "x-rewrite-url", "x-original-host", "x-host",
        "true-client-ip", "cf-connecting-ip", "fastly-client-ip", "x-remote-user", "remote-user",
        # where the message ends, and what the connection does
        "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect",
        "http2-settings", "alt-used", "max-forwards", "accept-encoding", "content-encoding",
        # what is done
        "x-http-method-override", "x-http-method", "x-method-override", "x-override-method", "x-original-method",
        "mcp-protocol-version", "mcp-session-id", "mcp-method", "mcp-name", "last-event-id",
    }
)  # fmt: skip
_NEVER_BEGINNINGS = ("proxy-", "x-forwarded-", "sec-", "x-envoy-", "x-amz-security-")


def argument_header(name: str, value: str, *, secret: Collection[str] = ()) -> tuple[str, str]:
    """The header that an argument sets, as it was given. `secret`: names of headers that hold the backend's credential.

    Raises InvalidArguments; its text holds no value.
    """
    if not may_be_argument(name, secret=secret):
        raise InvalidArguments(f"The header {name[:80]!r} is not one that an argument may set.")
    if len(value) > _VALUE_CHARS_MAX:
        raise InvalidArguments(f"The value for the header {name!r} has more than {_VALUE_CHARS_MAX} characters.")
    if not _VALUE.fullmatch(value):
        raise InvalidArguments(
            f"The value for the header {name!r} holds what no header can carry. Use visible ASCII characters, and spaces "
            "between them; no line breaks."
        )
    return name, value


def may_be_argument(name: str, *, secret: Collection[str] = ()) -> bool:
    """Whether an argument may set that header at all: what a definition can be held against before any call."""
    if not _TOKEN.fullmatch(name):
        return False
    # Many servers take `_` for `-`: to them X_Forwarded_For is X-Forwarded-For.
    plain = name.lower().replace("_", "-")
    if plain in _NEVER or plain.startswith(_NEVER_BEGINNINGS):
        return False
    return plain not in {each.lower().replace("_", "-") for each in secret}
