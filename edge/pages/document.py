"""The frame around every page, and the one style sheet, which the Content-Security-Policy lets in by its digest.

Markup is written as a literal; whatever is put into it is escaped (markupsafe). A test of the lint holds that (S704).
"""

import base64
import hashlib
from importlib.resources import files
from urllib.parse import urlsplit

from markupsafe import Markup

from edge.pages.shown_text import shown

STYLE = files("edge.pages").joinpath("pages.css").read_text(encoding="utf-8")
STYLE_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
"""The sheet as a source of `style-src` (CSP Level 3 section 2.3.1): the digest of what stands between the tags."""

_STYLE = Markup(STYLE)  # noqa: S704 (a file of this package)
_SITE_CHARACTERS_MAX = 260
"""As long as a host name with a port can be."""
_DOCUMENT = Markup(
    "<!doctype html>\n"
    '<html lang="en">\n'
    "<head>\n"
    '<meta charset="utf-8">\n'
    "<title>{title} · ToolMesh</title>\n"
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '<meta name="color-scheme" content="light dark">\n'
    '<meta name="robots" content="noindex">\n'
    "<style>{style}</style>\n"
    "</head>\n"
    '<body class="{width}">\n'
    '<header><p class="wordmark"><span class="mark" aria-hidden="true"></span>ToolMesh</p>{site}</header>\n'
    "<main>\n{body}\n</main>\n"
    "</body>\n"
    "</html>\n"
)
_SITE = Markup('<p class="site">{}</p>')
_BREAK = Markup("\n")


def document(title: str, body: Markup, *, url: str = "", wide: bool = False) -> str:
    """A whole page. `url`: one of this server's own; its host is shown on top, to be compared with the address bar."""
    host = shown(urlsplit(url).netloc, _SITE_CHARACTERS_MAX)
    return _DOCUMENT.format(
        title=title,
        style=_STYLE,
        width="wide" if wide else "narrow",
        site=_SITE.format(host) if host else "",
        body=body,
    )


def joined(*parts: Markup) -> Markup:
    """The parts of a body one below the other; empty ones leave no trace."""
    return _BREAK.join(part for part in parts if part)


def own_url(url: str) -> str:
    """The URL of a form or link, as it was given. Raises ValueError where it is no web address or path (`javascript:`)."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") and (parts.scheme or parts.netloc or not url.startswith("/")):
        raise ValueError("a form or link of a page leads to http, https or a path")
    return url
