"""What the values of the settings in `shared/access_settings.py` must be. Raises ConfigurationError; shows no secret."""

import contextlib
import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from shared import scopes
from shared.errors import ConfigurationError
from shared.identity_secrets import parse_identity_secrets
from shared.password_hashes import PASSWORD_BYTES_MAX, kind_of
from shared.settings import Secret
from shared.usernames import problem_of
from shared.yaml_structs import nearest

ACCESS_CHOICES = {
    "auth": ("required", "none"),
    "step_up": ("auto", "tool_error", "http_403"),
    "client_registration": ("open", "off"),
    "own_authorization_server": ("last", "first", "off"),
}
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_NEVER = frozenset({"http", "https", "javascript", "data", "file", "vbscript", "blob", "about"})
"""Schemes with rules of their own, or that a browser would run or read something for."""


def check_origin(variable: str, origin: str) -> None:
    """Raise ConfigurationError unless it is an origin as browsers write it (RFC 6454 section 6.2)."""
    try:
        parts = urlsplit(origin)
        fits = bool(parts.netloc) and "@" not in origin and origin == f"{parts.scheme}://{parts.netloc}"
        _ = parts.port
    except ValueError:
        fits = False
    if not fits:
        raise ConfigurationError(f"{variable} holds {origin!r}; write origins such as https://app.example.")


def _check_cors_origins(variable: str, value: tuple[str, ...]) -> None:
    for origin in value:
        if origin == "*":
            raise ConfigurationError(
                f"{variable} is '*', which would let every page call with whatever credential it has. Name the origins, as "
                "https://app.example, or all hosts below one: *.example.com."
            )
        scheme, _, host = origin.rpartition("://")
        if host.startswith("*."):
            if scheme not in ("", "https", "http") or not _is_host_or_port(host[2:]) or "." not in host[2:]:
                raise ConfigurationError(f"{variable} holds {origin!r}; write *.example.com or https://*.example.com.")
        else:
            check_origin(variable, origin)


def _check_trusted_proxies(variable: str, value: tuple[str, ...]) -> None:
    for network in value:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            advice = ""
            with contextlib.suppress(ValueError):
                advice = f" Did you mean `{ipaddress.ip_network(network, strict=False)}`?"
            raise ConfigurationError(
                f"{variable} holds {network!r}; write addresses or networks, such as 10.0.0.5 or 10.0.0.0/8.{advice}"
            ) from None


def _check_root_redirect(variable: str, value: str) -> None:
    try:
        parts = urlsplit(value)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        is_url = False
    # `//host` and `/\host` lead elsewhere than they seem to.
    is_path = value.startswith("/") and value[1:2] not in ("", "/", "\\")
    if not (is_url or is_path) or not _VISIBLE.fullmatch(value):
        raise ConfigurationError(f"{variable} is {value!r}; write an http or https URL, or a path that starts with one /.")


def _check_challenge_scopes(variable: str, value: tuple[str, ...]) -> None:
    for scope in value:
        if scope not in scopes.OF_RESOURCE:
            known = " and ".join(scopes.OF_RESOURCE)
            advice = nearest(scope, scopes.OF_RESOURCE)
            raise ConfigurationError(f"{variable} holds {scope!r}; clients can be told to ask for {known}.{advice}")


def _check_document_hosts(variable: str, value: tuple[str, ...]) -> None:
    for host in value:
        if host != "*" and not _NAME.fullmatch(host):
            raise ConfigurationError(f"{variable} holds {host!r}; write names of hosts, or * alone for any public host.")


def _check_private_hosts(variable: str, value: tuple[str, ...]) -> None:
    for host in value:
        if not _is_host_or_port(host):
            raise ConfigurationError(f"{variable} holds {host!r}; write host or host:port, separated by commas.")


def _is_host_or_port(text: str) -> bool:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname or "", parts.port
        known = bool(ipaddress.IPv6Address(host)) if text.startswith("[") else bool(_NAME.fullmatch(host))
    except ValueError:
        return False
    return known and parts.netloc == text and "@" not in text and not text.endswith(":") and port != 0


def _check_redirect_schemes(variable: str, value: tuple[str, ...]) -> None:
    for scheme in value:
        if scheme in _NEVER:
            raise ConfigurationError(f"{variable} holds {scheme!r}, which is never taken that way. Remove it.")
        if not _SCHEME.fullmatch(scheme):
            raise ConfigurationError(
                f"{variable} holds {scheme!r}; write schemes in lower case and without a colon, such as cursor."
            )


def _check_auth_user(variable: str, value: str) -> None:
    if problem := problem_of(value):
        raise ConfigurationError(f"{variable} {problem}. Write the owner's name, 1 to 128 visible characters.")


def _check_auth_password(variable: str, value: Secret) -> None:
    if len(value.reveal().encode("utf-8", "surrogatepass")) > PASSWORD_BYTES_MAX:
        raise ConfigurationError(f"{variable} is longer than {PASSWORD_BYTES_MAX} bytes. Write a shorter password.")


def _check_owner_password_hash(variable: str, value: Secret) -> None:
    if kind_of(value.reveal()) is None:
        raise ConfigurationError(
            f"{variable} is no hash of a password that ToolMesh knows. `toolmesh up` and `toolmesh secrets` make it; set "
            "TOOLMESH_AUTH_PASSWORD to choose a password yourself."
        )


def _check_identity_secrets(variable: str, value: Secret) -> None:
    parse_identity_secrets(value.reveal())


ACCESS_CHECKS: Mapping[str, Callable[[str, Any], None]] = {
    "auth_user": _check_auth_user,
    "auth_password": _check_auth_password,
    "owner_password_hash": _check_owner_password_hash,
    "identity_secrets": _check_identity_secrets,
    "cors_origins": _check_cors_origins,
    "trusted_proxies": _check_trusted_proxies,
    "root_redirect": _check_root_redirect,
    "challenge_scopes": _check_challenge_scopes,
    "redirect_schemes": _check_redirect_schemes,
    "client_document_hosts": _check_document_hosts,
    "client_document_private_hosts": _check_private_hosts,
}
"""Setting → its check."""
