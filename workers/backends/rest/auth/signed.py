"""A request with a credential in it."""

from collections.abc import Mapping
from urllib.parse import quote, unquote_plus

import yarl

from workers.backends.rest.request import Request
from workers.egress.outgoing import Outgoing


class SignedHeaders(dict[str, str]):
    """Headers that remember what they were signed with."""

    by: object = None


def with_headers(request: Request, credentials: Mapping[str, str], by: object = None) -> Outgoing:
    """With these headers in place of what the request has under their names, in whatever case."""
    ours = {name.lower() for name in credentials}
    headers = SignedHeaders((name, value) for name, value in request.headers.items() if name.lower() not in ours)
    headers.update(credentials)
    headers.by = by
    return Outgoing(
        method=request.method, url=request.url, headers=headers, body=request.body, secret_headers=frozenset(ours)
    )


def signed_by(sent: Outgoing) -> object:
    """What a request was signed with; None where that is not known."""
    return getattr(sent.headers, "by", None)


def with_query(request: Request, name: str, value: str) -> Outgoing:
    """With that member of the query, behind what the request has, and in place of what has its name."""
    kept = _without(request.url.raw_query_string, name)
    query = "&".join([*kept, f"{quote(name, safe='')}={quote(value, safe='')}"])
    path = str(request.url.with_query(None).with_fragment(None))
    return Outgoing(
        method=request.method,
        url=yarl.URL(f"{path}?{query}", encoded=True),
        headers=request.headers,
        body=request.body,
        secret_query=frozenset((name,)),
    )


def _without(query: str, name: str) -> list[str]:
    return [each for each in query.split("&") if each and unquote_plus(each.partition("=")[0]) != name]
