"""H28: children are killed at random while scripts run. The run in a killed child fails, and says so; no other does."""

import os
import random
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field

from tests.hostile.arena import Arena
from tests.hostile.case import Ended

TOKEN = "beside-killing"
_LINES = 6
_KILLS = 40
_PAUSE_S = 0.1
_CRASHED = "sandbox_crashed"
_READ = f"await toolmesh.book_read({{token: '{TOKEN}', ms: 20}})"
_CODE = f"for (let i = 0; i < 2; i++) if ({_READ} !== '{TOKEN}') return 0; return 42"


@dataclass
class Killing:
    """How the scripts ended."""

    kills: int = 0
    ends: list[Ended] = field(default_factory=list)
    raised: list[str] = field(default_factory=list)

    @property
    def crashed(self) -> int:
        """Runs that were killed."""
        return sum(ended.code == _CRASHED for ended in self.ends)

    def wrong(self) -> list[str]:
        """What is not as it has to be."""
        odd = [ended for ended in self.ends if ended.code != _CRASHED and ended.value != 42]
        found = [*self.raised, *(f"a script beside killed ones ended with {ended}: {ended.says}" for ended in odd[:3])]
        if self.crashed > self.kills:
            found.append(f"{self.crashed} scripts failed where {self.kills} children were killed")
        if not self.crashed:
            found.append("no run was killed: nothing is shown by that")
        return found


def killing(arena: Arena, seed: int) -> Killing:
    """Kill, and wait until all scripts have ended and the pools are full."""
    result = Killing()
    chance = random.Random(seed)
    over = threading.Event()

    def line(index: int) -> None:
        client = arena.client("ada" if index % 2 else "mallory", index % 2)
        try:
            while not over.is_set():
                result.ends.append(arena.run(client, _CODE))
        except Exception as error:
            result.raised.append(f"a client beside the killing: {error!r}")
        finally:
            client.close()

    threads = [threading.Thread(target=line, args=(index,), daemon=True) for index in range(_LINES)]
    for thread in threads:
        thread.start()
    try:
        while result.kills < _KILLS and not result.raised:
            time.sleep(_PAUSE_S)
            result.kills += _kill_one(arena, chance)
    finally:
        over.set()
    for thread in threads:
        thread.join(60)
    if any(thread.is_alive() for thread in threads):
        result.raised.append("a client beside the killing still waits")
    arena.wait_until_full()
    return result


def _kill_one(arena: Arena, chance: random.Random) -> int:
    """How many were killed: none, where there is none just now."""
    children = sorted(arena.children())
    with suppress(ProcessLookupError):
        if children:
            os.kill(chance.choice(children), signal.SIGKILL)
            return 1
    return 0
