"""Every Redis key, channel and queue name but those of log-ins (`log_in_keys.py`), and how long each lives.

arq's own keys (`arq:job:*`, `arq:in-progress:*`, `arq:retry:*` and the queue's sorted set) keep arq's names, so that arq's
tools can read them. Job ids start with the group's name, so that a group's keys can be told from another's by pattern.
"""

from arq.constants import (
    health_check_key_suffix,
    in_progress_key_prefix,
    job_key_prefix,
    retry_key_prefix,
)

from shared.messages import CallClass

JOB_NAME = "call"
"""The one job function: the edge names it, the workers have it."""

QUEUE_TTL_S = 3600
"""Life of a queue and of its waiting lists after the last enqueue; longer than any deadline."""
EVENTS_TTL_S = 600
CATALOGUE_TTL_S = 24 * 3600
"""A catalogue outlives its workers, so that listings stay the same while a backend is away."""
MARK_TTL_EXTRA_S = 600
"""How much longer than the deadline the fence counter and the dispatch mark live."""

EVENTS_MAX = 256
"""Progress events that are kept per call."""

AUDIT_STREAM = "tm:audit"
AUDIT_STREAM_MAX = 100_000
AUDIT_READERS = "audit"

HEARTBEATS = "tm:heartbeats"
"""Channel of all workers' heartbeats; a heartbeat names the catalogues that its worker serves."""
CHANGES = "tm:changes"
"""Channel of what changed at backends outside of any call. A publication is two frames (`codec.unframe`): the id of the
entry in the stream `changes(group)` as ASCII, from which on to read what was missed, and the signed message (field `e`)."""
CHANGES_MAX = 1_000
CHANGES_TTL_S = 3600
"""The durable copy of the changes, for streams that are taken up again."""
WANTED_TTL_S = 90
"""How long an edge's word counts that somebody wants to hear of a resource; said again while it is true."""
HOLDER_MEMORY_S = 24 * 3600
"""How long it is remembered that an owner had an upstream session, so that the loss of one can be told."""
EDGES = "tm:edge:all"
"""Channel of all edges, for what one has to tell the others about sessions."""
ALL_SESSIONS = "tm:sessions:all"
"""Sorted set of all sessions by the time of their last use."""
INNER = "tm:inner"
"""List of signed requests of running calls (scripts, composites) for further calls; any edge takes them."""
INNER_CANCELS = "tm:inner:cancels"
"""Channel of all edges: a parent is over, its calls are not wanted any more."""
FUNCTIONS_WANTED = "tm:functions-wanted"
"""Channel on which a role asks for the Redis functions when it finds them missing and may not load them."""


SCRIPTS = "script"
"""Lane of calls that make further calls, and wait for them: they take no slot that those need."""


def lane(access: CallClass, *, makes_calls: bool = False) -> str:
    """Which of a backend's queues a call goes to, so that slow writes never hold up reads."""
    if makes_calls:
        return SCRIPTS
    return "read" if access == "read" else "write"


def lanes(transport: str) -> tuple[str, ...]:
    """All queues that a backend has."""
    return ("read", "write", SCRIPTS) if transport == "rest" else ("read", "write")


def job_id(group: str, call_id: str) -> str:
    """arq's job id."""
    return f"{group}.{call_id}"


def job(jid: str) -> str:
    """The job itself (arq)."""
    return job_key_prefix + jid


def lease(jid: str) -> str:
    """Who runs the job (arq's in-progress key): `worker:fence`, with a TTL that is renewed."""
    return in_progress_key_prefix + jid


def fence(jid: str) -> str:
    """How often the job was claimed (arq's retry counter): the fencing token."""
    return retry_key_prefix + jid


def queue(group: str, backend: str, lane_name: str) -> str:
    """The queue's sorted set (arq): job id by the time from which it may be claimed."""
    return f"arq:queue:{group}:{backend}:{lane_name}"


def queue_health(queue_name: str) -> str:
    """arq's health-check key of a queue."""
    return queue_name + health_check_key_suffix


def turns(queue_name: str) -> str:
    """Sorted set of the principals that have something waiting; a worker waits on it: it is the doorbell."""
    return f"{queue_name}:turns"


def part(queue_name: str, worker: str) -> str:
    """The part of a queue that only one worker takes from: calls that belong to an upstream session that it holds."""
    return f"{queue_name}@{worker}"


def general(queue_name: str) -> str:
    """The queue that a part belongs to; a queue that is no part is its own."""
    return queue_name.partition("@")[0]


def parts(queue_name: str) -> str:
    """Set of the workers that have a part of a queue."""
    return f"{queue_name}:parts"


def holder(group: str, backend: str, owner: str) -> str:
    """Which worker holds an owner's upstream session: a lease."""
    return f"tm:{group}:holder:{backend}:{owner}"


def holders(group: str, backend: str, owner: str) -> str:
    """How often an owner's upstream session was taken over: counts up with each new holder."""
    return f"tm:{group}:holders:{backend}:{owner}"


def own_bell(worker: str) -> str:
    """List by which a worker wakes itself."""
    return f"tm:bell:{worker}"


def waiting(queue_name: str, share: str) -> str:
    """List of the job ids that one principal has waiting."""
    return f"{queue_name}:waiting:{share}"


def in_flight(group: str, backend: str, share: str) -> str:
    """Sorted set of one principal's unfinished calls at a backend, by deadline."""
    return f"tm:{group}:in-flight:{backend}:{share}"


def final(jid: str) -> str:
    """The final result or failure."""
    return f"tm:final:{jid}"


def events(jid: str) -> str:
    """Stream of a call's progress events."""
    return f"tm:events:{jid}"


def dispatched(jid: str) -> str:
    """Mark that a write may have happened: the value of the lease under which it was dispatched."""
    return f"tm:dispatched:{jid}"


def returned(jid: str) -> str:
    """How often a claimed job was given back unexecuted: claims beyond that are workers that it lost."""
    return f"tm:returned:{jid}"


def dead_letter(jid: str) -> str:
    """A job that lost its worker too often, as it was on the queue."""
    return f"tm:dead:{jid}"


def dead_letters(group: str) -> str:
    """Sorted set of a group's dead letters, job id by the time at which they were set aside."""
    return f"tm:{group}:dead"


def reattach(share: str, digest: str) -> str:
    """Hash of a principal's calls that are the same call: job id to who waits for it (`w:<edge>:<ms>:`; `o:<ms>` nobody),
    or, for a key that the client chose, to `k:` and the digest of its arguments."""
    return f"tm:reattach:{share}:{digest}"


def edge_alive(edge: str) -> str:
    """There as long as an edge lives: what waits at an edge without it is waited for by nobody."""
    return f"tm:alive:{edge}"


def listed_names(backend: str) -> str:
    """Record of the names that a backend's tools were last listed by, signed by an edge."""
    return f"tm:names:listed:{backend}"


def hinted(share: str, backend: str, digest: str) -> str:
    """Says that a user was given a backend's hint. `digest`: of the hint."""
    return f"tm:hinted:{share}:{backend}:{digest}"


def handle(call_id: str) -> str:
    """Record of a call that was answered with a handle or a task, signed by an edge."""
    return f"tm:handle:{call_id}"


def reply_channel(edge: str) -> str:
    """The channel that one edge process listens on."""
    return f"tm:edge:{edge}"


def edge_channel(edge: str) -> str:
    """The channel on which other edges speak to one."""
    return f"tm:edge:{edge}:sessions"


def control_channel(group: str) -> str:
    """The channel that a group's workers listen on for cancels."""
    return f"tm:{group}:control"


def catalogue(group: str, backend: str) -> str:
    """The latest signed catalogue of a backend."""
    return f"tm:{group}:catalogue:{backend}"


def heartbeat(group: str, worker: str) -> str:
    """The latest signed heartbeat of a worker."""
    return f"tm:{group}:heartbeat:{worker}"


def workers(group: str) -> str:
    """Sorted set of a group's workers by the time until which their heartbeat counts."""
    return f"tm:{group}:workers"


def answer(jid: str, request_id: str) -> str:
    """The durable copy of what a client answered to a request of a running call."""
    return f"tm:answer:{jid}:{request_id}"


def wanted(group: str, backend: str) -> str:
    """Hash of the resources of a backend that clients want to hear of: signed messages by digest of the URI."""
    return f"tm:{group}:wanted:{backend}"


def follower(group: str, backend: str) -> str:
    """Which worker follows a backend's changes for all: a lease."""
    return f"tm:{group}:follower:{backend}"


def changes(group: str) -> str:
    """Stream with the durable copy of a group's changes."""
    return f"tm:{group}:changes"


def session(digest: str) -> str:
    """Record of a 2025-era session, by the digest of its id."""
    return f"tm:session:{digest}"


def session_uris(digest: str) -> str:
    """Set of the resources that a session subscribed to, as its client names them."""
    return f"tm:session:{digest}:uris"


def session_request(digest: str, ticket: str) -> str:
    """One request of a session: the call behind it, so that it can be cancelled, and its stream taken up again."""
    return f"tm:session:{digest}:request:{ticket}"


def session_question(digest: str, request_id: str) -> str:
    """One request to the client of a session: the call that waits for its answer."""
    return f"tm:session:{digest}:question:{request_id}"


def sessions(share: str) -> str:
    """Sorted set of a principal's sessions by the time of their last use."""
    return f"tm:sessions:{share}"


def inbox(digest: str) -> str:
    """List of messages that other edges took in for the edge that holds a legacy SSE stream."""
    return f"tm:inbox:{digest}"


def inner_channel(group: str, worker: str) -> str:
    """The channel on which edges answer the requests of a worker's running calls. No other group may listen there."""
    return f"tm:{group}:inner:{worker}"


def inner_body(group: str, call_id: str) -> str:
    """The result of an inner call that is too large for a channel, signed for the group of the parent's worker."""
    return f"tm:{group}:inner-body:{call_id}"


def inner_calls(parent: str) -> str:
    """Hash of the calls that one parent has made: it counts them."""
    return f"tm:inner-calls:{parent}"
