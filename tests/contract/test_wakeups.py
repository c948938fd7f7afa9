"""No wake-up is lost: with the sweep switched off, every call is still claimed, whatever the clocks of the roles say."""

import asyncio

import pytest

from shared.clock import BrokerClock
from shared.codec import unseal
from shared.messages import ToolCall
from tests.contract.hop import GROUP, READ_QUEUE, RING, WRITE_QUEUE, make_call, open_line, put, release, run, settings_for
from tests.mesh import Broker
from workers.claimed import Claimed, Discarded
from workers.runtime import MeshWorker

_NEVER_S = 3600.0


class SkewedClock(BrokerClock):
    """A role's clock that is off."""

    def __init__(self, skew_ms: int) -> None:
        super().__init__()
        self._skew_ms = skew_ms

    def now_ms(self) -> int:
        return super().now_ms() + self._skew_ms


def _unexpected(job: Discarded) -> None:
    raise AssertionError(f"discarded: {job}")


@pytest.mark.parametrize("skew_ms", [-50, 0, 50])
@pytest.mark.parametrize("workers", [1, 2])
def test_every_call_is_claimed_by_the_doorbell_alone(broker: Broker, skew_ms: int, workers: int) -> None:
    async def main() -> None:
        clock = SkewedClock(skew_ms)
        settings = settings_for(broker, sweep_s=_NEVER_S)
        ended: dict[str, asyncio.Future[None]] = {}
        async with open_line(broker) as line:

            async def job(claimed: Claimed, envelope: bytes | None) -> None:
                assert envelope is not None
                call = unseal(RING, GROUP, envelope, ToolCall)
                await release(line, claimed, delay_ms=60_000)
                ended[call.call_id].set_result(None)

            running = [
                MeshWorker(
                    line,
                    settings,
                    worker_id=f"w-{number}",
                    queues=[READ_QUEUE, WRITE_QUEUE],
                    concurrency=16,
                    run=job,
                    discard=_unexpected,
                )
                for number in range(workers)
            ]
            tasks = [asyncio.create_task(worker.async_run()) for worker in running]
            numbers = iter(range(1500))

            async def lane() -> None:
                for number in numbers:
                    call = make_call(clock, access="write" if number % 3 == 0 else "read", subject=f"u{number % 5}")
                    future = ended[call.call_id] = asyncio.get_running_loop().create_future()
                    await put(line, clock, call)
                    await future

            await asyncio.gather(*(lane() for _ in range(32)))
            assert len(ended) == 1500
            for worker in running:
                await worker.drain(1.0)
                await worker.let_go()
            await asyncio.gather(*tasks, return_exceptions=True)

    run(main, timeout_s=50)
