"""The mesh that is measured: broker, one edge and some workers as processes of their own, started as an operator would."""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from bench.connection import BadAnswer, Connection
from bench.process import Process, free_port, python
from bench.target import COUNTER, Target
from shared import keys
from shared.mesh_keys import generate_key_ring
from toolmesh.broker import find_server

_START_S = 40.0
Backends = Sequence[Mapping[str, Any]]
Probes = Mapping[str, Mapping[str, Any]]
"""Tool → arguments of a call that is answered once the tool is there."""


@dataclass(frozen=True)
class Mesh:
    """A running mesh."""

    url: str
    api_key: str
    redis_url: str
    mesh_keys: str
    """The signing keys of the edge, as TOOLMESH_MESH_KEYS has them."""
    broker: Process
    edge: Process
    workers: tuple[Process, ...]

    def target(self, name: str, tool: str, **arguments: Any) -> Target:
        """A tool of this mesh."""
        return Target(name=name, url=self.url, tool=tool, arguments=arguments, api_key=self.api_key)

    def answered_by_edge(self) -> Target:
        """A call that the edge answers itself: same route and checks, refused by the tool's schema before the queue."""
        return Target(
            name="edge alone",
            url=self.url,
            tool="echo_add",
            arguments={"a": f"{COUNTER}!", "b": 1},
            api_key=self.api_key,
            expected='"isError":true',
            refused=None,
        )

    def cpu_s(self) -> dict[str, float]:
        """Processor seconds that each part has used so far; the workers are one part."""
        return {
            "edge": self.edge.cpu_s(),
            "worker": sum(worker.cpu_s() for worker in self.workers),
            "broker": self.broker.cpu_s(),
        }

    def kept_bytes(self) -> int:
        """Memory that the broker holds for data; its buffers for clients and for the append-only file are not counted."""
        with redis.Redis.from_url(self.redis_url) as client:
            memory = client.info("memory")
        return int(memory["used_memory"] - memory["mem_clients_normal"] - memory.get("mem_aof_buffer", 0))


def write_config(folder: Path, backends: Backends, files: Mapping[str, str] | None = None) -> Path:
    """A configuration directory with that `backends.yaml` (JSON is YAML), and further files by name."""
    folder.mkdir(parents=True)
    for name, text in (files or {}).items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "backends.yaml").write_text(json.dumps({"backends": list(backends)}, indent=1), encoding="utf-8")
    return folder


def http_backend(name: str, url: str, *tools: str, connections: int = 64) -> dict[str, Any]:
    """An entry of `backends.yaml` whose tools are reads."""
    return {
        "name": name,
        "transport": "http",
        "url": url,
        "class": dict.fromkeys(tools, "read"),
        "options": {"connections": connections},
    }


def stdio_backend(name: str, command: Sequence[str]) -> dict[str, Any]:
    """An entry of `backends.yaml` for a child that is spoken to over its pipes; its tool `echo` is a read."""
    return {"name": name, "transport": "stdio", "command": command[0], "args": command[1:], "class": {"echo": "read"}}


@contextmanager
def running_broker(folder: Path) -> Iterator[tuple[Process, str]]:
    """A broker as `toolmesh up` starts one: append-only file, synced every second. Gives the process and its URL."""
    port = free_port()
    command = [find_server(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    command += ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
    with Process("broker", command, folder / "broker.log") as broker:
        url = f"redis://127.0.0.1:{port}/0"
        with redis.Redis.from_url(url) as client:
            _wait_for(lambda: _pings(client), [broker])
        yield broker, url


def _pings(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@contextmanager
def running_mesh(
    folder: Path,
    backends: Backends,
    probes: Probes,
    workers: int = 1,
    *,
    edge_environment: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    groups: Sequence[str] = ("default",),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Mesh]:
    """Start everything, wait until every probe is answered, end everything. `files`: of the configuration directory;
    `groups`: those that the workers serve; `environment`: of all roles."""
    config = write_config(folder / "config", backends, files)
    port, api_key = free_port(), secrets.token_urlsafe(24)
    all_keys = generate_key_ring(["edge", *groups])
    ring = dict(entry.split(":", 1) for entry in all_keys.split(","))
    with ExitStack() as stack:
        broker, redis_url = stack.enter_context(running_broker(folder))

        def start(name: str, held: Sequence[str], *arguments: str, **more: str) -> Process:
            mesh_keys = ",".join(f"{group}:{ring[group]}" for group in held)
            own = {"REDIS_URL": redis_url, "TOOLMESH_MESH_KEYS": mesh_keys, "LOG_LEVEL": "warning"}
            command = python("-m", "toolmesh", *arguments, "--config", str(config))
            log = folder / f"{name}.log"
            return stack.enter_context(Process(name, command, log, {**(environment or {}), **more, **own}))

        team = tuple(start(f"worker-{number}", groups, "worker") for number in range(1, workers + 1))
        secret = {"TOOLMESH_API_KEY": api_key, **(edge_environment or {})}
        edge = start("edge", ["edge", *groups], "edge", "--port", str(port), **secret)
        mesh = Mesh(f"http://127.0.0.1:{port}/mcp", api_key, redis_url, all_keys, broker, edge, team)
        _wait_for(lambda: _complete(mesh, probes), [broker, edge, *team])
        yield mesh


def _complete(mesh: Mesh, probes: Probes) -> bool:
    """Whether all workers count and every probe is answered."""
    with redis.Redis.from_url(mesh.redis_url) as client:
        if int(client.zcard(keys.workers("default"))) < len(mesh.workers):
            return False
    try:
        for tool, arguments in probes.items():
            with Connection(mesh.target("probe", tool, **arguments)) as connection:
                connection.call()
    except (OSError, BadAnswer):
        return False
    return True


def _wait_for(true: Callable[[], bool], processes: Sequence[Process]) -> None:
    """Wait for a condition. Raises BadAnswer when a process ended, or when it takes too long, with what they printed."""
    until = time.monotonic() + _START_S
    while not true():
        ended = [process for process in processes if process.ended]
        if ended or time.monotonic() > until:
            told = "\n".join(f"--- {process.name}\n{process.output()[-2000:]}" for process in ended or processes)
            raise BadAnswer(f"The mesh did not start.\n{told}")
        time.sleep(0.05)
