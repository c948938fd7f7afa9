"""What becomes of a call whose broker goes away in mid-call (docs/guarantees.md), on a real one that is really killed."""

from pathlib import Path

import msgspec
import pytest

from shared import keys
from tests.contract.hop import open_line, run
from tests.contract.loop_worker import Caller, loop_worker, until
from tests.contract.mishaps import Upstream, failure, job_of, killed, lease_of, own_broker, records, working
from tests.mesh import Broker


def test_what_was_queued_when_the_broker_was_restarted_is_run_unless_it_is_a_write(tmp_path: Path) -> None:
    async def main() -> None:
        upstream = Upstream()
        with own_broker(tmp_path) as broker:
            async with open_line(broker) as line:
                caller = Caller(line)
                calls = [await caller.send(access=access) for access in ("write", "read", "idempotent")]
                unsigned = await caller.send(access="write", epoch="another")
                async with killed(broker, line):
                    pass
                async with loop_worker(broker, line, upstream, holder_grace_s=0.3):
                    for call in calls[1:]:
                        await caller.result(call)
                    for call in (calls[0], unsigned):
                        end = await failure(caller, call)
                        assert end.code == "outcome_unknown"
                        assert call.tool in msgspec.json.decode(end.data)["check"]
                        assert await line.cmd("GET", keys.returned(job_of(call))) == b"1", "its holder was waited for once"
                assert upstream.sent == 2
                assert [r.phase for r in await records(line) if r.access == "write"] == ["outcome"] * 2

    run(main)


@pytest.mark.parametrize("append_only", [True, False], ids=["nothing lost", "everything lost"])
@pytest.mark.parametrize("access", ["read", "write"])
def test_what_a_worker_runs_while_the_broker_restarts_is_answered_with_its_true_result(
    tmp_path: Path, access: str, append_only: bool
) -> None:
    """For longer than a lease, and with another worker there that would take it over: its holder comes back first."""

    async def main() -> None:
        upstream, other = Upstream(), Upstream()
        upstream.may_answer.clear()
        with own_broker(tmp_path, append_only=append_only) as broker:
            async with working(broker, upstream, lease_renew_s=60.0) as (caller, worker):
                call = await caller.send(access=access)
                await until(lambda: upstream.sent)
                lease = await lease_of(worker, call)
                async with open_line(broker) as line, loop_worker(broker, line, other, "w-2", holder_grace_s=1.0):
                    async with killed(broker, caller.line):
                        await until(lambda: not lease.stands())
                    if access == "write":
                        await until(lease.stands)
                    upstream.may_answer.set()
                    assert await caller.result(call)
        assert upstream.sent == 1
        if access == "write":
            assert (upstream.cancelled, other.sent) == (0, 0)

    run(main)


def test_a_call_whose_result_an_empty_broker_forgot_may_be_put_on_the_queue_again(broker: Broker) -> None:
    """The fence counts from one again, which is no replay."""

    async def main() -> None:
        upstream = Upstream()
        with own_broker(broker.directory, append_only=False) as empty:
            async with working(empty, upstream) as (caller, worker):
                call = await caller.send()
                await caller.result(call)
                async with killed(empty, caller.line):
                    pass
                await caller.send(call_id=call.call_id)
                await caller.result(call)
                assert (upstream.sent, worker.publisher.refused) == (2, 0)

    run(main)


def test_a_write_that_is_to_be_sent_waits_for_the_broker(tmp_path: Path) -> None:
    async def main() -> None:
        upstream = Upstream()
        upstream.may_send.clear()
        with own_broker(tmp_path) as broker:
            async with working(broker, upstream, lease_s=30.0) as (caller, worker):
                call = await caller.send(access="write")
                await until(lambda: upstream.waiting)
                async with killed(broker, worker.line, caller.line):
                    upstream.may_send.set()
                    await until(lambda: upstream.asked)
                assert await caller.result(call)
                phases = [(r.phase, r.code) for r in await records(caller.line)]
                assert phases == [("intent", "dispatched"), ("outcome", "ok")]
        assert upstream.sent == 1

    run(main)


def test_a_write_is_not_sent_where_a_restart_may_hide_that_another_worker_sent_it(tmp_path: Path) -> None:
    """Its lease had run out when the broker was restarted: another worker may have run it, which was forgotten then."""

    async def main() -> None:
        upstream = Upstream()
        upstream.may_send.clear()
        with own_broker(tmp_path, append_only=False) as broker:
            async with working(broker, upstream) as (caller, worker):
                call = await caller.send(access="write")
                lease = await lease_of(worker, call)
                async with killed(broker, caller.line):
                    await until(lambda: not lease.stands())
                await until(lease.stands)
                upstream.may_send.set()
                assert (await failure(caller, call)).code == "outcome_unknown"
        assert upstream.sent == 0

    run(main)
