"""The bench's table as data: what was measured without the mesh, through it, and what the goal is."""

from collections.abc import Iterator

from bench.figures import Figures
from bench.parts import PARTS
from bench.row import Goal, Row, Wanted, single_rows
from bench.scenarios import BACKEND_MS, CONNECTIONS, IN_FLIGHT, PARALLEL
from bench.sessions import IDLE_SESSIONS
from bench.single import IDLE_BACKENDS

BUSY = CONNECTIONS[-1]
IDEAL_PER_S = IN_FLIGHT * 1000 / BACKEND_MS
FAST, USUAL = "fast upstream", "SDK upstream"
EDGE, ECHO, OLD_ECHO = "edge alone", "echo", "echo, 2025 era"
PIPED = "stdio server"


def through(name: str) -> str:
    """The name of a target that goes through the mesh."""
    return f"{name}, mesh"


def direct(name: str) -> str:
    """The name of the same target called directly."""
    return f"{name}, direct"


def counted(connections: int) -> str:
    """`1 connection`, `16 connections`."""
    return f"{connections} connection{'s' if connections > 1 else ''}"


_COSTS: tuple[Wanted, ...] = (
    ("CPU per echo call: edge + worker + Redis", "µs", f"cpu/{ECHO}/us", "≤ 400 µs", 400.0),
    (f"CPU per call to the {FAST}", "µs", f"cpu/{through(FAST)}/us", None, 0.0),
    ("Redis memory per finished small call", "B", f"kept/{ECHO}/bytes", "≤ 800 B", 800.0),
    ("memory of the edge after load", "MiB", "rss/edge/mib", "≤ 120 MiB", 120.0),
    ("memory of a worker after load", "MiB", "rss/worker/mib", "≤ 80 MiB", 80.0),
    (f"memory of the edge for {IDLE_SESSIONS:,} idle sessions", "MiB", "sessions/idle/mib", "≤ 25 MiB", 25.0),
    ("memory of the edge for an idle stream", "KiB", "sessions/stream/kib", "≤ 20 KiB", 20.0),
    ("`toolmesh up` to ready, warm", "s", "start/ready_s", "≤ 3 s", 3.0),
    ("`toolmesh up`, SIGTERM to gone", "s", "start/stop_s", "≤ 10 s", 10.0),
    (f"idle CPU, {IDLE_BACKENDS} backends", "% of a core", "idle/all/percent", "≤ 1 %", 1.0),
)


def build_rows(figures: Figures) -> list[Row]:
    """All rows. Raises KeyError for a figure that was not measured."""
    return [
        *_hop(figures),
        *_echo(figures),
        *_upstreams(figures),
        *_wide(figures),
        *_slow(figures),
        *_costs(figures),
        *(row for part in PARTS for row in part.rows(figures)),
    ]


def _hop(figures: Figures) -> Iterator[Row]:
    # Also the p99 is reckoned from the edge's p50: the edge's own tail is not to be taken for a faster hop.
    edge = figures.median(f"sequential/{EDGE}/p50_ms")
    for rank, limit in (("p50", 1.2), ("p99", 2.5)):
        echo = f"sequential/{ECHO}/{rank}_ms"
        hop = figures.median(echo) - edge
        yield Row(
            what=f"the hop alone, {rank}, against stock arq",
            unit="ms",
            base=figures.median(f"stock_arq/{rank}_ms"),
            mesh=hop,
            noise=figures.noise(echo),
            goal=Goal(f"≤ {limit} ms", hop, limit),
        )


def _echo(figures: Figures) -> Iterator[Row]:
    for rank in ("p50", "p99"):
        yield _compared(figures, f"echo, one client, {rank}", "ms", f"sequential/{{}}/{rank}_ms", EDGE, ECHO)
    for connections in CONNECTIONS:
        name = f"load/{connections}/{{}}/per_s"
        goal = None
        if connections == BUSY:
            goal = Goal("≥ 3,000/s", figures.median(name.format(ECHO)), 3000, at_least=True)
        yield _compared(figures, f"echo, {counted(connections)}", "calls/s", name, EDGE, ECHO, goal)
    name = f"load/{BUSY}/{{}}/p99_ms"
    goal = Goal("≤ 50 ms", figures.median(name.format(ECHO)), 50)
    yield _compared(figures, f"echo, {counted(BUSY)}, p99", "ms", name, EDGE, ECHO, goal)


def _upstreams(figures: Figures) -> Iterator[Row]:
    for upstream in (FAST, USUAL):
        pair = (direct(upstream), through(upstream))
        name = "sequential/{}/p50_ms"
        added = figures.median(name.format(pair[1])) - figures.median(name.format(pair[0]))
        goal = Goal("adds ≤ 2.0 ms", added, 2.0)
        yield _compared(figures, f"{upstream}, one client, p50", "ms", name, *pair, goal)
        yield _compared(figures, f"{upstream}, one client, p99", "ms", "sequential/{}/p99_ms", *pair)
        for connections in CONNECTIONS:
            name = f"load/{connections}/{{}}/per_s"
            share = figures.median(name.format(pair[1])) / figures.median(name.format(pair[0]))
            is_goal = connections == BUSY and upstream == USUAL
            goal_65 = Goal("≥ 65 % of direct", share, 0.65, at_least=True) if is_goal else None
            yield _compared(figures, f"{upstream}, {counted(connections)}", "calls/s", name, *pair, goal_65)


def _wide(figures: Figures) -> Iterator[Row]:
    name = f"load/{BUSY}/{OLD_ECHO}/per_s"
    per_s = figures.median(name)
    goal = Goal("≥ 600/s", per_s, 600, at_least=True)
    what = f"echo in a 2025-era session, {counted(BUSY)}"
    yield Row(what=what, unit="calls/s", mesh=per_s, noise=figures.noise(name), goal=goal)
    name = "sequential/{}/p50_ms"
    added = figures.median(name.format(through(PIPED))) - figures.median(name.format("pipe"))
    goal = Goal("adds ≤ 3.0 ms", added, 3.0)
    yield _compared(figures, f"{PIPED}, one client, p50", "ms", name, "pipe", through(PIPED), goal)
    yield _compared(figures, f"{PIPED}, one client, p99", "ms", "sequential/{}/p99_ms", "pipe", through(PIPED))


def _slow(figures: Figures) -> Iterator[Row]:
    name = "parallel/{}/s"
    goal = Goal("≤ 1.1 s", figures.median(name.format("one worker")), 1.1)
    yield _compared(figures, f"{PARALLEL} calls of 1 s at once", "s", name, "no mesh", "one worker", goal)
    for team in ("one worker", "two workers"):
        name = "in_flight/{}/per_s"
        share = figures.median(name.format(team)) / IDEAL_PER_S
        goal = Goal(f"≥ 80 % of {IDEAL_PER_S:,.0f}/s", share, 0.8, at_least=True)
        what = f"{IN_FLIGHT} in flight, {BACKEND_MS} ms backend, {team}"
        yield _compared(figures, what, "calls/s", name, "no mesh", team, goal)


def _costs(figures: Figures) -> Iterator[Row]:
    yield from single_rows(figures, _COSTS)


def _compared(figures: Figures, what: str, unit: str, name: str, base: str, mesh: str, goal: Goal | None = None) -> Row:
    """A row of two figures whose names differ by the target."""
    return Row(
        what=what,
        unit=unit,
        base=figures.median(name.format(base)),
        mesh=figures.median(name.format(mesh)),
        noise=figures.noise(name.format(mesh)),
        goal=goal,
    )
