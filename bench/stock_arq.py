"""arq as it comes, for comparison: its worker, its defaults (a look at the queue every 0.5 s), its enqueue and its result.

Run the worker as `python -m arq bench.stock_arq.WorkerSettings` with REDIS_URL set.
"""

import os
import time
from typing import Any, ClassVar

from arq import create_pool
from arq.connections import RedisSettings


async def echo(_context: dict[str, Any], message: str) -> str:
    """The job: nothing but the hop."""
    return message


class WorkerSettings:
    """What arq's command reads; nothing in it but what it can't do without."""

    functions: ClassVar = [echo]
    redis_settings = RedisSettings.from_dsn(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"))


async def measure_stock_hop(redis_url: str, jobs: int) -> list[float]:
    """Seconds from enqueue to result, one job after the other.

    The waiting side looks every 2 ms instead of arq's 0.5 s, so that only the worker's default is measured.
    """
    pool = await create_pool(RedisSettings.from_dsn(redis_url))
    try:
        times = []
        for number in range(jobs):
            begun = time.perf_counter()
            job = await pool.enqueue_job("echo", f"message {number}")
            assert job is not None
            await job.result(timeout=10, poll_delay=0.002)
            times.append(time.perf_counter() - begun)
        return times
    finally:
        await pool.aclose()
