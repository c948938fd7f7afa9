"""The protected resources of this server, and where their metadata lies (RFC 9728 section 3.1, RFC 8707)."""

import re
from urllib.parse import urlsplit

_WELL_KNOWN = "/.well-known/oauth-protected-resource"


def resource_url(public_url: str, path: str) -> str:
    """The identifier of the resource at that path of ours, for instance `/mcp`. `public_url`: without a trailing slash."""
    return public_url + path


def metadata_url(public_url: str, resource_path: str) -> str:
    """Where the metadata of that resource lies: the well-known part goes between the host and the whole path."""
    url = urlsplit(public_url)
    return f"{url.scheme}://{url.netloc}{_WELL_KNOWN}{url.path}{resource_path}"


_PATH = re.compile(r"/mcp(/b/[a-z][a-z0-9_-]{0,31})?|/sse")
"""Paths that are resources. Whether there is such a backend is nobody's business before it has logged in.

Each is there with a slash at the end too, and described as what it was asked for: a person may paste either, and Claude
compares the description with that, character by character. What is granted is the one without.
"""
_CHARACTERS_MAX = 2048


def path_of_request(path: str) -> str:
    """The resource that a request's path belongs to."""
    if path.startswith(("/sse", "/messages")):
        return "/sse"
    found = path.rstrip("/")
    return found if _PATH.fullmatch(found) else "/mcp"


def described_path(path: str) -> str:
    """The path under which a request finds its resource described: as it was written."""
    return path if is_resource(path) else path_of_request(path)


def is_resource(path: str) -> bool:
    """Whether there can be a resource at that path."""
    return _PATH.fullmatch(path.removesuffix("/")) is not None


def accepted(public_url: str, wanted: str) -> str | None:
    """The resource of ours that a client means, or None for another one.

    Scheme and host are compared without case, and a slash at the end is let pass (RFC 8707 section 2, RFC 3986 section
    6.2.2).
    """
    if len(wanted) > _CHARACTERS_MAX:
        return None
    try:
        url, ours = urlsplit(wanted), urlsplit(public_url)
    except ValueError:
        return None
    if (url.scheme.lower(), url.netloc.lower()) != (ours.scheme.lower(), ours.netloc.lower()):
        return None
    if url.query or url.fragment or wanted.endswith(("#", "?")) or not url.path.startswith(ours.path):
        return None
    path = url.path[len(ours.path) :].removesuffix("/")
    return public_url + path if _PATH.fullmatch(path) else None
