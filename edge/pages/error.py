"""What went wrong, and what to do next, for a person in a browser."""

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup
from starlette.responses import Response

from edge.pages.document import document
from edge.pages.response import page_response
from edge.pages.shown_text import shown

_TEXT_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorView:
    """What the page says. Of each text 200 characters are shown."""

    status: int
    title: str
    what: str
    """What happened."""
    next_step: str
    """What to do about it."""
    code: str = ""
    """OAuth's name of the error (RFC 6749 section 4.1.2.1), for who looks it up."""


_BODY = Markup('<h1>{title}</h1>\n<p>{what}</p>\n<p>{next_step}</p>\n<p class="small">{status}{code}</p>')
_CODE = Markup(" · <code>{}</code>")


def error_page(view: ErrorView, *, https: bool, headers: Mapping[str, str] | None = None) -> Response:
    """The page, under the status that it tells of."""
    title, what, next_step, code = (
        shown(text, _TEXT_CHARACTERS_MAX) for text in (view.title, view.what, view.next_step, view.code)
    )
    body = _BODY.format(
        title=title, what=what, next_step=next_step, status=view.status, code=_CODE.format(code) if code else ""
    )
    return page_response(document(title, body), view.status, https=https, headers=headers)
