"""The next page of a list as a `Link` header names it (RFC 8288), as long as it is at the same origin (RFC 6454)."""

import re
from collections.abc import Iterable

import yarl

from workers.backends.rest.answer import Answer

_HEADER_CHARS_MAX = 16 * 1024
_TARGET = re.compile(r"\s*<([^<>]*)>")
_PARAM = re.compile(r"""\s*;\s*([A-Za-z0-9!#$&+.^_`|~*-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",;]*)))?""")
_URL_CHARS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*")
"""RFC 3986 section 2."""
_COMMA = re.compile(r"[\s,]*")
_ELSEWHERE = "its next page is at another origin, where it is not followed"


class BadLink(Exception):
    """There is a link that is not followed. The text says why, for a sentence."""


def next_link(answer: Answer) -> yarl.URL | None:
    """The first link with the relation `next`, absolute; None where there is none. Raises BadLink."""
    for target, relations in links_of(_header(answer)):
        if "next" in relations:
            if answer.strange:
                raise BadLink(_ELSEWHERE)
            return _followed(answer.url, target)
    return None


def links_of(header: str) -> Iterable[tuple[str, frozenset[str]]]:
    """Target and relations of each link, in order; ends at what can't be understood."""
    at = 0
    while (found := _TARGET.match(header, at)) is not None:
        at = found.end()
        relations: frozenset[str] = frozenset()
        said = False
        while (param := _PARAM.match(header, at)) is not None:
            at = param.end()
            if param[1].lower() == "rel" and not said:  # section 3.3: of several the first one counts
                said = True
                relations = frozenset((param[2] if param[2] is not None else param[3] or "").lower().split())
        yield found[1].strip(), relations
        comma = _COMMA.match(header, at)
        if comma is None or "," not in comma[0]:
            return
        at = comma.end()


def _header(answer: Answer) -> str:
    getall = getattr(answer.headers, "getall", None)
    values = getall("Link", ()) if getall is not None else [answer.headers.get("Link", "")]
    return ", ".join(values)[:_HEADER_CHARS_MAX]


def _followed(base: yarl.URL, target: str) -> yarl.URL:
    try:
        if not _URL_CHARS.fullmatch(target):
            raise ValueError
        url = base.join(yarl.URL(target, encoded=True)).with_fragment(None)
        same = (url.scheme, url.raw_host, url.port) == (base.scheme, base.raw_host, base.port)
    except ValueError:
        raise BadLink("its link to the next page is no URL") from None
    if not same or url.user is not None or url.password is not None:
        raise BadLink(_ELSEWHERE)
    return url
