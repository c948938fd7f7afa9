"""Redirect URIs: which a client may register, when a presented one is a registered one, and what a person is told of it.

Exact comparison (RFC 9700 section 2.1), but for the port of loopback addresses (RFC 8252 section 7.3).
"""

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

_CHARACTERS_MAX = 2_000
_ALLOWED = re.compile(r"[\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+")
"""Visible ASCII without what no URI may hold (RFC 3986 appendix A): quotes, angle brackets, backslash, caret, backtick,
braces."""
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_NEVER = frozenset({"javascript", "data", "file", "blob", "about", "vbscript", "ws", "wss", "ftp", "view-source"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")


def problem_of(uri: str, schemes: Iterable[str]) -> str | None:
    """Why a client may not register that URI, or None where it may. `schemes`: beside https, loopback http and those with a
    dot."""
    if len(uri) > _CHARACTERS_MAX:
        return f"A redirect URI has more than {_CHARACTERS_MAX} characters."
    url = _split(uri)
    if url is None or not _ALLOWED.fullmatch(uri):
        return "A redirect URI is not a URI."
    scheme = url.scheme
    if not _SCHEME.fullmatch(scheme) or scheme in _NEVER:
        return "A redirect URI must begin with https://, with http:// of a loopback address, or with an app's own scheme."
    if "#" in uri or url.username is not None or url.password is not None or "@" in url.netloc:
        return "A redirect URI may hold no fragment and no user."
    if any(part in (".", "..") or part.lower() in ("%2e", "%2e%2e", ".%2e", "%2e.") for part in url.path.split("/")):
        return "A redirect URI may hold no dot segments."
    if scheme in ("https", "http"):
        if not uri.startswith(f"{scheme}://") or not url.hostname or not _HOST.fullmatch(_host_of(url)):
            return "A redirect URI must name a host, without wildcards."
        if scheme == "http" and url.hostname not in _LOOPBACK:
            return "A redirect URI with http must be of a loopback address (127.0.0.1, [::1] or localhost)."
        return None
    if "." not in scheme and scheme not in schemes:
        return "An app's own scheme must be a reversed domain name with a dot, or one that the operator allows."
    return None


def matches(registered: str, presented: str) -> bool:
    """Whether a presented URI is the registered one: equal, or on the same loopback host at another port."""
    if registered == presented:
        return True
    one, other = _split(registered), _split(presented)
    if one is None or other is None or one.scheme != "http" or one.hostname not in _LOOPBACK:
        return False
    if not _ALLOWED.fullmatch(presented) or not _is_plain_host(other):
        return False
    return (one.scheme, _host_of(one), one.path, one.query, "?" in registered, "#" in registered) == (
        other.scheme,
        _host_of(other),
        other.path,
        other.query,
        "?" in presented,
        "#" in presented,
    )


def shown_host(uri: str) -> str:
    """What a person is told of where the answer goes: the host, or an app's scheme with its colon."""
    url = _split(uri)
    if url is None:
        return ""
    return url.netloc if url.scheme in ("http", "https") else f"{url.scheme}:"


def app_scheme(uri: str) -> str:
    """The scheme of a URI that an app on the person's device claims, without its colon; empty for any other."""
    url = _split(uri)
    return "" if url is None or url.scheme in ("http", "https") else url.scheme


def is_loopback(uri: str) -> bool:
    """Whether the answer goes to a program on the person's own machine."""
    url = _split(uri)
    return url is not None and url.scheme == "http" and url.hostname in _LOOPBACK


def form_action_source(uri: str) -> str:
    """What the page's policy has to allow, so that a browser follows the form's answer there (CSP, `form-action`)."""
    url = _split(uri)
    if url is None:
        return ""
    if url.scheme not in ("http", "https"):
        return f"{url.scheme}:"
    # A source can't name an IPv6 address (CSP Level 3 section 2.3.1): browsers take no notice of one that does.
    netloc = f"*{url.netloc.rpartition(']')[2]}" if url.netloc.startswith("[") else url.netloc
    return f"{url.scheme}://{netloc}"


def _split(uri: str) -> SplitResult | None:
    if any(ord(character) < 0x21 or ord(character) > 0x7E for character in uri):
        return None  # urlsplit takes some of them away without a word
    try:
        url = urlsplit(uri)
        _ = url.port
    except ValueError:
        return None
    return url


def _host_of(url: SplitResult) -> str:
    """The host as it is written, without the port."""
    netloc = url.netloc
    return netloc[: netloc.index("]") + 1] if netloc.startswith("[") and "]" in netloc else netloc.partition(":")[0]


def _is_plain_host(url: SplitResult) -> bool:
    """Whether there is nothing but host and port."""
    rest = url.netloc[len(_host_of(url)) :]
    return "@" not in url.netloc and re.fullmatch(r"(:[0-9]{1,5})?", rest) is not None
