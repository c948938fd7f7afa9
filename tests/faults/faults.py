"""The faults of a run: everything is killed, stopped, revived, cut off and told to end, at random moments."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import redis

from tests.faults.oracle import EdgeFault
from tests.faults.scene import Scene, serves
from tests.mesh import Process

_STOPPED_S = (0.1, 3.5)
_READY_S = 45.0
_LOOK_S = 0.05
_AWAY_S = (0.0, 1.0)


class Faults:
    """Lanes of faults, each in a thread: two of workers, one of edges, one of the broker, one of the upstream."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self._scene = scene
        self._seed = seed
        self._enough = threading.Event()
        self.kinds: Counter[str] = Counter()
        self.of_edges: list[EdgeFault] = []
        self.failures: list[str] = []
        """Lanes that ended because something did not come back."""
        self._threads = [
            threading.Thread(target=self._lane, args=(name, act, pause_s), daemon=True)
            for name, act, pause_s in (
                ("workers 0, 1", lambda dice: self._worker(dice, dice.randrange(2)), 1.5),
                ("worker 2", lambda dice: self._worker(dice, 2), 1.5),
                ("edges", self._edge, 2.5),
                ("broker", self._broker, 7.0),
                ("upstream", self._upstream, 9.0),
            )
        ]

    @property
    def done(self) -> int:
        """Faults so far."""
        return self.kinds.total()

    def start(self) -> None:
        """Start all lanes."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 30.0) -> None:
        """Let each lane end what it is at."""
        self._enough.set()
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _lane(self, name: str, act: Callable[[random.Random], None], pause_s: float) -> None:
        dice = random.Random(f"{self._seed} {name}")
        while not self._enough.wait(dice.uniform(0, 2 * pause_s)):
            try:
                act(dice)
            except Exception as failure:  # the run has to end, and to say why
                self.failures.append(f"{name}: {failure!r}")
                return

    def _note(self, kind: str) -> None:
        self.kinds[kind] += 1

    def _worker(self, dice: random.Random, index: int) -> None:
        worker = self._scene.workers[index]
        how = dice.choices(("kill", "stop", "end"), (60, 28, 12))[0]
        self._note(f"worker {how}")
        if how == "stop":
            self._hold(worker, dice)
            return
        if how == "end":
            self._end(worker)
        else:
            worker.kill()
        self._await(lambda: self._worker_serves(index), "a worker serves")

    def _worker_serves(self, index: int) -> bool:
        """Start it where it does not run: one that finds no broker ends, and whoever started it starts it again."""
        if not self._scene.workers[index].running:
            self._scene.start_worker(index)
        return serves(self._scene.workers[index])

    def _edge(self, dice: random.Random) -> None:
        index = dice.randrange(len(self._scene.edges))
        edge = self._scene.edges[index]
        how = dice.choices(("kill", "stop", "end"), (55, 25, 20))[0]
        self._note(f"edge {how}")
        began = time.time()
        if how == "stop":
            self._hold(edge, dice)
            self.of_edges.append(EdgeFault(index, began, time.time()))
            return
        self.of_edges.append(EdgeFault(index, began, began))
        if how == "end":
            self._end(edge)
        else:
            edge.kill()
        self._await(lambda: self._edge_serves(index), "an edge lists the tools")

    def _edge_serves(self, index: int) -> bool:
        if not self._scene.edges[index].running:
            self._scene.start_edge(index)
        return self._scene.lists_tools(index)

    def _broker(self, dice: random.Random) -> None:
        how = dice.choices(("kill", "subscriptions", "connections"), (50, 30, 20))[0]
        self._note(f"broker {how}")
        if how == "kill":
            self._scene.mesh.broker.process.kill()
            self._enough.wait(dice.uniform(*_AWAY_S))
            self._scene.mesh.broker.start()
            return
        with suppress(redis.RedisError), self._scene.mesh.broker.client() as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "PUBSUB" if how == "subscriptions" else "NORMAL")

    def _upstream(self, dice: random.Random) -> None:
        how = dice.choice(("kill", "stop"))
        self._note(f"upstream {how}")
        ledger = self._scene.ledger
        if how == "stop":
            self._hold(ledger.process, dice)
        else:
            ledger.process.kill()
            ledger.start()

    def _hold(self, process: Process, dice: random.Random) -> None:
        process.send(signal.SIGSTOP)
        try:
            self._enough.wait(dice.uniform(*_STOPPED_S))
        finally:
            process.send(signal.SIGCONT)

    @staticmethod
    def _end(process: Process) -> None:
        process.stop(20)

    @staticmethod
    def _await(condition: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + _READY_S
        while not condition():
            if time.monotonic() > until:
                raise AssertionError(f"waited {_READY_S} s for: {what}")
            time.sleep(_LOOK_S)
