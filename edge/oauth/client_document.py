"""Client ID Metadata Documents: the rules (draft-ietf-oauth-client-id-metadata-document; MCP 2026-07-28, authorization).

A client's id is an https URL, at which it describes itself. Nothing that is wrong in such a document is an error of ours:
it is refused, with a text for the page that the person sees.
"""

import ipaddress
import re
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from edge.oauth.clients import OAuthClient
from shared.json_text import depth_exceeds
from shared.redirect_uris import problem_of
from shared.settings import Settings

_URL_CHARACTERS_MAX = 2048
_DEPTH_MAX = 16
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
_URL = re.compile(r"[\x21-\x7e]+")
_METHODS = ("none", "private_key_jwt")

_Text = Annotated[str, msgspec.Meta(max_length=2048)]


class DocumentRefused(Exception):
    """A client's metadata document can't be used. `public` may be shown to anyone.

    `temporary`: nobody knows whether it could be, because its host does not answer now. `retry_after_s`: for too many.
    """

    def __init__(self, public: str, *, temporary: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(public)
        self.public = public
        self.temporary = temporary or retry_after_s is not None
        self.retry_after_s = retry_after_s


class _Document(msgspec.Struct, kw_only=True):
    """The members that mean something; others are let pass."""

    client_id: _Text
    client_name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    redirect_uris: Annotated[list[_Text], msgspec.Meta(min_length=1, max_length=10)]
    token_endpoint_auth_method: _Text | None = None
    token_endpoint_auth_methods_supported: Annotated[list[_Text], msgspec.Meta(max_length=16)] | None = None
    grant_types: Annotated[tuple[_Text, ...], msgspec.Meta(max_length=16)] = ("authorization_code",)
    response_types: Annotated[tuple[_Text, ...], msgspec.Meta(max_length=16)] = ("code",)
    jwks_uri: _Text | None = None
    jwks: dict[str, Any] | None = None
    client_secret: Any = None
    client_secret_expires_at: Any = None


_documents = msgspec.json.Decoder(_Document)


class DocumentRules:
    """What the operator and the draft allow."""

    def __init__(self, settings: Settings) -> None:
        self._hosts = frozenset(host.lower() for host in settings.client_document_hosts)
        self._private = frozenset(host.lower() for host in settings.client_document_private_hosts)
        self._schemes = settings.redirect_schemes

    def check_url(self, url: str) -> str:
        """The host of a URL that may be asked for a document or a key set. Raises DocumentRefused; asks nobody anything."""
        parts = _split(url)
        if parts is None:
            raise DocumentRefused("The client's id is not the URL of a metadata document.")
        host, port = (parts.hostname or "").lower(), parts.port
        listed = host in self._private or f"{host}:{port or 443}" in self._private
        if not listed and (port not in (None, 443) or _is_address(host) or "." not in host):
            raise DocumentRefused("The client's id is not the URL of a metadata document at a public host.")
        if not listed and host not in self._hosts and "*" not in self._hosts:
            raise DocumentRefused(
                "This server does not know the host that describes the client. Its operator can add the host to "
                "TOOLMESH_CLIENT_DOCUMENT_HOSTS."
            )
        return host

    def read(self, url: str, host: str, body: bytes) -> OAuthClient:
        """The client that a document describes. Raises DocumentRefused."""
        document = _decoded(body)
        if document.client_id != url:
            raise DocumentRefused("The client's metadata document is of another client.")
        if document.client_secret is not None or document.client_secret_expires_at is not None:
            raise DocumentRefused("The client's metadata document holds a secret, which everybody can read.")
        if any(problem_of(uri, self._schemes) for uri in document.redirect_uris):
            raise DocumentRefused("The client's metadata document names a redirect URI that can't be used.")
        if "authorization_code" not in document.grant_types or "code" not in document.response_types:
            raise DocumentRefused("The client's metadata document does not speak of authorization codes.")
        # The plural says what the client can do, where it is there; the singular of RFC 7591 says but one of that.
        offered = document.token_endpoint_auth_methods_supported or [document.token_endpoint_auth_method or "none"]
        methods = tuple(method for method in _METHODS if method in offered)
        if document.jwks is not None and document.jwks_uri is not None:
            raise DocumentRefused("The client's metadata document has two sets of keys.")
        if document.jwks is None and document.jwks_uri is None:
            methods = tuple(method for method in methods if method == "none")
        if not methods:
            raise DocumentRefused("The client authenticates in no way that this server takes: none, or private_key_jwt.")
        if document.jwks_uri is not None:
            self.check_url(document.jwks_uri)
        return OAuthClient(
            client_id=url,
            client_name=document.client_name,
            kind="document",
            redirect_uris=tuple(document.redirect_uris),
            auth_methods=methods,
            grant_types=tuple(document.grant_types),
            jwks=msgspec.json.encode(document.jwks) if document.jwks is not None else b"",
            jwks_uri=document.jwks_uri or "",
            document_host=host,
        )


def _decoded(body: bytes) -> _Document:
    try:
        if not depth_exceeds(body, _DEPTH_MAX):
            return _documents.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    raise DocumentRefused("The client's metadata document is not one: it lacks what has to be there, or has it wrongly.")


def _split(url: str) -> SplitResult | None:
    if len(url) > _URL_CHARACTERS_MAX or not _URL.fullmatch(url) or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    segments = parts.path.lower().replace("%2e", ".").split("/")
    if parts.scheme != "https" or not url.startswith("https://") or not _NAME.fullmatch(parts.hostname or ""):
        return None if not _is_address(parts.hostname or "") else parts
    if "@" in parts.netloc or "#" in url or "?" in url or parts.path in ("", "/") or "." in segments or ".." in segments:
        return None
    return parts


def _is_address(host: str) -> bool:
    """Whether a host is an address in any spelling that a resolver would take: the last label of a name is no number."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        last = host.rpartition(".")[2]
        return last.isdigit() or re.fullmatch(r"0[xX][0-9A-Fa-f]*", last) is not None
    return True
