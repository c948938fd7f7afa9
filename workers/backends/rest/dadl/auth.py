"""How a backend's requests are authenticated (DADL 0.2, auth): as it is written, and as one struct for each way."""

from typing import Literal

import msgspec

from workers.backends.rest.dadl.part import Duration, Json, JsonPath, Part

AuthType = Literal["bearer", "basic", "apikey", "api_key", "oauth2", "session"]
Flow = Literal["client_credentials", "refresh_token", "jwt_bearer", "authorization_code"]


class Login(Part, frozen=True, kw_only=True):
    """The request that opens a session; its URL is base_url and `path`, one behind the other."""

    method: str
    path: str
    body: dict[str, Json] = msgspec.field(default_factory=dict)
    """JSON; a text `credential:<name>`, at any depth, stands for that credential."""
    extract: dict[str, JsonPath] = msgspec.field(default_factory=dict)
    """Name of a token → where it stands in the answer."""


class Injected(Part, frozen=True, kw_only=True):
    """A header of every request of a session; `{{name}}` in the value stands for an extracted token."""

    header: str
    value: str


class SessionRefresh(Part, frozen=True, kw_only=True):
    """When a session is opened anew: `action: re_login` at HTTP 401."""

    trigger: str = ""
    action: str = ""


class WrittenAuth(Part, frozen=True, kw_only=True):
    """The block `auth` as it stands in the file: the keys of all ways together."""

    type: AuthType | None = None
    credential: str | None = None
    inject_into: Literal["header", "query"] = "header"
    header_name: str | None = None
    prefix: str | None = None
    query_param: str | None = None
    username_credential: str | None = None
    password_credential: str | None = None
    flow: Flow = "client_credentials"
    token_url: str | None = None
    authorize_url: str | None = None
    client_id_credential: str | None = None
    client_secret_credential: str | None = None
    refresh_token_credential: str | None = None
    rotates_refresh_token: bool = False
    authorization_params: dict[str, str] = msgspec.field(default_factory=dict)
    redirect_uri: str | None = None
    token_auth: Literal["post", "basic"] = "post"  # noqa: S105
    service_account_credential: str | None = None
    subject: str | None = None
    scopes: tuple[str, ...] = ()
    token_cache_key: str | None = None
    refresh_before_expiry: Duration = 30.0
    login: Login | None = None
    inject: tuple[Injected, ...] = ()
    refresh: SessionRefresh = SessionRefresh()


class NoAuth(Part, frozen=True, kw_only=True, tag="none"):
    """Requests carry no credential."""


class BearerAuth(Part, frozen=True, kw_only=True, tag="bearer"):
    """`<header_name>: <prefix><secret>`."""

    credential: str
    header_name: str = "Authorization"
    prefix: str = "Bearer "


class BasicAuth(Part, frozen=True, kw_only=True, tag="basic"):
    """HTTP Basic (RFC 7617); without a password credential the password is empty."""

    username_credential: str
    password_credential: str | None = None


class ApiKeyAuth(Part, frozen=True, kw_only=True, tag="apikey"):
    """A header, or a parameter of the query."""

    credential: str
    inject_into: Literal["header", "query"] = "header"
    header_name: str = "X-API-Key"
    prefix: str = ""
    query_param: str = ""


class OAuth2Auth(Part, frozen=True, kw_only=True, tag="oauth2"):
    """An access token that the worker gets for itself (RFC 6749, RFC 7523)."""

    flow: Flow
    token_url: str = ""
    """Of jwt_bearer it may be empty: the service account's key has one."""
    authorize_url: str = ""
    client_id_credential: str = ""
    client_secret_credential: str = ""
    """Empty: a public client."""
    refresh_token_credential: str = ""
    rotates_refresh_token: bool = False
    authorization_params: dict[str, str] = msgspec.field(default_factory=dict)
    redirect_uri: str = ""
    token_auth: Literal["post", "basic"] = "post"  # noqa: S105
    service_account_credential: str = ""
    subject: str = ""
    scopes: tuple[str, ...] = ()
    refresh_before_expiry_s: float = 30.0


class SessionAuth(Part, frozen=True, kw_only=True, tag="session"):
    """Tokens and cookies of a log-in, sent with each request."""

    login: Login
    inject: tuple[Injected, ...]
    logs_in_again: bool
    """Whether HTTP 401 means: log in again and send the request once more."""


Auth = NoAuth | BearerAuth | BasicAuth | ApiKeyAuth | OAuth2Auth | SessionAuth

_REFERENCE = "credential:"


def credentials_of(auth: Auth) -> tuple[str, ...]:
    """The names of all credentials that a way of authenticating may need, in a stable order."""
    if isinstance(auth, SessionAuth):
        return tuple(sorted(_referenced(auth.login.body)))
    named = [name for name in auth.__struct_fields__ if name == "credential" or name.endswith("_credential")]
    return tuple(sorted({text for name in named if (text := getattr(auth, name))}))


def _referenced(value: Json) -> set[str]:
    if isinstance(value, str):
        return {value.removeprefix(_REFERENCE)} if value.startswith(_REFERENCE) else set()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for item in inner for name in _referenced(item)}


def written_keys(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """The keys that a struct of that kind is written with."""
    return tuple(field.encode_name for field in msgspec.structs.fields(kind))


def credential_headers(auth: Auth) -> frozenset[str]:
    """The headers that hold a credential, in lower case: no argument of a call may fill one."""
    match auth:
        case BearerAuth():
            return frozenset({auth.header_name.lower()})
        case BasicAuth() | OAuth2Auth():
            return frozenset({"authorization"})
        case ApiKeyAuth(inject_into="header"):
            return frozenset({auth.header_name.lower()})
        case SessionAuth():
            return frozenset({"cookie", *(injected.header.lower() for injected in auth.inject)})
        case _:
            return frozenset()


def credential_members(auth: Auth) -> frozenset[str]:
    """The parameters of the query that hold a credential."""
    if isinstance(auth, ApiKeyAuth) and auth.inject_into == "query":
        return frozenset({auth.query_param})
    return frozenset()
