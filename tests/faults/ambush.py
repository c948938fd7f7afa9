"""Workers that fail at one exact place, each with one call, while the healthy ones are stopped."""

import signal
from collections.abc import Callable
from functools import partial

from tests.faults.caller import Asked
from tests.faults.scene import Scene
from tests.mesh import Process, wait_until

_SAID = "failing on purpose"


class Ambush:
    """Armed workers in front of a scene's healthy ones. `spring` sends a call into it."""

    def __init__(self, scene: Scene, failpoint: str, size: int) -> None:
        """`failpoint`: `name=action` of `docs/guarantees.md`; `size`: how many calls are to run into it."""
        self._scene = scene
        self._waiting = [scene.extra_worker(TOOLMESH_FAILPOINTS=failpoint) for _ in range(size)]
        self.hit: list[Process] = []
        """Workers that failed, in the order of their calls."""
        scene.wait_until_serving(self._waiting)
        scene.hold_workers()

    def spring(self, send: Callable[[], Asked]) -> Asked:
        """Send a call, and wait until an armed worker has failed with it."""
        asked = send()
        wait_until(self._look, "an armed worker fails")
        return asked

    def spring_all(self, send: Callable[[str, str], Asked], tokens: dict[str, str]) -> dict[str, Asked]:
        """Send one call for each tool, each into another worker."""
        return {tool: self.spring(partial(send, tool, token)) for tool, token in tokens.items()}

    def spring_unsent(self) -> None:
        """Wait until an armed worker has failed with a call that is on its way already."""
        wait_until(self._look, "an armed worker fails")

    def _look(self) -> bool:
        for worker in self._waiting:
            if _SAID in worker.output():
                self._waiting.remove(worker)
                self.hit.append(worker)
                return True
        return False

    def revive(self) -> None:
        """Let those go on that were stopped."""
        for worker in self.hit:
            worker.send(signal.SIGCONT)

    def relieve(self) -> None:
        """Let the healthy workers go on."""
        self._scene.let_workers_go()


def has_failed(role: Process) -> bool:
    """Whether a role with a failpoint has reached it."""
    return _SAID in role.output()
