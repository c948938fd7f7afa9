"""URLs of servers whose word is believed: issuers of tokens, identity providers (RFC 8414 section 2)."""

import re
from urllib.parse import urlsplit

from shared.addresses import is_loopback

CHARACTERS_MAX = 512
_URL = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def problem_of_issuer(url: str) -> str | None:
    """What is wrong with the URL of an issuer, as the end of a sentence; None where nothing is."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return "is no URL. Write it as the server's documentation does, such as `https://login.example/realms/one`."
    if "{" in url or "}" in url:
        return "has a placeholder in it. Write the URL of your own tenant, as its tokens have it."
    if not _URL.fullmatch(url) or len(url) > CHARACTERS_MAX or not host or "@" in parts.netloc:
        return f"is no URL of up to {CHARACTERS_MAX} characters. Write, for instance, `https://login.example/realms/one`."
    if "#" in url or "?" in url:
        return "has a query or a fragment, which no issuer has (RFC 8414 section 2). Write it without."
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        return "is not https: whoever is on the way could sign tokens. http is for this machine alone (127.0.0.1)."
    return None
