"""A client's name as a person is shown it: anybody can call a client anything, so its name never stands alone."""

from markupsafe import Markup

from edge.pages.shown_text import shown

NAME_CHARACTERS_MAX = 64

_NAME = Markup("<bdi>{}</bdi>")
_VERIFIED = Markup('<span class="badge verified">set up by the operator</span>')
_NOT_VERIFIED = Markup('<span class="badge">name not verified</span>')


def plain_name(client_name: str) -> str:
    """The name as text, fit to be shown."""
    return shown(client_name, NAME_CHARACTERS_MAX) or "A client without a name"


def marked_name(client_name: str) -> Markup:
    """The name, in its own reading direction."""
    return _NAME.format(plain_name(client_name))


def badge(*, verified: bool) -> Markup:
    """What stands beside it."""
    return _VERIFIED if verified else _NOT_VERIFIED
