"""Where the keys of an authorization server are, by its metadata (RFC 8414 section 3; OpenID Connect Discovery 1.0)."""

from typing import Any
from urllib.parse import urlsplit

import msgspec

from edge.oauth.guarded_http import GuardedHttp, NotFetched
from shared.issuer_urls import problem_of_issuer
from shared.json_text import depth_exceeds

_DEPTH_MAX = 16


def metadata_urls(issuer: str) -> tuple[str, ...]:
    """Where the metadata of that issuer may be, in the order in which MCP clients look for it, too."""
    url = urlsplit(issuer)
    origin, path = f"{url.scheme}://{url.netloc}", url.path.rstrip("/")
    well_known = f"{origin}/.well-known/"
    found = [f"{well_known}oauth-authorization-server{path}", f"{well_known}openid-configuration{path}"]
    if path:
        found.append(f"{origin}{path}/.well-known/openid-configuration")
    return tuple(found)


def host_of(url: str) -> str:
    """The host of a URL, as connections are made to it."""
    return (urlsplit(url).hostname or "").lower()


async def find_jwks_uri(http: GuardedHttp, issuer: str, *, bytes_max: int) -> str:
    """Where the issuer says that its keys are. Raises NotFetched.

    Each form is tried, until one answers with the issuer's own metadata: a document that says it is another issuer's is
    nobody's (RFC 8414 section 3.3).
    """
    own = frozenset({host_of(issuer)})
    temporary, why = False, []
    for url in metadata_urls(issuer):
        try:
            fetched = await http.get_json(url, bytes_max=bytes_max, own=own)
        except NotFetched as failed:
            # Most servers have one of the forms alone; what a 404 says of the others is of no interest.
            if failed.temporary or "status 404" not in str(failed):
                temporary = temporary or failed.temporary
                why.append(f"{url}: {failed}")
            continue
        try:
            return _jwks_uri(fetched.body, issuer)
        except NotFetched as wrong:
            why.append(f"{url}: {wrong}")
    raise NotFetched("; ".join(why) or "it has no metadata", temporary=temporary)


def _jwks_uri(body: bytes, issuer: str) -> str:
    try:
        said: Any = None if depth_exceeds(body, _DEPTH_MAX) else msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise NotFetched("the metadata is no JSON object")
    if said.get("issuer") != issuer:
        raise NotFetched(f"the metadata is of the issuer {str(said.get('issuer'))[:200]!r}, not of {issuer!r}")
    jwks_uri = said.get("jwks_uri")
    if not isinstance(jwks_uri, str):
        raise NotFetched("the metadata names no jwks_uri")
    if problem_of_issuer(jwks_uri.partition("?")[0]):
        raise NotFetched("the metadata names a jwks_uri that can't be used")
    return jwks_uri
