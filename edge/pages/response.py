"""How pages leave: what they may load, where their forms may lead, and who may frame, keep or name them.

There is no Cross-Origin-Opener-Policy: clients open the pages in a popup and wait for it.
"""

import re
from collections.abc import Mapping, Sequence

from starlette.responses import HTMLResponse, Response

from edge.pages.document import STYLE_SOURCE

_SOURCE = re.compile(r"[a-z][a-z0-9+.-]*:(//(\*|[a-z0-9_.-]+)(:[0-9]{1,5})?)?", re.IGNORECASE)
_ALWAYS = {
    "cache-control": "no-store",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_YEAR_S = 365 * 24 * 3600


def page_response(
    page: str, status: int, *, https: bool, form_action: Sequence[str] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """A page with its headers. Raises ValueError for a `form_action` that is no CSP source.

    `https`: whether the public URL is (HSTS, RFC 6797); `form_action`: beside this server, the origins, or schemes with
    their colon, to which the answer to a form may redirect: browsers hold redirects to it as well.
    """
    sent = {**_ALWAYS, "content-security-policy": _policy(form_action)}
    if https:
        sent["strict-transport-security"] = f"max-age={_YEAR_S}"
    return HTMLResponse(page, status, {**sent, **(headers or {})})


def _policy(form_action: Sequence[str]) -> str:
    if not all(_SOURCE.fullmatch(source) for source in form_action):
        raise ValueError("a source of form_action is an origin, or a scheme with its colon")
    forms = " ".join(["'self'", *form_action])
    return (
        f"default-src 'none'; style-src {STYLE_SOURCE}; img-src 'self'; form-action {forms}; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
