"""The browser of a person who logs in: its cookie, and the tokens that tie a form to it (RFC 9700 section 4.7).

The cookie holds 256 random bits and nothing else. `__Host-` binds it to this very host over TLS; Lax, because the person
arrives from the client's site. A form's token is an HMAC under the cookie's value, so that only pages that this browser was
shown fit.
"""

import hmac
import re
import secrets
from urllib.parse import urlsplit

from starlette.requests import Request

_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")


class Browsers:
    """Reads and writes the cookie for one public URL."""

    def __init__(self, public_url: str, *, max_age_s: float) -> None:
        url = urlsplit(public_url)
        self._secure = url.scheme == "https"
        # Over plain HTTP, which only loopback may use, browsers take no `__Host-` cookie.
        self._name = "__Host-toolmesh" if self._secure else "toolmesh"
        self._origin = f"{url.scheme}://{url.netloc}".lower()
        self._max_age_s = int(max_age_s)

    def of(self, request: Request) -> str | None:
        """The secret of a request's browser."""
        value = request.cookies.get(self._name)
        return value if value is not None and _VALUE.fullmatch(value) else None

    def new(self) -> str:
        """A secret for a browser that has none, or that changes it because somebody logs in (session fixation)."""
        return secrets.token_urlsafe(32)

    def cookie(self, browser: str) -> str:
        """The Set-Cookie header that gives it to the browser (RFC 6265)."""
        secure = "; Secure" if self._secure else ""
        return f"{self._name}={browser}; Path=/; Max-Age={self._max_age_s}; HttpOnly; SameSite=Lax{secure}"

    def is_own_form(self, request: Request) -> bool:
        """Whether a POST comes from a page of ours, as far as the browser says (Fetch Metadata, Origin).

        `null` is what a page under `Referrer-Policy: no-referrer` sends; the form's token decides then.
        """
        site = request.headers.get("sec-fetch-site", "same-origin")
        origin = request.headers.get("origin", "null").lower()
        return site in ("same-origin", "none") and origin in (self._origin, "null")


def form_token(browser: str, rid: str, purpose: str) -> str:
    """The token of the form for that purpose, of the request `rid`, in that browser."""
    return hmac.digest(browser.encode(), f"{purpose}|{rid}".encode(), "sha256").hex()


def is_form_token(token: str | None, browser: str, rid: str, purpose: str) -> bool:
    """Whether it is that one."""
    return token is not None and hmac.compare_digest(
        token.encode("utf-8", "surrogateescape"), form_token(browser, rid, purpose).encode()
    )
