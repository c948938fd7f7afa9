"""From the block `auth` as it is written to one way of authenticating, with what is missing, odd or dangerous about it."""

import re
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from shared.yaml_nodes import Mapping, Node
from workers.backends.rest.dadl.auth import (
    ApiKeyAuth,
    Auth,
    BasicAuth,
    BearerAuth,
    NoAuth,
    OAuth2Auth,
    SessionAuth,
    WrittenAuth,
    credentials_of,
)
from workers.backends.rest.reader.header_names import problem_of_own_header
from workers.backends.rest.reader.problem import Problems

WAY = ("backend", "auth")

_CREDENTIAL = re.compile(r"[A-Za-z0-9_]+")
_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f\\]")
_LOGIN_CREDENTIALS = ("username_credential", "password_credential")

_KEYS = {
    "bearer": ("credential", "inject_into", "header_name", "prefix"),
    "basic": ("username_credential", "password_credential"),
    "apikey": ("credential", "inject_into", "header_name", "prefix", "query_param"),
    "oauth2": (
        *("flow", "token_url", "authorize_url", "client_id_credential", "client_secret_credential"),
        *("refresh_token_credential", "rotates_refresh_token", "authorization_params", "redirect_uri", "token_auth"),
        *("service_account_credential", "subject", "scopes", "token_cache_key", "refresh_before_expiry"),
    ),
    "session": ("login", "inject", "refresh"),
}
"""What each way has; other keys of the block have no effect with it."""
_NEEDED = {
    "bearer": ("credential",),
    "basic": ("username_credential",),
    "apikey": ("credential",),
    "session": ("login", "inject"),
}
_NEEDED_BY_FLOW = {
    "client_credentials": ("token_url", "client_id_credential", "client_secret_credential"),
    "refresh_token": ("token_url", "client_id_credential", "refresh_token_credential"),
    "jwt_bearer": ("service_account_credential",),
    "authorization_code": ("token_url", "authorize_url", "client_id_credential", "refresh_token_credential"),
}


def resolve_auth(written: WrittenAuth | None, node: Node | None, problems: Problems) -> Auth:
    """The way of authenticating; `node` is the block itself. Where an error was noted it is of no use."""
    if written is None or written.type is None:
        problems.warn(
            "the backend has no `auth`, so its requests carry no credential. Where that is right, write "
            "`auth: {type: apikey, credential: none}`, as published files do.",
            "backend",
            "auth",
        )
        return NoAuth()
    kind = "apikey" if written.type == "api_key" else written.type
    needed = _NEEDED_BY_FLOW[written.flow] if kind == "oauth2" else _NEEDED[kind]
    name = f"`auth` of flow `{written.flow}`" if kind == "oauth2" else f"`auth` of type `{written.type}`"
    missing = [key for key in needed if not getattr(written, key)]
    for key in missing:
        problems.error(f"{name} has no `{key}`. Add it.", *WAY, key)
    given = node.entries if isinstance(node, Mapping) else {}
    for key in given:
        if key != "type" and key not in _KEYS[kind] and key in WrittenAuth.__struct_fields__:
            problems.breach(f"`{key}` has no effect in {name}. Remove it.", *WAY, key)
    if missing:
        return NoAuth()
    auth = _BUILT[kind](written)
    _check(auth, problems)
    return auth


def _bearer(written: WrittenAuth) -> Auth:
    return BearerAuth(
        credential=written.credential or "",
        header_name=written.header_name or "Authorization",
        prefix=written.prefix or "Bearer ",
    )


def _basic(written: WrittenAuth) -> Auth:
    return BasicAuth(
        username_credential=written.username_credential or "", password_credential=written.password_credential or None
    )


def _api_key(written: WrittenAuth) -> Auth:
    return ApiKeyAuth(
        credential=written.credential or "",
        inject_into=written.inject_into,
        header_name=written.header_name or "X-API-Key",
        prefix=written.prefix or "",
        query_param=written.query_param or "",
    )


def _oauth2(written: WrittenAuth) -> Auth:
    return OAuth2Auth(
        flow=written.flow,
        token_url=written.token_url or "",
        authorize_url=written.authorize_url or "",
        client_id_credential=written.client_id_credential or "",
        client_secret_credential=written.client_secret_credential or "",
        refresh_token_credential=written.refresh_token_credential or "",
        rotates_refresh_token=written.rotates_refresh_token,
        authorization_params=written.authorization_params,
        redirect_uri=written.redirect_uri or "",
        token_auth=written.token_auth,
        service_account_credential=written.service_account_credential or "",
        subject=written.subject or "",
        scopes=written.scopes,
        refresh_before_expiry_s=written.refresh_before_expiry,
    )


def _session(written: WrittenAuth) -> Auth:
    assert written.login is not None
    again = written.refresh.action == "re_login"
    return SessionAuth(login=written.login, inject=written.inject, logs_in_again=again)


_BUILT: dict[str, Callable[[WrittenAuth], Auth]] = {
    "bearer": _bearer,
    "basic": _basic,
    "apikey": _api_key,
    "oauth2": _oauth2,
    "session": _session,
}


def _check(auth: Auth, problems: Problems) -> None:
    for name in credentials_of(auth):
        if not _CREDENTIAL.fullmatch(name):
            problems.warn(
                f"`{name[:60]}` can't be the name of a variable, so no `CREDENTIAL_…` gives this credential. Use letters, "
                "digits and `_`.",
                *WAY,
            )
    match auth:
        case BearerAuth() | ApiKeyAuth():
            if reason := problem_of_own_header(auth.header_name, auth.prefix):
                problems.error(f"`auth` would send a header that can't be sent: {reason}.", *WAY, "header_name")
            if isinstance(auth, ApiKeyAuth) and auth.inject_into == "query" and auth.credential != "none":
                problems.warn(
                    "a credential in the query of a URL ends up in logs of servers and proxies. Use a header, where the "
                    "API takes one.",
                    *WAY,
                    "inject_into",
                )
        case OAuth2Auth():
            _check_urls(auth, problems)
        case SessionAuth():
            _check_session(auth, problems)


def _check_urls(auth: OAuth2Auth, problems: Problems) -> None:
    """A file that names another scheme would have the worker, or whoever sets it up, open something else than a page."""
    for key in ("token_url", "authorize_url", "redirect_uri"):
        text = getattr(auth, key)
        if text and not is_http_url(text):
            problems.error(
                f"`{key}` of `auth` is not an http or https URL. Write for instance `https://…/token`.", *WAY, key
            )
        elif text.startswith("http:") and key == "token_url":
            problems.warn("`token_url` of `auth` is not encrypted; the client's secret can be read on the way.", *WAY, key)


def is_http_url(text: str) -> bool:
    """Whether a text is an http or https URL with a host, and without a user or password in it."""
    if _NOT_IN_URLS.search(text):
        return False  # urlsplit would leave some of them out
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None and parts.password is None


def _check_session(auth: SessionAuth, problems: Problems) -> None:
    for key in _LOGIN_CREDENTIALS:
        if key in auth.login.body:
            problems.warn(
                f"`{key}` in the body of `login` is sent as it is written. To send a credential, write "
                "`the_name_in_the_api: credential:the_name_of_the_credential`.",
                *(*WAY, "login", "body", key),
            )
    for at, injected in enumerate(auth.inject):
        if reason := problem_of_own_header(injected.header, injected.value):
            problems.error(f"`auth` would send a header that can't be sent: {reason}.", *WAY, "inject", at, "header")
        for name in _unknown(_PLACEHOLDER.findall(injected.value), auth.login.extract):
            problems.error(
                f"`{{{{{name[:40]}}}}}` stands for no token: `extract` of `login` has none of that name.",
                *(*WAY, "inject", at, "value"),
            )


def _unknown(names: Iterable[str], known: Iterable[str]) -> list[str]:
    return [name for name in names if name not in known]
