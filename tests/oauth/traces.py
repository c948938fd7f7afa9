"""What a refused request leaves behind: one record in the audit, no call, and no secret in any log."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared import keys
from tests.faults.trail import read_trail
from tests.mesh import wait_until
from tests.oauth.house import House


def records(house: House) -> list[dict[str, Any]]:
    """The members of all audit records so far. One that a worker is just writing is found twice, and counts once."""
    return list({_name(record): record for record in read_trail(house.running).records}.values())


def _name(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record.get(member) or None for member in _MEMBERS)


_MEMBERS = ("at_ms", "phase", "code", "role", "call_id", "subject", "caller_id", "tool", "detail")


def jobs(house: House) -> list[bytes]:
    """All calls that lie on the broker."""
    with house.running.broker.client() as redis:
        queued = [redis.zrange(keys.queue("default", "echo", lane), 0, -1) for lane in ("read", "idempotent", "write")]
        return [*redis.scan_iter("arq:job:*"), *(each for lane in queued for each in lane)]


def written(house: House) -> Counter[tuple[Any, ...]]:
    """What workers wrote, once they have written everything that there was; how often each."""
    with house.running.broker.client() as redis:
        wait_until(lambda: redis.xlen(keys.AUDIT_STREAM) == 0, "the audit is written", 10)
    return Counter(_name(dict(record)) for record in house.running.audit())


@contextmanager
def refused(house: House, code: str, times: int = 1) -> Iterator[None]:
    """What happens inside is recorded exactly so often, as denied with that code, and starts no call."""
    with house.running.broker.client() as redis:
        seconds, micros = redis.time()
    begun_ms = seconds * 1000 + micros // 1000
    before, jobs_before = written(house), jobs(house)

    def found() -> list[tuple[Any, ...]]:
        """Edges append their records without waiting: others, of just before, may come late."""
        entries = [dict(zip(_MEMBERS, name, strict=True)) for name in (written(house) - before).elements()]
        counting = [each for each in entries if each["code"] == code or each["at_ms"] >= begun_ms]
        return [(each["phase"], each["code"]) for each in counting]

    yield
    wait_until(lambda: len(found()) >= times, f"{times} records {code}", 10)
    new = found()
    assert new == [("denied", code)] * times, new
    assert jobs(house) == jobs_before


def logs(house: House) -> str:
    """Everything that edges and workers wrote."""
    processes = [process for process, _ in house.running.edges] + house.running.workers
    return "\n".join(process.output() for process in processes)


def assert_in_no_log(house: House, *secrets: str) -> None:
    """None of these was written anywhere."""
    text = logs(house)
    assert [secret for secret in secrets if secret and secret in text] == []
