"""What the value of a setting must be, beyond its type. Raises ConfigurationError, which never shows a secret.

What is about access stands in `shared/access_checks.py`.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from shared.access_checks import ACCESS_CHECKS, ACCESS_CHOICES, check_origin
from shared.addresses import is_loopback
from shared.errors import ConfigurationError
from shared.grants import ACCESS, CODE, REFRESH
from shared.result_budgets import parse_result_budgets
from shared.yaml_structs import nearest

API_KEY_CHARACTERS_MIN = 16

CHOICES = {
    "log_level": ("debug", "info", "warn", "warning", "error"),
    "log_format": ("json", "text"),
    **ACCESS_CHOICES,
}
"""Setting → the words that it may be, whatever their case."""
_SECONDS_MAX = {
    "refresh_grace_s": (300, "a refresh token that was stolen would be good for that long beside its successor"),
    "code_s": (600, "RFC 6749 (4.1.2) wants codes to live for ten minutes at most"),
}
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_setting(name: str, variable: str, value: Any) -> None:
    """Raise ConfigurationError where the value of a setting can't be right; `variable` is what the operator calls it."""
    choices = CHOICES.get(name)
    if choices and value.lower() not in choices:
        raise ConfigurationError(f"{variable} is {value!r}; write one of {', '.join(choices)}.{nearest(value, choices)}")
    if name in _SECONDS_MAX and value > _SECONDS_MAX[name][0]:
        limit, why = _SECONDS_MAX[name]
        raise ConfigurationError(f"{variable} is {value:g} s; write at most {limit}: {why}.")
    if name == "issuer":
        _check_issuer(variable, value)
    elif name in ("redis_url", "auth_redis_url"):
        _check_redis_url(variable, value.reveal())
    elif name == "api_key":
        _check_api_key(variable, value.reveal())
    elif name == "owner_key_sha256" and not _SHA256.fullmatch(value):
        raise ConfigurationError(f"{variable} must be the SHA-256 of a key as 64 lower-case hex digits.")
    elif name == "allowed_hosts":
        for host in value:
            if not _HOST.fullmatch(host):
                raise ConfigurationError(f"{variable} holds {host!r}; write hosts or host:port, separated by commas.")
    elif name == "allowed_origins":
        for origin in value:
            check_origin(variable, origin)
    elif name == "result_chars_max":
        parse_result_budgets(variable, value)
    elif name in ACCESS_CHECKS:
        ACCESS_CHECKS[name](variable, value)


def _check_issuer(variable: str, value: str) -> None:
    try:
        parts = urlsplit(value)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
        _ = parts.port
    except ValueError:
        fits = False
    if not fits or "@" in value or not _VISIBLE.fullmatch(value):
        raise ConfigurationError(f"{variable} must be the public base URL, for instance https://mesh.example.")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            f"{variable} is {value!r}: passwords and keys that are sent there can be read on the way, and ChatGPT takes "
            f"https alone. Put TLS in front of the edge (docs/deploy.md) and write https://{parts.netloc}; http:// is for "
            "this machine alone."
        )


def _check_redis_url(variable: str, value: str) -> None:
    if value == "none":
        raise ConfigurationError(
            f"{variable} is 'none', but ToolMesh needs a broker. Write redis://host:6379/0, or leave it out: "
            "`toolmesh up` then starts one of its own."
        )
    scheme, _, rest = value.partition("://")
    if scheme not in ("redis", "rediss", "unix") or not rest:
        raise ConfigurationError(
            f"{variable} is not a URL of a broker. Write redis://host:6379/0, rediss://… or unix:///path."
        )


def _check_api_key(variable: str, value: str) -> None:
    if len(value) < API_KEY_CHARACTERS_MIN:
        raise ConfigurationError(
            f"{variable} has {len(value)} characters; use {API_KEY_CHARACTERS_MIN} or more. "
            "`toolmesh key new --print-only` makes one."
        )
    if value.startswith((ACCESS, REFRESH, CODE)):
        raise ConfigurationError(f"{variable} begins like a token of a log-in, and would be taken for one. Choose another.")
    if not _VISIBLE.fullmatch(value):
        raise ConfigurationError(f"{variable} holds a space or a character that cannot go into an HTTP header. Use ASCII.")
