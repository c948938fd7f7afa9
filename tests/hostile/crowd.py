"""H29: a hundred hostile scripts of one caller at once, and beside them honest ones of another, who must not wait."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice

from bench.bombs import BOMBS
from tests.client import Client
from tests.hostile.arena import Arena
from tests.hostile.bystander import percentile
from tests.hostile.case import Ended

HOSTILE, HONEST = 100, 20
_LINES = 4
"""Honest scripts that run at a time."""
HONEST_MS_MAX = 1_000.0
_HONEST = "return (await toolmesh.echo_add({a: 20, b: 22}))"
_WAIT_S = 90.0


@dataclass
class Crowd:
    """How they all ended. Mutable while they run."""

    hostile: list[Ended] = field(default_factory=list)
    honest: list[Ended] = field(default_factory=list)
    raised: list[str] = field(default_factory=list)

    @property
    def honest_p95_ms(self) -> float:
        """Of the honest ones."""
        return percentile([ended.took_ms for ended in self.honest], 0.95)

    def wrong(self) -> list[str]:
        """What is not as it has to be."""
        found = list(self.raised)
        if len(self.hostile) + len(self.honest) != HOSTILE + HONEST:
            found.append(f"{HOSTILE + HONEST - len(self.hostile) - len(self.honest)} of the crowd had no answer")
        failed = [ended for ended in self.honest if ended.value != 42]
        found += [f"an honest script beside the crowd ended with {ended}: {ended.says}" for ended in failed[:3]]
        found += [f"a script of the crowd gave {ended.value}" for ended in self.hostile if not ended.code]
        if self.honest_p95_ms >= HONEST_MS_MAX:
            found.append(f"honest scripts beside the crowd: p95 {self.honest_p95_ms:.0f} ms")
        return found


def crowd(arena: Arena) -> Crowd:
    """Let them in, and wait for the end of all."""
    result = Crowd()
    here = threading.Barrier(HOSTILE + _LINES)

    def line(client: Client, codes: list[str], ends: list[Ended]) -> None:
        try:
            here.wait(_WAIT_S)
            for code in codes:
                ends.append(arena.run(client, code))
        except Exception as error:
            result.raised.append(f"a client of the crowd: {error!r}")
        finally:
            client.close()

    bombs = islice(cycle(BOMBS.values()), HOSTILE)
    lines: list[tuple[Client, list[str], list[Ended]]] = [
        (arena.client("mallory", index % 2), [code], result.hostile) for index, code in enumerate(bombs)
    ]
    honest = [_HONEST] * (HONEST // _LINES)
    lines += [(arena.client("ada", index % 2), honest, result.honest) for index in range(_LINES)]
    _together([partial(line, *given) for given in lines], result)
    return result


def _together(works: list[Callable[[], None]], result: Crowd) -> None:
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_WAIT_S)
    if any(thread.is_alive() for thread in threads):
        result.raised.append("a client of the crowd still waits")
