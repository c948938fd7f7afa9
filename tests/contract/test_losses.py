"""What becomes of a call whose worker goes away in mid-call, or is stopped and revived (docs/guarantees.md), on a real
broker."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared import failpoints, keys
from shared.messages import Cancel, ToolCall
from tests.contract.hop import GROUP, claim, lapse, open_line, release, run
from tests.contract.loop_worker import BACKEND, Caller, eventually, loop_worker, until
from tests.contract.mishaps import Upstream, failure, job_of, lease_of, records, working
from tests.mesh import Broker

WRITES = keys.queue(GROUP, BACKEND, "write")
READS = keys.queue(GROUP, BACKEND, "read")
ANOTHER = "w-2:2"


@contextmanager
def armed(*specs: str) -> Iterator[None]:
    failpoints.arm(specs)
    try:
        yield
    finally:
        failpoints.arm(())


@pytest.mark.parametrize("access", ["read", "idempotent", "write"])
def test_a_call_that_lost_its_worker_twice_is_set_aside_and_not_run_a_third_time(broker: Broker, access: str) -> None:
    async def main() -> None:
        upstream = Upstream()
        async with open_line(broker) as line:
            caller = Caller(line)
            call = await caller.send(access=access)
            for worker in ("w-8", "w-9"):
                (claimed,) = await claim(line, READS if access == "read" else WRITES, 1, worker=worker, sweep=True)
                await lapse(line, claimed)
            async with loop_worker(broker, line, upstream):
                end = await failure(caller, call)
            assert end.code == "dead_lettered"
            assert f"toolmesh queue show {call.call_id}" in end.detail
            assert await line.cmd("GET", keys.dead_letter(job_of(call))) == claimed.payload
            assert await line.cmd("ZRANGE", keys.dead_letters(GROUP), 0, -1) == [job_of(call).encode()]
            assert [(r.phase, r.code) for r in await records(line)] == [("outcome", "dead_lettered")]
            assert await line.cmd("EXISTS", keys.job(job_of(call)), keys.lease(job_of(call))) == 0
        assert upstream.sent == 0

    run(main)


def test_workers_that_gave_a_call_back_were_not_lost(broker: Broker) -> None:
    async def main() -> None:
        upstream = Upstream()
        async with open_line(broker) as line:
            caller = Caller(line)
            call = await caller.send(access="write")
            for _ in range(3):
                (claimed,) = await claim(line, WRITES, 1, sweep=True)
                await release(line, claimed)
            async with loop_worker(broker, line, upstream):
                assert await caller.result(call)
            (outcome,) = [r for r in await records(line) if r.phase == "outcome"]
            assert outcome.fence == 4

    run(main)


def test_a_write_that_was_sent_runs_to_its_end_when_another_worker_answers_for_it_and_says_late_how_it_ended(
    broker: Broker,
) -> None:
    async def main() -> None:
        upstream = Upstream()
        upstream.may_answer.clear()
        async with working(broker, upstream) as (caller, worker):
            call = await caller.send(access="write")
            await until(lambda: upstream.sent)
            lease = await lease_of(worker, call)
            await caller.line.cmd("SET", keys.lease(job_of(call)), ANOTHER, "PX", 60_000)
            await until(lambda: lease.lost)
            await caller.line.cmd("SET", keys.final(job_of(call)), b"outcome_unknown", "PX", 60_000)
            upstream.may_answer.set()
            await until(lambda: not worker.runtime.tasks)
            assert await caller.line.cmd("GET", keys.final(job_of(call))) == b"outcome_unknown"
            told = [(r.phase, r.code, r.fence) for r in await records(caller.line)]
            assert told == [("intent", "dispatched", 1), ("late", "ok", 1)]
        assert upstream.cancelled == 0

    run(main)


def test_a_read_is_stopped_when_another_worker_runs_it_and_nothing_is_told_of_it(broker: Broker) -> None:
    async def main() -> None:
        upstream = Upstream()
        upstream.may_answer.clear()
        async with working(broker, upstream) as (caller, worker):
            call = await caller.send()
            await until(lambda: upstream.sent)
            await caller.line.cmd("SET", keys.lease(job_of(call)), ANOTHER, "PX", 60_000)
            await until(lambda: upstream.cancelled)
            await until(lambda: not worker.runtime.tasks)
            assert await records(caller.line) == []

    run(main)


def test_a_worker_that_is_given_what_it_runs_already_goes_on_with_it(broker: Broker) -> None:
    async def main() -> None:
        upstream = Upstream()
        upstream.may_answer.clear()
        async with working(broker, upstream, lease_renew_s=60.0) as (caller, worker):
            call = await caller.send(access="write")
            await until(lambda: upstream.sent)
            lease = await lease_of(worker, call)
            await lapse(caller.line, lease.claimed)
            await eventually(lambda: caller.line.cmd("GET", keys.returned(job_of(call))))
            upstream.may_answer.set()
            assert await caller.result(call)
        assert upstream.sent == 1

    run(main)


class Stopped(threading.Thread):
    """While this process is stopped: another worker takes a job over as soon as its lease is over."""

    def __init__(self, broker: Broker, call: ToolCall) -> None:
        super().__init__(daemon=True)
        self._broker = broker
        self._name = keys.lease(job_of(call))
        self.took = False
        self.start()

    def run(self) -> None:
        with self._broker.client() as client:
            end = time.monotonic() + 10
            while time.monotonic() < end and not self.took:
                self.took = bool(client.set(self._name, ANOTHER, px=60_000, nx=True))


@pytest.mark.parametrize("point", ["worker.before_dispatch", "worker.after_dispatch"])
@pytest.mark.parametrize("access", ["read", "write"])
def test_a_worker_that_was_stopped_before_it_sent_is_fenced_out_if_another_took_over(
    broker: Broker, access: str, point: str
) -> None:
    async def main() -> None:
        upstream = Upstream()
        upstream.may_send.clear()
        async with working(broker, upstream, lease_s=0.4) as (caller, worker):
            call = await caller.send(access=access)
            await until(lambda: upstream.waiting)
            with armed(f"{point}=sleep:700"):
                other = Stopped(broker, call)
                upstream.may_send.set()
                await until(lambda: not worker.runtime.tasks)
            other.join(10)
            assert other.took
            assert await caller.line.cmd("GET", keys.lease(job_of(call))) == ANOTHER.encode()
        assert upstream.sent == 0

    run(main)


@pytest.mark.parametrize(
    "point", ["worker.after_claim", "worker.before_dispatch", "worker.after_dispatch", "worker.after_answer"]
)
@pytest.mark.parametrize("access", ["read", "write"])
def test_a_worker_that_was_stopped_takes_its_call_up_again_if_nobody_took_over(
    broker: Broker, access: str, point: str
) -> None:
    async def main() -> None:
        upstream = Upstream()
        with armed(f"{point}=sleep:600"):
            async with working(broker, upstream, lease_s=0.3) as (caller, _):
                call = await caller.send(access=access)
                assert await caller.result(call)
                (outcome,) = [r for r in await records(caller.line) if r.phase == "outcome"]
                assert (outcome.code, outcome.fence) == ("ok", 1)
        assert upstream.sent == 1

    run(main)


def test_a_cancelled_call_says_that_nothing_was_changed_only_where_that_is_certain(broker: Broker) -> None:
    async def main() -> None:
        upstream = Upstream()
        async with working(broker, upstream) as (caller, _):
            cases = ("read", True, True), ("idempotent", False, True), ("idempotent", True, False)
            for number, (access, sent, certain) in enumerate(cases, 1):
                gate, other = (upstream.may_answer, upstream.may_send) if sent else (upstream.may_send, upstream.may_answer)
                gate.clear()
                other.set()
                call = await caller.send(access=access)
                await upstream.began(number)
                await caller.tell(Cancel(call_id=call.call_id, backend=BACKEND, at_ms=caller.clock.now_ms()))
                end = await failure(caller, call)
                assert end.code == "cancelled"
                assert ("before it had changed anything" in end.detail) is certain

    run(main)
