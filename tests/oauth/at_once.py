"""Many clients that do something at the same moment, each over a connection of its own."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import httpx2

from tests.client import TRUST

T = TypeVar("T")


def at_once(jobs: Sequence[Callable[[httpx2.Client], T]]) -> list[T]:
    """What each job gives, in their order. All start together, when each has a thread."""
    gate = threading.Barrier(len(jobs))

    def run(job: Callable[[httpx2.Client], T]) -> T:
        with httpx2.Client(trust_env=False, timeout=60, verify=TRUST) as http:
            gate.wait(30)
            return job(http)

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))
