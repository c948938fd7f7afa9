"""Cookies of one session (RFC 6265, section 5), for the one host that set them.

What is narrower than in a browser: a cookie goes back to the host that it came from and to no other, whatever its `Domain`
says; one that names a domain of somebody else is not taken.
"""

import time
from collections.abc import Iterable
from email.utils import parsedate_to_datetime

import msgspec
import yarl

PAIR_CHARS_MAX = 4096
"""Of one cookie, name and value (RFC 6265 section 6.1); a larger one is not taken."""
HEADER_CHARS_MAX = 16 * 1024
"""Of all that go with one request; what does not fit stays behind."""

_MAX_AGE_S_MAX = 400 * 24 * 3600.0
"""What browsers take at most."""


class Cookie(msgspec.Struct, frozen=True, kw_only=True):
    """One. Its repr shows no value."""

    name: str
    value: str
    host: str
    path: str
    secure: bool
    expires_at: float | None = None
    """Unix time; None: with the session."""

    def __repr__(self) -> str:
        return f"Cookie(name={self.name!r}, …)"


class Jar:
    """The cookies of one session; the oldest goes for a new one where there are too many."""

    def __init__(self, cookies: Iterable[Cookie], most: int) -> None:
        self._most = most
        self._cookies = {(cookie.name, cookie.path): cookie for cookie in cookies}

    @property
    def cookies(self) -> tuple[Cookie, ...]:
        """Those that are held."""
        return tuple(self._cookies.values())

    def take(self, url: yarl.URL, lines: Iterable[str]) -> None:
        """What an answer set, by its `Set-Cookie` headers."""
        for line in lines:
            cookie = parsed(url, line)
            if cookie is None:
                continue
            place = (cookie.name, cookie.path)
            self._cookies.pop(place, None)
            if not _is_over(cookie):
                self._cookies[place] = cookie
            while len(self._cookies) > self._most:
                del self._cookies[next(iter(self._cookies))]

    def header(self, url: yarl.URL) -> str:
        """What goes with a request, the longest paths first (section 5.4); empty for nothing."""
        fitting = [cookie for cookie in self._cookies.values() if _goes_to(cookie, url)]
        fitting.sort(key=lambda cookie: -len(cookie.path))
        text = ""
        for cookie in fitting:
            pair = f"{cookie.name}={cookie.value}" if cookie.name else cookie.value
            longer = f"{text}; {pair}" if text else pair
            if len(longer) <= HEADER_CHARS_MAX:
                text = longer
        return text


def parsed(url: yarl.URL, line: str) -> Cookie | None:
    """One `Set-Cookie` (section 5.2); None for what is not taken."""
    pair, *attributes = line.split(";")
    name, equals, value = pair.partition("=")
    name, value = name.strip(), value.strip()
    host = (url.raw_host or "").lower()
    if not equals or not name or len(name) + len(value) > PAIR_CHARS_MAX or not _is_plain(name + value):
        return None
    said = {key.strip().lower(): text.strip() for key, _, text in (each.partition("=") for each in attributes)}
    domain = said.get("domain", "").lower().lstrip(".")
    if domain and domain != host and not host.endswith("." + domain):
        return None
    if "secure" in said and url.scheme != "https":
        return None
    path = said.get("path", "")
    return Cookie(
        name=name,
        value=value,
        host=host,
        path=path if path.startswith("/") else _default_path(url),
        secure="secure" in said,
        expires_at=_expires_at(said),
    )


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and ";" not in text


def _default_path(url: yarl.URL) -> str:
    """Section 5.1.4."""
    return url.raw_path.rpartition("/")[0] or "/"


def _expires_at(said: dict[str, str]) -> float | None:
    if "max-age" in said:
        try:
            seconds = min(float(int(said["max-age"])), _MAX_AGE_S_MAX)
        except (ValueError, OverflowError):
            seconds = None
        if seconds is not None:
            return time.time() + seconds if seconds > 0 else 0.0
    if "expires" in said:
        try:
            return max(0.0, parsedate_to_datetime(said["expires"]).timestamp())
        except (ValueError, OverflowError, OSError):
            return None
    return None


def _is_over(cookie: Cookie) -> bool:
    return cookie.expires_at is not None and cookie.expires_at <= time.time()


def _goes_to(cookie: Cookie, url: yarl.URL) -> bool:
    if cookie.host != (url.raw_host or "").lower() or (cookie.secure and url.scheme != "https") or _is_over(cookie):
        return False
    path = url.raw_path or "/"
    inside = path.startswith(cookie.path) and (cookie.path.endswith("/") or path[len(cookie.path) :][:1] == "/")
    return path == cookie.path or inside
