"""The bench's table as data: what was measured without the mesh, through it, and what the goal is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.figures import Figures
from bench.log_ins import CROWD
from bench.log_ins import PARALLEL as RENEWING
from bench.scenarios import BACKEND_MS, CONNECTIONS, IN_FLIGHT, PARALLEL
from bench.sessions import IDLE_SESSIONS
from bench.single import IDLE_BACKENDS

BUSY = CONNECTIONS[-1]
IDEAL_PER_S = IN_FLIGHT * 1000 / BACKEND_MS
FAST, USUAL = "fast upstream", "SDK upstream"
EDGE, ECHO, OLD_ECHO = "edge alone", "echo", "echo, 2025 era"
PIPED = "stdio server"


_Wanted = tuple[str, str, str, str | None, float]
"""What, unit, name of the figure, text and limit of the goal; the text is None where there is none."""


@dataclass(frozen=True)
class Goal:
    """A limit of a figure: `value` is compared with it, which may be another figure than the one that the row shows."""

    text: str
    value: float
    limit: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. `base` is the same thing without the mesh, where there is such a thing."""

    what: str
    unit: str
    mesh: float
    base: float | None = None
    noise: float | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """Through the mesh ÷ without."""
        return self.mesh / self.base if self.base else None


def through(name: str) -> str:
    """The name of a target that goes through the mesh."""
    return f"{name}, mesh"


def direct(name: str) -> str:
    """The name of the same target called directly."""
    return f"{name}, direct"


def counted(connections: int) -> str:
    """`1 connection`, `16 connections`."""
    return f"{connections} connection{'s' if connections > 1 else ''}"


_COSTS: tuple[_Wanted, ...] = (
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
_LOG_INS: tuple[_Wanted, ...] = (
    ("`/token` refresh, one client, p50", "ms", "log_in/refresh/p50_ms", "≤ 3 ms", 3.0),
    ("`/token` refresh, one client, p99", "ms", "log_in/refresh/p99_ms", None, 0.0),
    (f"`/token` refresh, {RENEWING} clients at once", "per s", "log_in/refresh_parallel/per_s", None, 0.0),
    ("CPU of the edge per refresh", "µs", "log_in/refresh_parallel/edge_us", None, 0.0),
    ("CPU of the check of an access token", "µs", "log_in/check_token/us", "≤ 300 µs", 300.0),
    ("CPU of the check of an API key", "µs", "log_in/check_key/us", None, 0.0),
    ("CPU of the check of another server's token, remembered", "µs", "log_in/check_jwt/us", "≤ 300 µs", 300.0),
    ("CPU of the check of another server's token, new, RS256", "µs", "log_in/check_new_rs256/us", None, 0.0),
    ("CPU of the check of another server's token, new, ES256", "µs", "log_in/check_new_es256/us", None, 0.0),
    ("CPU of the edge per echo call: token less key", "µs", "log_in/bearer/added_us", "≤ 300 µs", 300.0),
    (f"log-ins, {CROWD} at once", "per s", "log_in/crowd/per_s", None, 0.0),
    (f"`/livez` during {CROWD} log-ins at once, p50", "ms", "log_in/crowd/livez_p50_ms", None, 0.0),
    (f"`/livez` during {CROWD} log-ins at once, p99", "ms", "log_in/crowd/livez_p99_ms", "≤ 250 ms", 250.0),
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
        *build_log_in_rows(figures),
    ]


def build_log_in_rows(figures: Figures) -> list[Row]:
    """Those of log-ins and tokens. Raises KeyError for a figure that was not measured."""
    return list(_single(figures, _LOG_INS))


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
    yield from _single(figures, _COSTS)


def _single(figures: Figures, wanted: Iterable[_Wanted]) -> Iterator[Row]:
    for what, unit, name, text, limit in wanted:
        goal = Goal(text, figures.median(name), limit) if text else None
        yield Row(what=what, unit=unit, mesh=figures.median(name), noise=figures.noise(name), goal=goal)


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
