"""What is measured in every round, each scenario right after the other so that the machine's moods meet all of them."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from bench.connection import Connection
from bench.figures import Figures, percentile
from bench.load import Load, run_load
from bench.mesh import Mesh
from bench.pipe import Pipe
from bench.stock_arq import measure_stock_hop
from bench.target import Target

Say = Callable[[str], None]
CONNECTIONS = (1, 16, 64)
IN_FLIGHT = 500
BACKEND_MS = 200
PARALLEL = 10


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is measured."""

    rounds: int
    sequential_calls: int
    load_s: int
    in_flight_s: int
    stock_jobs: int
    starts: int
    idle_s: float
    refreshes: int
    bearer_pairs: int
    checks: int


FULL = Plan(
    rounds=3,
    sequential_calls=600,
    load_s=2,
    in_flight_s=4,
    stock_jobs=5,
    starts=3,
    idle_s=5,
    refreshes=600,
    bearer_pairs=60,
    checks=50_000,
)
QUICK = Plan(
    rounds=1,
    sequential_calls=100,
    load_s=1,
    in_flight_s=2,
    stock_jobs=2,
    starts=1,
    idle_s=2,
    refreshes=100,
    bearer_pairs=20,
    checks=10_000,
)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What runs while the rounds are measured."""

    mesh: Mesh
    echo: Target
    old_echo: Target
    """The same call in a session of the 2025 era."""
    edge_alone: Target
    piped: Target
    """A stdio server through the mesh."""
    upstreams: tuple[tuple[Target, Target], ...]
    """Pairs of the same tool: direct, through the mesh."""
    sleepers: tuple[Target, ...]
    """The slow tool: direct, one worker, two workers."""
    stock_redis_url: str

    @property
    def targets(self) -> tuple[Target, ...]:
        pairs = (target for pair in self.upstreams for target in pair)
        return (self.edge_alone, self.echo, self.old_echo, *pairs)


def warm_up(stage: Stage) -> None:
    """Every path once under load: imports, pools and caches are paid for."""
    for target in stage.targets:
        run_load(target, 16, 1)


def run_round(number: int, plan: Plan, stage: Stage, figures: Figures, say: Say) -> None:
    """One round. Targets take turns in being first."""
    turn = number % len(stage.targets)
    targets = stage.targets[turn:] + stage.targets[:turn]
    say("sequential calls")
    for target in (*targets, stage.piped):
        measure_sequential(target, plan.sequential_calls, figures)
    measure_pipe(plan.sequential_calls, figures)
    for connections in CONNECTIONS:
        say(f"{connections} connections")
        for target in targets:
            measure_load(target, connections, plan.load_s, stage.mesh, figures)
    say(f"{PARALLEL} calls of 1 s at a time, {IN_FLIGHT} calls of {BACKEND_MS} ms in flight")
    for target in stage.sleepers:
        if target is not stage.sleepers[-1]:
            figures.add(f"parallel/{target.name}/s", parallel_seconds(target))
        seen = run_load(target, IN_FLIGHT, plan.in_flight_s)
        _keep(f"in_flight/{target.name}", seen, figures)
    say("stock arq")
    stock = asyncio.run(measure_stock_hop(stage.stock_redis_url, plan.stock_jobs))
    figures.add("stock_arq/p50_ms", percentile(stock, 0.5) * 1000)
    figures.add("stock_arq/p99_ms", percentile(stock, 0.99) * 1000)


def measure_sequential(target: Target, calls: int, figures: Figures) -> None:
    """One client, one call after the other."""
    with Connection(target) as connection:
        for _ in range(20):
            connection.call()
        times = [connection.call() for _ in range(calls)]
    figures.add(f"sequential/{target.name}/p50_ms", percentile(times, 0.5) * 1000)
    figures.add(f"sequential/{target.name}/p99_ms", percentile(times, 0.99) * 1000)


def measure_pipe(calls: int, figures: Figures) -> None:
    """The stdio server without the mesh."""
    with Pipe() as pipe:
        for _ in range(20):
            pipe.call()
        times = [pipe.call() for _ in range(calls)]
    figures.add("sequential/pipe/p50_ms", percentile(times, 0.5) * 1000)
    figures.add("sequential/pipe/p99_ms", percentile(times, 0.99) * 1000)


def measure_load(target: Target, connections: int, duration_s: float, mesh: Mesh, figures: Figures) -> None:
    """That many connections for that long; with the most of them, also processor time and broker memory per call."""
    cpu_s, kept = mesh.cpu_s(), mesh.kept_bytes()
    seen = run_load(target, connections, duration_s)
    _keep(f"load/{connections}/{target.name}", seen, figures)
    if connections == CONNECTIONS[-1]:
        paid = {part: (after_s - cpu_s[part]) / seen.calls * 1e6 for part, after_s in mesh.cpu_s().items()}
        for part, each_us in paid.items():
            figures.add(f"cpu/{target.name}/{part}_us", each_us)
        figures.add(f"cpu/{target.name}/us", sum(paid.values()))
        figures.add(f"kept/{target.name}/bytes", (mesh.kept_bytes() - kept) / seen.calls)


def parallel_seconds(target: Target) -> float:
    """PARALLEL calls of 1 s at once, each on its own connection of one client; seconds until the last answer."""
    slow = Target(
        name=target.name,
        url=target.url,
        tool=target.tool,
        arguments=dict(target.arguments) | {"ms": 1000},
        api_key=target.api_key,
    )
    with ExitStack() as stack:
        calls: Sequence[Callable[[], float]] = [stack.enter_context(Connection(slow)).call for _ in range(PARALLEL)]
        pool = stack.enter_context(ThreadPoolExecutor(PARALLEL))
        begun = time.perf_counter()
        for done in [pool.submit(call) for call in calls]:
            done.result(timeout=30)
        return time.perf_counter() - begun


def _keep(name: str, seen: Load, figures: Figures) -> None:
    figures.add(f"{name}/per_s", seen.per_s)
    figures.add(f"{name}/p50_ms", seen.p50_ms)
    figures.add(f"{name}/p99_ms", seen.p99_ms)
