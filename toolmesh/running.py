"""The run of `toolmesh up`: start the tree, wait until it can take calls, say so, and end it when told."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.mesh_keys import parse_key_ring
from shared.privacy import keep_to_oneself
from toolmesh.broker import broker_command, broker_url, find_server, runtime_directory
from toolmesh.broker_url_file import announced
from toolmesh.child import Child
from toolmesh.console import say
from toolmesh.plan import Plan
from toolmesh.process_tree import ProcessTree
from toolmesh.readiness import edge_is_ready
from toolmesh.roll_call import Presence, call_roll
from toolmesh.welcome import endpoint, reachable_host, say_backends, say_first_call, say_owner

_READY_S = 20.0
_POLL_S = 0.05


async def run(plan: Plan) -> None:
    """Run until a signal says stop. Raises ConfigurationError when something refuses to start."""
    keep_to_oneself()  # all children run as one user, stdio servers among them
    logs = plan.settings.data_dir / "logs"
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _broker(plan, logs) as (redis_url, broker):
        tree = ProcessTree(redis_url, broker, _roles(plan, redis_url, logs))
        if broker is not None:
            broker.after_restart = tree.load_functions
        tree.listen_to_signals()
        say(
            f"Starting {'a broker, ' if broker else ''}an edge and {plan.workers} "
            f"worker{'' if plan.workers == 1 else 's'}. All of them run as one user here: for walls between the secrets of "
            "edge and workers run the roles apart (README)."
        )
        say_owner(plan.settings, plan.owner)
        try:
            await tree.start()
            await tree.run_until_stopped(_greet(plan, redis_url))
            await tree.wait()
            say("Stopping: running calls may finish.")
        finally:
            await tree.stop()
    say("Stopped.")


@contextlib.contextmanager
def _broker(plan: Plan, logs: Path) -> Iterator[tuple[str, Child | None]]:
    """The broker's URL, and its process where it is ours."""
    if any(plan.environment.get(name, "").strip() for name in ("REDIS_URL", "REDIS_URL_FILE")):
        yield plan.settings.redis_url.reveal(), None
        return
    server = find_server()
    with runtime_directory() as directory:
        command = broker_command(server, directory, plan.settings.data_dir / "broker")
        # The kernel's signal lets it write its file to the end.
        broker = Child("broker", command, plan.environment, logs / "broker.log", death_signal=signal.SIGTERM)
        url = broker_url(directory)
        with announced(plan.settings.data_dir, url):
            yield url, broker


def _roles(plan: Plan, redis_url: str, logs: Path) -> list[Child]:
    port = str(plan.settings.port)
    edge = Child("edge", plan.role_command("edge", "--port", port), plan.edge_environment(redis_url), logs / "edge.log")
    names = [f"worker-{number}" for number in range(1, plan.workers + 1)]
    environment = plan.worker_environment(redis_url)
    workers = [Child(n, plan.role_command("worker"), environment, logs / f"{n}.log") for n in names]
    return [edge, *_demo(plan, logs), *workers]


def _demo(plan: Plan, logs: Path) -> list[Child]:
    demo = plan.demo
    if demo is None:
        return []
    return [Child("demo", plan.demo_command(demo), demo.environment(plan.environment, plan.entries), logs / "demo.log")]


async def _greet(plan: Plan, redis_url: str) -> None:
    """Wait for the edge and for every backend, at most 20 s for these, and say what there is."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _READY_S
    told = False
    async for roll in _rolls(plan, redis_url):
        settled = all(e.name in roll and roll[e.name].state != "starting" for e in plan.entries)
        late = loop.time() > until
        if (settled or late) and await edge_is_ready(reachable_host(plan.settings.host), plan.settings.port):
            say_backends(plan.entries, roll)
            say_first_call(plan.settings, plan.owner.api_key)
            say(f"ready {endpoint(plan.settings)}")
            return
        if late and not told:
            told = True
            say_backends(plan.entries, roll)
            log = plan.settings.data_dir / "logs" / "edge.log"
            say(f"The edge is not ready after {_READY_S:g} s; {log} may say why. Still waiting for it.")


async def _rolls(plan: Plan, redis_url: str) -> AsyncIterator[dict[str, Presence]]:
    ring = parse_key_ring(plan.mesh_keys.edge)
    async with Redis.from_url(redis_url, socket_timeout=2) as redis:
        while True:
            roll: dict[str, Presence] = {}
            with contextlib.suppress(RedisError, OSError):
                roll = await call_roll(redis, ring, plan.entries)
            yield roll
            await asyncio.sleep(_POLL_S)
