"""What a child does from its start to its end: it locks itself in, says so, and runs what it is given.

The worker starts it as `python -I -S -c …` with one argument: a JSON object with the fields of `Orders`. The line to the
worker is descriptor 0. The first frame says `{"ready": {"given": …, "refused": …}}`, or `{"failed": why}`; then every
`{"run": …}` is answered with `{"done": …}`, whatever the engine does.
"""

import json
import os
import sys
from types import ModuleType
from typing import Any

from workers.children.frames import FrameError
from workers.children.inside import lockdown
from workers.children.inside.port import Port

_LINE = 0
_ERROR_CHARACTERS_MAX = 2_000


def main(orders: str) -> None:
    """Run as a program; ends with the line."""
    wanted = json.loads(orders)
    port = Port(_LINE, wanted["frame_bytes_max"])
    try:
        lock = lockdown.Lockdown(wanted["parent"], wanted["memory_mib"], wanted["cpu_s"])
        lock.before_imports()
        engine = _load(wanted["module"], wanted["paths"])
        lock.after_imports()
    except BaseException as cause:
        port.send({"failed": _shown(cause)})
        raise
    port.send({"ready": {"given": lock.given, "refused": lock.refused}})
    prepare = getattr(engine, "prepare", lambda: None)
    try:
        while True:
            job = port.receive()
            if "run" in job:  # else it is for a run that ended meanwhile
                _serve(engine, port, job, lock)
                prepare()  # while nobody waits
    except (EOFError, OSError):
        os._exit(0)  # the worker is gone, or wants no more of this child


def _load(name: str, paths: list[str]) -> ModuleType:
    """The engine, with what it needs; nothing can be imported afterwards."""
    sys.path[:0] = paths
    module = __import__(name, fromlist=["run"])
    sys.path.clear()
    if sys.platform == "linux" and len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError(f"{name} has started a thread, which would not be restricted; import what starts none")
    return module


def _serve(engine: ModuleType, port: Port, job: dict[str, Any], lock: "lockdown.Lockdown") -> None:
    lock.before_run()
    try:
        done = engine.run(job, port)
        port.send({"done": done})
    except (EOFError, OSError):
        raise
    except MemoryError:
        port.send(_failed("memory", "Out of memory."))
    except FrameError as cause:
        port.send(_failed("too_large", f"What it gives is too large, or no JSON ({cause})."))
    except BaseException as cause:
        port.send(_failed("engine", _shown(cause)))


def _failed(code: str, message: str) -> dict[str, Any]:
    return {"done": {"value": None, "error": {"code": code, "message": message}, "logs": []}}


def _shown(cause: BaseException) -> str:
    return f"{type(cause).__name__}: {cause}"[:_ERROR_CHARACTERS_MAX]
