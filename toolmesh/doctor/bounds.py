"""How much of a stranger is borne, and how long a client would wait for what."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Limits of one visit."""

    request_s: float = 20.0
    """For one answer; a check may ask for another time."""
    body_bytes_max: int = 2 * 1024 * 1024
    requests_max: int = 400
    large_body_bytes: int = 4 * 1024 * 1024 - 8 * 1024
    """Of what is sent to see if large bodies get in."""
    visit_s: float = 300.0
    """For all of it; `slow_s` with `--slow`."""
    slow_s: float = 600.0
    person_s: float = 300.0
    """For a person to log in, beside all that."""
    brisk_s: float = 2.0
    """What a document, a registration or a token may take before it is pointed out, and before it is too late."""
    late_s: float = 10.0
    first_event_s: float = 5.0
    """Within which the first event of a stream has to come."""
    lasting_s: float = 55.0
    """How long a stream has to live, with `--slow`; and how long it may be silent."""
    heartbeat_s: float = 30.0
