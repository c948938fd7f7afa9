"""The mesh of the fault tests: edges, workers, a broker and a ledger, each of which can die and come back in its place."""

import itertools
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2

from tests.client import Client
from tests.faults.caller import Asked, Broken, Caller, Era, Refused
from tests.faults.ledger import Book, Ledger
from tests.faults.sight import Sight
from tests.faults.trail import Trail, read_trail
from tests.mesh import API_KEY, Mesh, Process, free_port, wait_until

_HANDLED = '"event": "broker connection failed"'
"""A connection that ends under a writer shows itself in ways that no parser expects; the line opens it again."""

CLASSES = ("read", "put", "write")
"""One tool of each class: read, idempotent, write."""

QUICK = {
    "TOOLMESH_LEASE_S": "2",
    "TOOLMESH_LEASE_RENEW_S": "0.5",
    "TOOLMESH_SWEEP_S": "0.3",
    "TOOLMESH_EXEC_TIMEOUT": "20",
    "TOOLMESH_CANCEL_GRACE_S": "1",
}


class Scene:
    """Started by `start`; ends everything by `close`."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.directory = directory
        self.ledger = Ledger(directory)
        self.mesh = Mesh(directory, self.ledger.backends(), append_only=True, **QUICK | environment)
        self.sight = Sight(self.mesh.broker)
        self.ports: list[int] = []
        self.edges: list[Process] = []
        self.workers: list[Process] = []
        self._extra: list[Process] = []
        self._logs = itertools.count()
        self._tokens = itertools.count(1)

    def start(self, edges: int = 2, workers: int = 2) -> None:
        """Start the roles, and wait until every edge lists the ledger's tools."""
        for _ in range(workers):
            self.workers.append(self._worker())
        for _ in range(edges):
            self.ports.append(free_port())
            self.edges.append(self._edge(self.ports[-1]))
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until every edge and every worker of this scene serves calls."""
        for port, process in zip(self.ports, self.edges, strict=True):
            wait_until(lambda port=port, process=process: self._ready(port, process), "an edge lists the tools")
        self.wait_until_serving(self.workers)

    @staticmethod
    def wait_until_serving(workers: Iterable[Process]) -> None:
        """Wait until these workers have the ledger's tools."""
        for worker in workers:
            wait_until(lambda worker=worker: not worker.running or serves(worker), "a worker serves")
            assert worker.running, worker.output()[-4000:]

    def lists_tools(self, index: int) -> bool:
        """Whether an edge lists the ledger's tools."""
        return self._ready(self.ports[index], self.edges[index])

    @staticmethod
    def _ready(port: int, process: Process) -> bool:
        assert process.running, process.output()[-4000:]
        client = Client(f"http://127.0.0.1:{port}", API_KEY)
        try:
            return client.is_ready() and {f"book_{tool}" for tool in CLASSES} <= set(client.tool_names())
        except (httpx2.TransportError, KeyError, ValueError):
            return False  # the broker may be away, too
        finally:
            client.close()

    def _edge(self, port: int, **environment: str) -> Process:
        command = [sys.executable, "-m", "toolmesh", "edge", "--config", str(self.mesh.config), "--port", str(port)]
        return Process(command, self._log("edge"), self.mesh.environment(**environment))

    def _worker(self, **environment: str) -> Process:
        command = [sys.executable, "-m", "toolmesh", "worker", "--config", str(self.mesh.config)]
        process = Process(command, self._log("worker"), self.mesh.environment(**environment))
        self.mesh.workers.append(process)  # so that its part of the audit is read, also when it is dead
        return process

    def _log(self, role: str) -> Path:
        return self.directory / f"{role}-{next(self._logs)}.log"

    # Parts that come back.

    def start_edge(self, index: int, **environment: str) -> None:
        """Start an edge (again) on the port that it had."""
        self.edges[index].kill()
        self.edges[index] = self._edge(self.ports[index], **environment)

    def start_worker(self, index: int, **environment: str) -> None:
        """Start a worker (again) in place of another."""
        self.workers[index].kill()
        self.workers[index] = self._worker(**environment)

    def extra_worker(self, **environment: str) -> Process:
        """A worker beside the scene's own, which `mend` ends."""
        worker = self._worker(**environment)
        self._extra.append(worker)
        return worker

    def mend(self) -> None:
        """Start again what is dead, revive what is stopped, end what was started beside; and wait for all."""
        for worker in self._extra:
            worker.kill()
        self._extra.clear()
        if not self.ledger.process.running:
            self.ledger.start()
        if not self.mesh.broker.process.running:
            self.mesh.broker.start()
        for process in (*self.edges, *self.workers):
            process.send(signal.SIGCONT)
        for index, process in enumerate(self.edges):
            if not process.running:
                self.start_edge(index)
        for index, process in enumerate(self.workers):
            if not process.running:
                self.start_worker(index)
        self.wait_until_ready()
        for index in range(len(self.edges)):
            wait_until(lambda index=index: self._answers(index), "an edge has calls answered")

    def _answers(self, edge: int) -> bool:
        """Whether a read gets through: an edge that was stopped has not heard of its workers for a while."""
        with suppress(Broken, Refused):
            return self.caller().call("read", {"token": self.token("probe"), "ms": 0}, edge).code == "ok"
        return False

    def hold_workers(self) -> None:
        """SIGSTOP to all workers."""
        for worker in self.workers:
            worker.send(signal.SIGSTOP)

    def let_workers_go(self) -> None:
        """SIGCONT to all workers."""
        for worker in self.workers:
            worker.send(signal.SIGCONT)

    # What is asked, and what is to be seen.

    def caller(self, era: Era = "modern", *, limit_s: float = 40.0) -> Caller:
        """A client that reaches all edges."""
        return Caller(era, *(f"http://127.0.0.1:{port}" for port in self.ports), limit_s=limit_s)

    def token(self, about: str = "") -> str:
        """A token that no other call has."""
        return f"{about or 'call'}-{next(self._tokens)}-{os.urandom(4).hex()}"

    def ask(self, tool: str, token: str, ms: int = 0, edge: int = 0, caller: Caller | None = None, **more: Any) -> Asked:
        """A call in the background. `more`: `how` for the tool."""
        return Asked(caller or self.caller(), tool, {"token": token, "ms": ms, **more}, edge)

    def book(self) -> Book:
        """The ledger so far."""
        return self.ledger.book()

    def trail(self) -> Trail:
        """The audit so far."""
        return read_trail(self.mesh)

    def codes(self, token: str, ms: int = 0, phase: str = "outcome", **more: Any) -> list[str]:
        """What the audit says of a call: its codes of one phase."""
        return self.trail().codes(Caller.digest({"token": token, "ms": ms, **more}), phase)

    def wait_begun(self, *tokens: str) -> None:
        """Wait until the upstream has begun all of these."""
        wait_until(lambda: all(self.book().begun(token) for token in tokens), f"begun: {tokens}")

    def wait_done(self, *tokens: str) -> None:
        """Wait until the upstream is done with all of these."""
        wait_until(lambda: all(self.book().done(token) for token in tokens), f"done: {tokens}")

    def wait_age(self, age_s: float, *tokens: str) -> None:
        """Wait until the upstream has been at all of these for that long."""
        self.wait_begun(*tokens)
        began = max(entry.at for entry in self.book().entries if entry.token in tokens)
        wait_until(lambda: time.time() > began + age_s, f"{age_s} s since {tokens} were begun")

    def wait_outcome(self, token: str, *codes: str, ms: int = 0, phase: str = "outcome", **more: Any) -> None:
        """Wait until the audit says exactly this of a call."""
        try:
            wait_until(lambda: self.codes(token, ms, phase, **more) == list(codes), f"{phase} {codes}", 15)
        except AssertionError:
            raise AssertionError(f"the audit says {self.codes(token, ms, phase, **more)}, not {codes}") from None

    def holder(self) -> Process:
        """The worker that holds the leases of all running calls."""
        with self.mesh.broker.client() as client:
            owners = {value.decode().rpartition(":")[0] for key in self.sight.leases() if (value := client.get(key))}
        assert len(owners) == 1, owners
        return next(worker for worker in self.workers if is_worker(worker, next(iter(owners))))

    # The broker's past.

    def keep_past(self) -> Path:
        """A copy of what the broker has on disk now, to roll it back to."""
        past = self.directory / f"past-{next(self._logs)}"
        shutil.copytree(self.mesh.broker.directory / "appendonlydir", past)
        return past

    def restart_broker(self, past: Path | None = None, *, empty: bool = False) -> None:
        """SIGKILL the broker and start it again: with what it had, as it was in the `past`, or empty."""
        broker = self.mesh.broker
        broker.process.kill()
        if past is not None or empty:
            shutil.rmtree(broker.directory / "appendonlydir")
        if past is not None:
            shutil.copytree(past, broker.directory / "appendonlydir")
        broker.start()

    def close(self) -> None:
        """End everything."""
        for process in (*self.edges, *self.mesh.workers, self.ledger.process, self.mesh.broker.process):
            with suppress(Exception):
                process.kill()

    def tracebacks(self) -> list[str]:
        """Logs of roles in which something was raised that nobody caught."""
        logs = [p for p in self.directory.glob("*.log") if p.name.startswith(("edge", "worker"))]
        raised = ((p, line) for p in logs for line in p.read_text(errors="replace").splitlines() if "Traceback" in line)
        return [f"{p.name}: {line[:3000]}" for p, line in raised if _HANDLED not in line]


def serves(worker: Process) -> bool:
    """Whether a worker serves the ledger's tools."""
    return '"backend": "book"' in worker.output()


def is_worker(worker: Process, worker_id: str) -> bool:
    """Whether this is the log of that worker. Audit lines in it may name others."""
    return any("worker started" in line and worker_id in line for line in worker.output().splitlines())


@contextmanager
def scene(directory: Path, edges: int = 2, workers: int = 2, **environment: str) -> Iterator[Scene]:
    """A started scene; ends it, and fails where a role raised what nobody caught."""
    found = Scene(directory, **environment)
    try:
        found.start(edges, workers)
        yield found
        assert not found.tracebacks(), "\n".join(found.tracebacks())
    finally:
        found.close()
