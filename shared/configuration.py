"""What the operator's YAML files say, as frozen structs. `shared/yaml_files.py` and its like load them."""

from typing import Literal

import msgspec

from shared.messages import CallClass


class BackendOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`options:` of an entry: durations in Go's syntax (`30s`), as upstream writes them."""

    blob_ttl: str | None = None
    timeout: str | None = None
    streaming_timeout: str | None = None
    connections: int | None = None
    """Ours: connections of one worker to this upstream; `TOOLMESH_UPSTREAM_CONNECTIONS` where absent."""
    processes: int | None = None
    """Ours, stdio: children of one worker; 1 where absent."""
    memory_mib: int | None = None
    """Ours, stdio: resident memory of a child and its descendants; `TOOLMESH_STDIO_MEMORY_MIB` where absent."""
    start_timeout: str | None = None
    """Ours, stdio: how long a child may take to answer its handshake; `TOOLMESH_STDIO_START_S` where absent."""


Relayed = Literal["elicitation", "sampling", "roots"]
"""What a server may ask of a client (MCP, client features)."""


class BackendEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of `backends.yaml`."""

    name: str
    transport: Literal["http", "stdio", "rest", "echo", "code"]
    url: str | None = None
    api_key_env: str | None = None
    """Name of a credential: `X` stands for the variable `CREDENTIAL_X`, which only workers read."""
    command: str | None = None
    args: tuple[str, ...] = ()
    hint: str | None = None
    dadl: str | None = None
    allow_private_url: bool = True
    """Whether the addresses of what the operator wrote as a URL may be private."""
    private_hosts: tuple[str, ...] = ()
    """Ours: what may be private all the same (`shared/private_hosts.py`), also in URLs out of arguments and answers."""
    tls_skip_verify: bool = False
    options: BackendOptions = BackendOptions()
    env: dict[str, str] = {}
    """Names to names of the worker's variables: for a stdio server its whole environment beside a few harmless ones."""
    expose_tools: tuple[str, ...] = ()
    include_tools: tuple[str, ...] | None = None
    allow_private_file_url: bool = False
    """Whether the addresses of what callers name as a file's URL may be private."""
    file_url_allowed_hosts: tuple[str, ...] = ()
    """The only hosts (`shared/listed_hosts.py`) that files of callers are fetched from; empty: any."""
    credential_hosts: tuple[str, ...] = ()
    """Ours, rest: hosts (`shared/listed_hosts.py`) that the credential may go to beside that of the URL, where a DADL file
    has a tool with a URL of its own."""
    classes: dict[str, CallClass] = msgspec.field(name="class", default_factory=dict)
    delegates: dict[str, tuple[str, ...]] = {}
    """Ours, rest: composite to those tools that it may call though its caller may not; what its file asks for beyond is
    not granted, nor what stands here beyond its file."""
    aliases: dict[str, str] = {}
    """Ours: names that tools had, to the names that they have now; calls by the old ones go on."""
    annotations: Literal["ignore", "trust"] = "ignore"
    """Ours: whether the server's own word counts for the class of the tools that `classes` does not name."""
    affinity: Literal["none", "principal", "session"] = "none"
    group: str = "default"
    relay: tuple[Relayed, ...] = ()
    """Ours: requests of the backend that are passed on to the client; all others are denied."""


def credential_variable(name: str, entry: BackendEntry) -> str:
    """The worker's variable that holds the credential of that logical name for a backend."""
    variable = "CREDENTIAL_" + name.upper().removeprefix("CREDENTIAL_")
    return entry.env.get(variable, variable)


class ApiKeyEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of `apikeys.yaml`."""

    user_id: str
    key_sha256: str | None = None
    key_hash: str | None = None
    company_id: str = "default"
    plan: str = "free"
    roles: tuple[str, ...] = ()
    caller_id: str | None = None


class UserEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of `users.yaml`."""

    username: str
    password_hash: str | None = None
    """bcrypt or argon2id (`shared/password_hashes.py`); without one the user can't log in with a password."""
    company: str = "default"
    plan: str = "free"
    roles: tuple[str, ...] = ()
    disabled: bool = False
    """Ours: out at once, with all keys of `apikeys.yaml` that are of this user."""


class ClientEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of `clients.yaml`: an OAuth client that the operator set up. Names are those of RFC 7591."""

    client_id: str
    client_name: str = ""
    redirect_uris: tuple[str, ...] = ()
    token_endpoint_auth_method: Literal["none", "client_secret_basic", "client_secret_post"] = "none"  # noqa: S105
    client_secret_sha256: str | None = None
    """SHA-256 of the secret, 64 hex digits."""
    scope: str = ""
    """Scopes that it may ask for, separated by spaces; empty for all."""


ECHO = BackendEntry(name="echo", transport="echo")
"""The built-in backend, which every mesh has."""
