"""What the figures were taken on, without any name or path of the machine, and whether somebody else used it meanwhile."""

import os
import platform
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PACKAGES = ("toolmesh", "mcp", "uvicorn", "uvloop", "httptools", "aiohttp", "arq", "redis", "msgspec")


def describe_machine(broker: str) -> dict[str, str]:
    """Processor, cores, Python, broker (a program that takes `--version`) and the packages that matter."""
    answer = subprocess.run([broker, "--version"], capture_output=True, text=True, check=False).stdout
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "broker": " ".join(word for word in answer.split()[:3] if not word.startswith("sha=")),
        **{name: version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


class ForeignLoad:
    """Processor time that others use beside the bench, by proc(5): the whole machine less our own processes."""

    def __init__(self) -> None:
        self._mark = _busy_ticks(), _own_ticks(), time.monotonic()

    def percent(self) -> float:
        """Share of one core that others used since the last call, or since the beginning."""
        before, self._mark = self._mark, (_busy_ticks(), _own_ticks(), time.monotonic())
        busy, own, passed_s = (now - then for now, then in zip(self._mark, before, strict=True))
        return max(0.0, (busy - own) / _TICKS_PER_S / passed_s * 100)


def _busy_ticks() -> int:
    user, nice, system, _idle, _iowait, interrupt, soft_interrupt, *_ = map(
        int, Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    )
    return user + nice + system + interrupt + soft_interrupt


def _own_ticks() -> int:
    """Ticks of this process and all that descend from it, those that have ended included (fields 14 to 17)."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    ticks: dict[int, int] = {}
    for pid, fields in _processes():
        children[int(fields[1])].append(pid)
        ticks[pid] = sum(map(int, fields[11:15]))
    found, queue = 0, [os.getpid()]
    while queue:
        pid = queue.pop()
        found += ticks.get(pid, 0)
        queue += children[pid]
    return found


def _processes() -> Iterator[tuple[int, list[str]]]:
    """Process id and the fields of its stat file from the third (its state) on."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield (
                    int(entry.name),
                    (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split(),
                )
            except OSError:
                continue  # it has ended meanwhile
