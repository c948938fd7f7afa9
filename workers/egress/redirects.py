"""The request that a redirect asks for (RFC 9110 section 15.4), and what it does not take along.

Where scheme, host or port change, credentials stay behind and do not come back, and the URL counts as a stranger's: its
address must be public, or listed.
"""

from collections.abc import Mapping
from dataclasses import replace

import yarl

from shared.errors import EgressDenied, UpstreamBadResponse
from workers.egress.outgoing import Outgoing

_ALWAYS_SECRET = frozenset({"authorization", "cookie", "cookie2", "proxy-authorization"})
_OF_THE_BODY = frozenset(
    {
        "content-type",
        "content-length",
        "content-encoding",
        "content-language",
        "content-location",
        "digest",
        "transfer-encoding",
    }
)
_LOCATION_CHARS_MAX = 8192
_SAME_METHOD = frozenset({307, 308})
_FOLLOWED = frozenset({301, 302, 303}) | _SAME_METHOD


class RedirectRefused(UpstreamBadResponse):
    """The upstream redirects in a way that is not followed. It had the request."""


class RedirectDenied(UpstreamBadResponse):
    """The upstream redirects to what may not be reached. It had the request: what became of a write is not known."""

    code = EgressDenied.code


def next_request(sent: Outgoing, status: int, location: str | None) -> Outgoing | None:
    """What follows an answer; None for one that is no redirect. Raises RedirectRefused."""
    if status not in _FOLLOWED or location is None:
        return None
    url = _target(sent.url, location)
    method, body, headers = sent.method, sent.body, dict(sent.headers)
    if _becomes_get(status, method):
        method, body = ("HEAD" if method == "HEAD" else "GET"), None
        headers = _without(headers, _OF_THE_BODY)
    if _origin(url) == _origin(sent.url):
        return replace(sent, method=method, url=url, headers=headers, body=body)
    # What the upstream copied into its Location of our query is as secret as it was.
    url = url.without_query_params(*(name for name in url.query if name in sent.secret_query))
    headers = _without(headers, _ALWAYS_SECRET | sent.secret_headers)
    return replace(sent, method=method, url=url, headers=headers, body=body, strange=True)


def _origin(url: yarl.URL) -> tuple[str, str | None, int | None]:
    """RFC 6454. yarl tells `https://a` from `https://a:443`."""
    return url.scheme, url.raw_host, url.port


def _becomes_get(status: int, method: str) -> bool:
    """303 asks for the answer elsewhere (15.4.4); 301 and 302 turn POST into GET, as user agents have always done."""
    return status == 303 or (status not in _SAME_METHOD and method == "POST")


def _target(base: yarl.URL, location: str) -> yarl.URL:
    """The URL that a Location names. Raises RedirectRefused."""
    try:
        if len(location) > _LOCATION_CHARS_MAX or not location.isascii():
            raise ValueError
        url = base.join(yarl.URL(location)).with_fragment(None)
        url.origin()
    except ValueError:
        raise RedirectRefused("The upstream redirects to what is no URL.") from None
    if url.scheme not in ("http", "https"):
        raise RedirectRefused("The upstream redirects to a URL that is neither http nor https.")
    if url.user is not None or url.password is not None:
        raise RedirectRefused("The upstream redirects to a URL with a user or password in it.")
    if base.scheme == "https" and url.scheme == "http":
        raise RedirectRefused("The upstream redirects from https to http, where everybody could read along.")
    return url


def _without(headers: Mapping[str, str], names: frozenset[str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in names}
