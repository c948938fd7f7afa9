"""What the environment says of who may come in, and how: the part of `Settings` that is about access."""

from pathlib import Path
from typing import Annotated

import msgspec


class Secret:
    """A value that only `reveal()` shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself. Call it where it is used, and nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


def variable(name: str) -> msgspec.Meta:
    """Metadata of a setting that is read from another variable than the one that its name makes."""
    return msgspec.Meta(extra={"env": name})


Positive = Annotated[int, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]


class AccessSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings of the edge's door; of these a worker reads `authorization_config` and `identities_poll_s`."""

    # Who may come in.
    auth: str = "required"
    """`required`, or `none`: who brings no credential is the anonymous caller of authorization.yaml."""
    api_key: Secret | None = None
    owner_key_sha256: str | None = None
    """SHA-256 (64 hex digits) of the owner's generated API key: `toolmesh up` hands it to its edge."""
    auth_user: str = "owner"
    auth_password: Secret | None = None
    owner_password_hash: Secret | None = None
    """Hash of the owner's generated password: `toolmesh up` hands it to its edge."""
    auth_plan: str = "pro"
    auth_roles: tuple[str, ...] = ("admin",)
    users_config: Path | None = None
    """Stands for `users.yaml` of the configuration directory; the next ones likewise."""
    apikeys_config: Path | None = None
    caller_classes_config: Path | None = None
    authorization_config: Path | None = None
    clients_config: Path | None = None
    authorization_servers_config: Path | None = None
    identity_providers_config: Path | None = None
    identities_poll_s: Seconds = 0.5
    """Between two looks at whether one of these files changed."""

    # From where.
    allowed_origins: tuple[str, ...] = ()
    """Origin header values that may call; absent Origin is always allowed (no browser sent it)."""
    cors_origins: tuple[str, ...] = ()
    """Origins, or `*.example.com`, whose pages may call and read the answer (CORS)."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose X-Forwarded-For is believed."""
    strangers_recorded_per_s_max: Positive = 20
    """Refused requests of nobody known that one edge records one by one; of a flood, the rest is only answered."""
    root_redirect: str | None = None
    """Where `/` leads; None: to the page that explains this endpoint."""

    # Passwords.
    login_max_failures_per_user_ip: Count = 5
    """Wrong passwords for one account from one address in a window; 0 is no limit."""
    login_max_failures_per_user: Count = 10
    login_max_failures_per_ip: Count = 50
    login_failure_window_s: Annotated[float, msgspec.Meta(gt=0, extra={"env": "TOOLMESH_LOGIN_FAILURE_WINDOW"})] = 900.0
    password_checks_max: Positive = 2
    """Passwords that one edge checks at a time: each takes a thread about 50 ms and 19 MiB."""
    password_queue_max: Positive = 64
    """Log-ins that wait for that; more are told to come again."""
    login_session_s: Seconds = 3600.0
    """How long a browser stays logged in at the pages."""
    form_repeat_s: Seconds = 10.0
    """How long the same form, sent again by the same browser, is answered as it was: a double click counts once."""

    # Identity providers.
    password_login: bool = True
    """Off: people log in at an identity provider alone, and go straight to it where there is only one."""
    identity_secrets: Secret | None = None
    """`name=secret` of each provider (`shared/identity_secrets.py`)."""
    identity_max_age_s: Seconds = 7 * 24 * 3600.0
    """How long what a provider said of somebody counts; then they log in there again."""
    identity_provider_s: Seconds = 10.0
    """Time for all that an edge asks a provider in one step of a log-in."""
    identity_provider_bytes_max: Positive = 256 * 1024
    """Largest answer of a provider."""
    identity_provider_cache_s: Seconds = 3600.0
    """How long a provider's metadata and keys count before they are asked for again."""
    identity_provider_steps_max: Positive = 32
    """Steps of log-ins that one edge has under way at providers; more are told to come again."""

    # The authorization server.
    auth_redis_url: Annotated[Secret | None, variable("AUTH_REDIS_URL")] = None
    """Where log-ins are kept; None: where calls are."""
    challenge_scopes: tuple[str, ...] = ("tools:read", "tools:write")
    """Scopes that a client without a token is told to ask for."""
    step_up: str = "auto"
    """How a token with too little scope is answered: `tool_error`, `http_403`, or by what the client understands."""
    authorization_request_s: Seconds = 600.0
    """How long a person may take from the client's request to the decision."""
    code_s: Seconds = 60.0
    access_token_s: Seconds = 3600.0
    refresh_token_s: Seconds = 90 * 24 * 3600.0
    """How long a connection lives without being used."""
    grant_s: Seconds = 180 * 24 * 3600.0
    """How long it lives at most; then the person logs in again."""
    refresh_grace_s: Seconds = 60.0
    """How long the refresh token before still gives the same successor, while that was not used."""
    token_cache_s: Seconds = 1.0
    """How long an edge believes what it knows of an access token; revocations are told at once beside that."""
    token_failures_per_min_max: Positive = 120
    """Refused requests of one address at `/token` and `/revoke` of one edge; more are answered 429."""
    authorizations_per_min_max: Positive = 120
    """Requests of one address at `/authorize` of one edge."""
    client_registration: str = "open"
    """`open`, or `off`: only clients of clients.yaml, and those with a metadata document."""
    registrations_per_min_max: Positive = 30
    """Registrations of one address."""
    clients_max: Positive = 10_000
    client_unused_s: Seconds = 24 * 3600.0
    """A registered client with which nobody ever connected is forgotten after this time."""
    redirect_schemes: tuple[str, ...] = ("cursor",)
    """Schemes of redirect URIs that clients may register beside https, loopback http, and those with a dot."""
    client_document_hosts: tuple[str, ...] = ("chatgpt.com", "claude.ai", "vscode.dev")
    """Hosts whose Client ID Metadata Documents are taken; `*`: any public host."""
    client_document_private_hosts: tuple[str, ...] = ()
    """`host` or `host:port` of your own network whose documents are taken, although the address is private."""
    client_document_s: Seconds = 5.0
    """Time for one document or key set."""
    client_document_bytes_max: Positive = 10 * 1024
    client_keys_bytes_max: Positive = 64 * 1024
    client_documents_per_min_max: Positive = 10
    """Fetches that one address may cause."""
    openid_configuration: bool = False
    """Whether `/.well-known/openid-configuration` shows the same document, for clients that look nowhere else."""

    # Authorization servers of others.
    own_authorization_server: str = "last"
    """`off`, or where ours stands among those of authorization-servers.yaml: `last` or `first`."""
    external_token_characters_max: Positive = 16 * 1024
    external_token_cache_s: Seconds = 60.0
    """How long a token that was found right is not verified again."""
    external_keys_s: Seconds = 300.0
    """How long a server's keys count before they are asked for again."""
    external_keys_stale_s: Seconds = 24 * 3600.0
    """How long after they came they count on while the server is away."""
    external_keys_retry_s: Seconds = 30.0
    """Keys that could not be fetched, or have none of a token's id, are asked for again no more often."""
    external_document_s: Seconds = 5.0
    """Time for one document of such a server: its metadata, its keys."""
    external_document_bytes_max: Positive = 128 * 1024
