"""What the environment says: every limit, wait and place, with its unit in its name.

A setting `queue_depth_max` is read from `TOOLMESH_QUEUE_DEPTH_MAX` unless its metadata names another variable. Secrets are
`Secret`s: they do not show themselves in a repr, a log line or a traceback. Loading is in `shared/environment.py`.
"""

from pathlib import Path
from typing import Annotated

import msgspec

from shared.access_settings import Positive, Seconds, Secret, variable
from shared.code_settings import CodeSettings
from shared.mesh_keys import KeyRing

__all__ = ["Secret", "Settings"]


class Settings(CodeSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings of all roles; each role reads what it needs. Who may come in stands in `shared/access_settings.py`,
    scripts and their sandbox in `shared/code_settings.py`."""

    # Where things are.
    redis_url: Annotated[Secret, variable("REDIS_URL")] = Secret("redis://127.0.0.1:6379/0")
    mesh_keys: KeyRing | None = None
    issuer: str | None = None
    """Public base URL without a trailing slash; None: http://127.0.0.1:<port>."""
    allowed_hosts: tuple[str, ...] = ()
    """Further Host header values (host or host:port) beside those of the issuer and of a loopback bind."""
    config_dir: Path = Path("config")
    data_dir: Path = Path("data")
    dadl_dir: Path | None = None
    """Where `.dadl` files lie; None: `dadl` in the configuration directory."""
    backends_config: Path | None = None
    """Stands for `backends.yaml` of the configuration directory."""
    backend_urls: tuple[str, ...] = ()
    """`name=url`: stand for the URLs of backends.yaml."""
    host: str = "127.0.0.1"
    """Address that the edge binds."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 8123
    health_file: Path | None = None
    """Touched every second or so while a worker or init is in touch with the broker, for a container's health check."""

    # Requests at the edge.
    body_bytes_max: Positive = 4 * 1024 * 1024
    json_depth_max: Positive = 64
    body_read_s: Seconds = 15.0
    """How long a client may take to send its request body."""
    head_read_s: Seconds = 15.0
    """How long a client may take to send the head of a request, also the first one of a connection."""
    connections_max: Positive = 2048
    stream_after_s: Seconds = 15.0
    """A call that is silent for this long is answered as a stream with keep-alive comments."""
    keepalive_s: Seconds = 15.0
    list_page_tools: Positive = 200
    list_ttl_ms: Positive = 60_000
    lenient_clients: tuple[str, ...] = ("openai-mcp",)
    """For whom absent `Mcp-*` headers and `_meta` members of the 2026 era are filled in, named as `handle_clients` are."""
    listed_schema_bytes_max: Positive = 16_384
    """Largest input schema that is listed as it is; a larger one is shortened, and checked in full all the same."""
    definition_tokens_max: Positive = 5_000
    """Tokens, by our estimate, that name, description and input schema of a listed tool stay below."""
    listed_description_chars_max: Positive = 2_048
    """To this a tool's description is cut, where its definition is too large."""
    listed_settle_s: Seconds = 10.0
    """How long a list has to stay as it is before names that are gone from it are told."""
    listed_names_ttl_s: Seconds = 90 * 24 * 3600.0
    """How long the names that a backend's tools were listed by are remembered while no edge knows of it."""
    strict_clients: tuple[str, ...] = ("openai-mcp", "claude-user", "anthropic", "claude-code")
    """Clients that refuse unusual definitions also at `/mcp/b/…`: how their User-Agent or `clientInfo` name begins."""
    input_wait_s: Seconds = 600.0
    """How long a client may take to answer what a backend asks in mid-call, and send its request again (2026 era)."""
    drain_s: Seconds = 8.0
    """How long a role that was told to stop may finish what it runs."""

    # Sessions and streams of clients.
    session_idle_s: Seconds = 1800.0
    """A 2025-era session that was not used for this long, and has no open stream, is over."""
    sessions_principal_max: Positive = 2_000
    """Sessions of one principal; a further one ends the one that was not used for longest."""
    sessions_max: Positive = 100_000
    session_uris_max: Positive = 100
    """Resources that one session or one `subscriptions/listen` follows."""
    wanted_principal_max: Positive = 1_000
    """Resources that one principal follows over all its streams at one edge."""
    streams_principal_max: Positive = 50
    """Standing streams of one principal at one edge."""
    streams_max: Positive = 1_500
    """Standing streams at one edge: fewer than `connections_max`, so that there is room for calls."""
    slow_reader_s: Seconds = 30.0
    """A standing stream whose client takes nothing for this long is cut."""
    inbox_messages_max: Positive = 100
    """Messages of one legacy SSE client that wait for the edge with its stream."""
    inbox_running_max: Positive = 64
    """Messages of one legacy SSE client that are handled at a time."""

    # The hop.
    exec_timeout_s: Annotated[float, msgspec.Meta(gt=0, extra={"env": "TOOLMESH_EXEC_TIMEOUT"})] = 120.0
    queue_depth_max: Positive = 10_000
    principal_in_flight_max: Positive = 1_000
    """Unfinished calls of one principal at one backend."""
    call_events_max: Positive = 256
    """Progress events that wait for a slow reader of one call; older ones are dropped."""
    inline_result_bytes_max: Positive = 32 * 1024
    """A larger result travels by key alone."""
    lease_s: Seconds = 10.0
    lease_renew_s: Seconds = 3.0
    sweep_s: Seconds = 0.75
    heartbeat_s: Seconds = 1.0
    heartbeat_ttl_s: Seconds = 3.0
    redis_timeout_s: Seconds = 2.0
    """A broker that does not answer for this long counts as away."""
    redis_pending_max: Positive = 20_000

    # What a call can count on (docs/guarantees.md).
    result_ttl_s: Seconds = 600.0
    """How long the result of a call is kept, and with it the mark that the call is over."""
    queue_encrypt: bool = False
    """Whether messages (arguments, results, sessions) are encrypted on the broker, under keys that it never sees."""
    reattach_s: Seconds = 300.0
    """How long after its end a call that lost its client can still be found by the same call, sent again."""
    cancel_grace_s: Seconds = 5.0
    """How long a read whose client closed its stream (2026 era) goes on, so that the same call sent again finds it."""
    handle_after_s: Seconds = 45.0
    """A call of a client that is known to cut is answered with a handle after this time, and goes on."""
    handle_clients: tuple[str, ...] = ("openai-mcp",)
    """Clients that are known to cut: how their User-Agent, or the name in their `clientInfo`, begins."""
    result_chars_max: tuple[str, ...] = ("openai-mcp=30000", "claude=150000", "claude-code=50000", "anthropic=150000")
    """Characters of one result that a client takes, `name=characters`, named as in `handle_clients`; 0: no limit. A larger
    result is given page by page."""
    task_after_s: Seconds = 5.0
    """A call that runs for longer is answered with a task, where the client declared the tasks extension."""
    task_poll_s: Seconds = 1.0
    """How often a client of a task is asked to look at it."""
    mesh_wait_s_max: Seconds = 40.0
    """Longest wait of one `mesh_wait`."""
    worker_losses_max: Positive = 2
    """A call that lost its worker this often is not run again: it becomes a dead letter."""
    dead_letters_max: Positive = 1_000
    """Dead letters of one worker group; the oldest goes for a new one."""
    dead_letter_ttl_s: Seconds = 7 * 24 * 3600.0
    """How long a dead letter is kept."""
    holder_grace_s: Seconds = 2.0
    """After a restart of the broker: how long a write that was queued before waits for who may have begun it."""
    failpoints: tuple[str, ...] = ()
    """Faults to provoke, for tests: `name=action`, as `shared/failpoints.py` lists them. Never in production."""

    # Workers.
    worker_concurrency: Positive = 1_024
    backend_concurrency: Positive = 512
    """Calls of one backend that one worker runs at a time: its bulkhead."""
    asks_per_call_max: Positive = 16
    """Requests to the client (elicitation, sampling, roots) that one call may make; more are denied."""
    input_rounds_max: Positive = 8
    """How often one call may come back from an upstream with `input_required` before it is given up."""
    parked_max: Positive = 256
    """Upstream calls of one worker that wait for a client to come back; the oldest is given up for a new one."""
    parked_s: Seconds = 300.0
    """How long such a call waits."""
    watched_max: Positive = 1_000
    """Resources of one backend that are watched for clients; more are not."""
    updates_per_s_max: Positive = 50
    """Updates of watched resources of one backend that are told per second; more wait, one for each resource."""

    # Upstreams.
    mcp_timeout_s: Annotated[float, msgspec.Meta(gt=0, extra={"env": "TOOLMESH_MCP_TIMEOUT"})] = 120.0
    upstream_connect_s: Seconds = 5.0
    upstream_connections: Positive = 64
    """Connections of one worker to one upstream."""
    upstream_sessions: Positive = 4
    """2025-era sessions of one worker at one upstream."""
    upstream_dns_s: Seconds = 5.0
    """How long the look-up of an upstream's name may take."""
    upstream_dns_threads: Positive = 4
    """Look-ups of names for one backend at a time, of one worker; further ones wait within their time."""
    upstream_answer_bytes_max: Positive = 10 * 1024 * 1024
    """Largest answer, as it came and decompressed."""
    upstream_ratio_max: Positive = 100
    """An answer of over 1 MiB may be so many times as large as what was sent of it (compressed)."""
    upstream_idle_s: Seconds = 15.0
    """How long nothing may come of an answer that has begun and is no event stream."""
    upstream_headers_max: Positive = 128
    """Header lines of one answer."""
    upstream_header_bytes_max: Positive = 8 * 1024
    """Of one header line of an answer."""
    upstream_interim_max: Positive = 32
    """Interim answers (1xx) before the answer itself."""
    upstream_event_bytes_max: Positive = 1024 * 1024
    upstream_tools_max: Positive = 5_000
    upstream_pages_max: Positive = 200
    upstream_relist_s: Seconds = 300.0
    """Tools of an upstream are listed again after this time, whether it told of changes or not."""
    upstream_reconnect_s: Seconds = 2.0
    """How long a call tries again to connect to an upstream that refuses connections (it may be starting)."""
    upstream_keepalive_s: Seconds = 15.0
    """An idle connection is closed by us after this time, before the upstream closes it under a request."""
    upstream_handshake_s: Seconds = 10.0
    """Time for `server/discover`, or for `initialize` of a session."""
    upstream_list_s: Seconds = 30.0
    """Time for all pages of one `tools/list`."""
    upstream_session_calls: Positive = 16
    """Calls in flight on the least loaded 2025-era session from which on a further session is opened."""
    upstream_resumes_max: Positive = 5
    """How often one call takes up a stream again that broke off (Last-Event-ID)."""
    upstream_stream_bytes_max: Positive = 64 * 1024 * 1024
    """Everything that one call's event stream may carry, its notifications included."""
    upstream_progress_per_s_max: Positive = 100
    """Progress events of one call that are relayed per second; more are dropped."""
    upstream_requests_max: Positive = 16
    """Requests of the upstream to us that one stream gets answered; more are ignored."""
    upstream_changes_s: Seconds = 0.5
    """However often an upstream tells of changed tools, they are listed again at most once in this time."""
    upstream_follow_retry_s: Seconds = 30.0
    """Longest pause before the stream that tells of changes is opened again."""
    upstream_drain_s: Seconds = 1.0
    """How long a stream whose answer is here may take to end, so that its connection can be used again."""
    upstream_request_bytes_max: Positive = 32 * 1024 * 1024
    """Largest body of a request to a REST API, whatever its DADL file allows."""
    upstream_file_s: Seconds = 60.0
    """How long a file that a caller names by URL may take to come."""
    upstream_file_redirects_max: Positive = 3
    upstream_redirects_max: Positive = 10
    """Redirects of a REST API that one request of a call of class `read` follows."""
    upstream_file_calls_max: Positive = 4
    """Calls of one worker to one REST API that hold files in memory at a time; further ones wait within their time."""
    upstream_catalogue_bytes_max: Positive = 8 * 1024 * 1024
    """All tool definitions of one upstream together."""
    upstream_owner_idle_s: Seconds = 900.0
    """A session that belongs to one owner (`affinity`) is ended when it was idle for this long."""
    upstream_owners_max: Positive = 1_000
    """Owners with a session of one worker at one upstream; beyond, the session that is idle longest is ended."""
    stdio_start_s: Seconds = 60.0
    """How long a stdio server may take from its start to the end of its handshake."""
    stdio_wait_s: Seconds = 10.0
    """How long a call waits for a stdio server that is starting (again)."""
    stdio_restart_s_max: Seconds = 30.0
    """Longest pause before a stdio server that ended is started again; the first is 0.2 s."""
    stdio_stop_s: Seconds = 2.0
    """What a stdio server has to end after its stdin was closed, and once more after SIGTERM."""
    stdio_memory_mib: Positive = 1024
    """Resident memory of a stdio server with everything that it started."""
    stdio_processes_max: Positive = 256
    """Processes of a stdio server."""
    stdio_poll_s: Seconds = 1.0
    """Between two looks at a stdio server's memory and processes."""
    stdio_garbage_bytes_max: Positive = 256 * 1024
    """What a stdio server may write to stdout that is not JSON-RPC, between two messages that are."""
    stdio_strays_per_s_max: Positive = 1_000
    """Messages of a stdio server that no call wants, or lines on its stderr; then reading it waits for the next second."""
    stdio_log_lines_per_s_max: Positive = 20
    """Lines of a stdio server's stderr that are logged."""
    stdio_log_line_bytes_max: Positive = 4096
    dadl_poll_s: Seconds = 1.0
    """How often a worker looks whether the files of its REST backends have changed."""
    rest_rate_wait_s_max: Seconds = 600.0
    """However long an API says that it takes no more requests: after this time it is asked again."""
    blob_ttl_s: Seconds = 3600.0
    """How long a file that a tool gives as a URL is kept, where neither the tool nor its backend says."""
    blob_ttl_s_max: Seconds = 24 * 3600.0
    """However long they want it."""
    blobs_bytes_max: Positive = 64 * 1024 * 1024
    """Files of one backend that are kept on the broker at a time, each counted as 64 KiB at least; no more are taken."""
    blob_downloads_max: Positive = 16
    """Files that one edge hands out at a time; more are told to come again."""
    dadl_cache_entries_max: Positive = 200
    """DADL files whose definitions are kept, in memory and in `dadl-cache` of the data directory; the oldest go first."""
    rest_token_s: Seconds = 10.0
    """Time for one request to a token endpoint, or for one log-in. A worker's turn to get a token for all lasts half as
    long again."""
    rest_token_bytes_max: Positive = 64 * 1024
    """Largest answer of either."""
    rest_token_pause_s: Seconds = 5.0
    """A refusal is told to all calls for this long before it is asked again; a token that was got because the API did not
    take the one before, and is not taken either, is replaced no sooner."""
    rest_rotated_token_s: Seconds = 400 * 24 * 3600.0
    """How long a refresh token that replaced another is kept on the broker without being used."""
    rest_session_s: Seconds = 3600.0
    """After this time a session logs in again."""
    rest_cookies_max: Positive = 50
    """Cookies of one session."""
    schema_bytes_max: Positive = 256 * 1024
    schema_nodes_max: Positive = 2_000

    # Records.
    audit_store: Annotated[str, variable("AUDIT_STORE")] = "log"
    log_level: Annotated[str, variable("LOG_LEVEL")] = "info"
    log_format: Annotated[str, variable("LOG_FORMAT")] = "json"
