"""Every Redis key, channel and queue name, and how long each lives.

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
RESULT_TTL_S = 600
"""Life of a final result, which is also the mark that the call is over."""
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
FUNCTIONS_WANTED = "tm:functions-wanted"
"""Channel on which a role asks for the Redis functions when it finds them missing and may not load them."""


def lane(access: CallClass) -> str:
    """Which of a backend's two queues a call goes to, so that slow writes never hold up reads."""
    return "read" if access == "read" else "write"


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
    """Mark that a write may have happened: the fence under which it was dispatched."""
    return f"tm:dispatched:{jid}"


def reply_channel(edge: str) -> str:
    """The channel that one edge process listens on."""
    return f"tm:edge:{edge}"


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
