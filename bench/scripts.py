"""What scripts cost: the process that one runs in, a script that does nothing, and the calls that it makes."""

import asyncio
import hashlib
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.bombs import BOMBS
from bench.connection import BadAnswer, Connection
from bench.figures import Figures, percentile
from bench.mesh import Mesh, http_backend, running_mesh
from bench.process import resident_mib
from bench.row import Wanted
from bench.scenarios import Plan, Say
from bench.target import Target
from bench.upstreams import running_upstream
from shared.settings import Settings
from workers.children.child import start_child
from workers.children.engine import ENGINES

INNER = 50
"""Calls of one script: as many as it may make."""
SLOW_MS = 100
BUDGET_S = 0.5
HONEST = 20
"""Scripts of somebody else that run beside the bombs."""
_STRANGER = "a-key-of-somebody-else-1"
_FILES = {
    "apikeys.yaml": f"keys: [{{user_id: bob, plan: pro, key_sha256: {hashlib.sha256(_STRANGER.encode()).hexdigest()}}}]\n",
    "authorization.yaml": "plans: {pro: {allow: ['**']}}\n",
}
_NOTHING = "return 1"
_ONE_AFTER_ANOTHER = f"""
    const begun = Date.now();
    for (let n = 0; n < {INNER}; n++) await toolmesh.echo_echo({{message: `${{n}}`}});
    return {{took_ms: Date.now() - begun}};
"""
_AT_ONCE = f"""
    const begun = Date.now();
    const naps = Array.from({{length: {INNER}}}, (_, n) => toolmesh.fast_sleep_ms({{ms: {SLOW_MS}, tag: `${{n}}`}}));
    await Promise.all(naps);
    return {{took_ms: Date.now() - begun}};
"""
_TOOK = re.compile(r"took_ms[^0-9]{1,6}([0-9]+)")

ROWS: tuple[Wanted, ...] = (
    ("a child for scripts: start to ready", "ms", "scripts/child/start_ms", "≤ 80 ms", 80.0),
    ("a child for scripts: memory", "MiB", "scripts/child/rss_mib", "≤ 20 MiB", 20.0),
    ("script `return 1`, p50", "ms", "scripts/nothing/p50_ms", "≤ 4 ms", 4.0),
    ("script `return 1`, p99", "ms", "scripts/nothing/p99_ms", None, 0.0),
    (f"call of a script, one of {INNER} after another", "ms", "scripts/inner/ms", "≤ 3 ms", 3.0),
    (f"{INNER} calls of a script at once, {SLOW_MS} ms backend", "ms", "scripts/parallel/ms", "≤ 200 ms", 200.0),
    (f"the worst of {len(BOMBS)} bombs, budget {BUDGET_S * 1000:.0f} ms", "ms", "scripts/bomb/worst_ms", "≤ 600 ms", 600.0),
    ("script `return 1` beside them, p95", "ms", "scripts/honest/p95_ms", "≤ 1,000 ms", 1000.0),
)


def measure_scripts(folder: Path, plan: Plan, figures: Figures, say: Say) -> None:
    """All of it. Raises BadAnswer."""
    for number in range(plan.rounds):
        say(f"scripts, round {number + 1} of {plan.rounds}")
        asyncio.run(measure_child(plan.starts + 2, figures))
    with running_upstream(folder) as upstream_url:
        backends = [http_backend("fast", upstream_url, "sleep_ms")]
        with _running(folder / "usual", backends) as mesh:
            for number in range(plan.rounds):
                say(f"calls of scripts, round {number + 1} of {plan.rounds}")
                measure_nothing(mesh, plan.sequential_calls, figures)
                figures.add("scripts/inner/ms", _took_ms(mesh, _ONE_AFTER_ANOTHER) / INNER)
                figures.add("scripts/parallel/ms", _took_ms(mesh, _AT_ONCE))
    with _running(folder / "short", [], TOOLMESH_CODE_TIMEOUT=f"{BUDGET_S}s") as mesh:
        for number in range(plan.rounds):
            say(f"bombs, round {number + 1} of {plan.rounds}")
            measure_bombs(mesh, figures)
            measure_honest(mesh, figures)


@contextmanager
def _running(folder: Path, backends: list[dict[str, object]], **environment: str) -> Iterator[Mesh]:
    folder.mkdir()
    probes: dict[str, dict[str, object]] = {"echo_echo": {"message": "probe"}, "execute_code": {"code": _NOTHING}}
    probes |= {f"{entry['name']}_sleep_ms": {"ms": 0, "tag": "probe"} for entry in backends}
    groups = ("default", "code")
    with running_mesh(folder, backends, probes, groups=groups, environment=environment, files=_FILES) as mesh:
        yield mesh


async def measure_child(starts: int, figures: Figures) -> None:
    """Children one after the other, from their start until they are ready; the first one is not counted."""
    settings = Settings()
    for number in range(starts):
        begun = time.perf_counter()
        child = await start_child(ENGINES["javascript"], settings)
        taken = time.perf_counter() - begun
        memory_mib = resident_mib(child.pid)
        child.kill()
        await child.ended
        if number:
            figures.add("scripts/child/start_ms", taken * 1000)
            figures.add("scripts/child/rss_mib", memory_mib)


def measure_nothing(mesh: Mesh, calls: int, figures: Figures) -> None:
    """One client, one script after the other."""
    with Connection(_script(mesh, _NOTHING)) as connection:
        for _ in range(20):
            connection.call()
        times = [connection.call() for _ in range(calls)]
    figures.add("scripts/nothing/p50_ms", percentile(times, 0.5) * 1000)
    figures.add("scripts/nothing/p99_ms", percentile(times, 0.99) * 1000)


def measure_bombs(mesh: Mesh, figures: Figures) -> None:
    """One bomb after the other, each from the request to its error."""
    figures.add("scripts/bomb/worst_ms", max(_explode(mesh, code) for code in BOMBS.values()) * 1000)


def measure_honest(mesh: Mesh, figures: Figures) -> None:
    """All bombs at once, and the scripts of somebody else beside them, four at a time."""
    target = replace(_script(mesh, _NOTHING), api_key=_STRANGER)

    def one(_: int) -> float:
        with Connection(target) as connection:
            return connection.call()

    with ThreadPoolExecutor(len(BOMBS)) as hostile, ThreadPoolExecutor(4) as others:
        exploding = [hostile.submit(_explode, mesh, code) for code in BOMBS.values()]
        times = list(others.map(one, range(HONEST)))
        for bomb in exploding:
            bomb.result()
    figures.add("scripts/honest/p95_ms", percentile(times, 0.95) * 1000)


def _explode(mesh: Mesh, code: str) -> float:
    """Seconds until a bomb's error is here. Raises BadAnswer for one that is answered otherwise."""
    with Connection(replace(_script(mesh, code), expected='"isError":true', refused=None)) as connection:
        return connection.call()


def _script(mesh: Mesh, code: str) -> Target:
    return mesh.target("script", "execute_code", code=code)


def _took_ms(mesh: Mesh, code: str) -> float:
    """What a script says of its own time."""
    with Connection(_script(mesh, code)) as connection:
        connection.call()
    found = _TOOK.search(connection.answer)
    if found is None:
        raise BadAnswer(f"The script did not say how long it took: {connection.answer[:300]}")
    return float(found[1])
