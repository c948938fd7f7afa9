"""Scripts at a worker, beside its other calls: who may run them, and that they never take the place of what they call."""

import asyncio

import pytest

from shared.authorization import Authorization, Evaluator
from shared.configuration import BackendEntry
from shared.identity import Principal
from shared.watched import Watched
from tests.contract.hop import RING, open_line, run, settings_for
from tests.contract.loop_worker import ANYBODY, BACKEND, FAST, OK, Caller, Scripted, loop_worker, make_entry
from tests.mesh import Broker
from workers.assembly import Assembly
from workers.backends.backend import Invocation
from workers.served import Served

SCRIPTS = BackendEntry(name="scripts", transport="code")
NO_RULES = Authorization()


@pytest.mark.parametrize("number", [1, 3])
def test_a_worker_that_runs_one_call_at_a_time_runs_what_scripts_wait_for(broker: Broker, number: int) -> None:
    called = asyncio.Event()

    async def script(invocation: Invocation) -> bytes:
        await called.wait()
        return OK

    async def call(invocation: Invocation) -> bytes:
        called.set()
        return OK

    async def main() -> None:
        served = {
            entry.name: Served(entry=entry, backend=Scripted(do)) for entry, do in ((SCRIPTS, script), (make_entry(), call))
        }
        rules = Watched([], lambda: Evaluator(ANYBODY), poll_s=60)
        async with open_line(broker) as line:
            settings = settings_for(broker, **FAST)
            worker = Assembly(line, settings, RING, served, rules, worker_id="w-1", concurrency=1)
            await worker.start()
            caller = Caller(line)
            queue = f"arq:queue:default:{SCRIPTS.name}:write"
            scripts = [await caller.send(access="write", backend=SCRIPTS.name, queue=queue) for _ in range(number)]
            while len(worker.runtime.tasks) < number:
                await asyncio.sleep(0.01)
            await caller.result(await caller.send())
            for each in scripts:
                await caller.result(each)
            await worker.stop()

    run(main)


def test_a_worker_runs_as_many_scripts_at_a_time_as_it_may(broker: Broker) -> None:
    running, most = 0, 0
    go_on = asyncio.Event()

    async def script(invocation: Invocation) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            go_on.set()
        await go_on.wait()
        await asyncio.sleep(0)
        running -= 1
        return OK

    async def main() -> None:
        entry = BackendEntry(name=BACKEND, transport="code")
        async with open_line(broker) as line, loop_worker(broker, line, script, entry=entry, code_concurrency=2):
            caller = Caller(line)
            for call in [await caller.send(access="write") for _ in range(7)]:
                await caller.result(call)
        assert most == 2

    run(main)


@pytest.mark.parametrize("scopes", [None, ("tools:read",), ("tools:write",)])
def test_everybody_who_is_somebody_may_run_scripts(broker: Broker, scopes: tuple[str, ...] | None) -> None:
    """The rules and scopes count for the calls that they make."""

    async def main() -> None:
        entry = BackendEntry(name=BACKEND, transport="code")
        async with open_line(broker) as line, loop_worker(broker, line, answered, entry=entry, rules=NO_RULES):
            caller = Caller(line)
            ada = Principal(subject="ada", scopes=scopes)
            await caller.result(await caller.send(access="write", principal=ada))

    run(main)


def test_nobody_may_run_none(broker: Broker) -> None:
    async def main() -> None:
        entry = BackendEntry(name=BACKEND, transport="code")
        async with open_line(broker) as line, loop_worker(broker, line, answered, entry=entry):
            caller = Caller(line)
            nobody = Principal(subject="anonymous", anonymous=True)
            assert await caller.failure(await caller.send(access="write", principal=nobody)) == "not_authorized"

    run(main)


async def answered(invocation: Invocation) -> bytes:
    return OK
