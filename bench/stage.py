"""Sets the stage: two upstreams, two meshes (one worker, two workers) and stock arq, all running through all rounds."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from bench.mesh import Mesh, http_backend, running_broker, running_mesh, stdio_backend
from bench.pipe import COMMAND
from bench.process import Process, python
from bench.rows import ECHO, FAST, OLD_ECHO, PIPED, USUAL, direct, through
from bench.scenarios import BACKEND_MS, IN_FLIGHT, Stage
from bench.sessions import open_session
from bench.target import COUNTER, Target
from bench.upstreams import running_upstream

_MESSAGE = {"message": f"{COUNTER}!"}
_NAP = {"ms": BACKEND_MS, "tag": f"{COUNTER}!"}
_POOL = IN_FLIGHT + 12
"""Connections of a worker to the fast upstream: as many as there are calls in flight."""


@contextmanager
def running_stage(folder: Path) -> Iterator[Stage]:
    """Start everything that the rounds need; end it all."""
    with ExitStack() as stack:
        fast_url = stack.enter_context(running_upstream(folder))
        usual_url = stack.enter_context(running_upstream(folder, "sdk_upstream"))
        backends = [
            http_backend("fast", fast_url, "echo", "sleep_ms", connections=_POOL),
            http_backend("usual", usual_url, "echo"),
            stdio_backend("piped", COMMAND),
        ]
        probes = {"echo_echo": _MESSAGE, "fast_echo": _MESSAGE, "usual_echo": _MESSAGE, "piped_echo": _MESSAGE}
        one, two = (
            stack.enter_context(running_mesh(made(folder / f"mesh-{workers}"), backends, probes, workers))
            for workers in (1, 2)
        )
        stock_folder = made(folder / "stock")
        _, redis_url = stack.enter_context(running_broker(stock_folder))
        command = python("-m", "arq", "bench.stock_arq.WorkerSettings")
        stack.enter_context(Process("stock arq", command, stock_folder / "arq.log", {"REDIS_URL": redis_url}))
        yield _stage(one, two, fast_url, usual_url, redis_url)


def _stage(one: Mesh, two: Mesh, fast_url: str, usual_url: str, stock_redis_url: str) -> Stage:
    return Stage(
        mesh=one,
        echo=one.target(ECHO, "echo_echo", **_MESSAGE),
        old_echo=replace(one.target(OLD_ECHO, "echo_echo", **_MESSAGE), session=open_session(one)),
        piped=one.target(through(PIPED), "piped_echo", **_MESSAGE),
        edge_alone=one.answered_by_edge(),
        upstreams=(
            (
                Target(name=direct(FAST), url=fast_url, tool="echo", arguments=_MESSAGE),
                one.target(through(FAST), "fast_echo", **_MESSAGE),
            ),
            (
                Target(name=direct(USUAL), url=usual_url, tool="echo", arguments=_MESSAGE),
                one.target(through(USUAL), "usual_echo", **_MESSAGE),
            ),
        ),
        sleepers=(
            Target(name="no mesh", url=fast_url, tool="sleep_ms", arguments=_NAP),
            one.target("one worker", "fast_sleep_ms", **_NAP),
            two.target("two workers", "fast_sleep_ms", **_NAP),
        ),
        stock_redis_url=stock_redis_url,
    )


def made(folder: Path) -> Path:
    """The folder, created."""
    folder.mkdir(parents=True)
    return folder
