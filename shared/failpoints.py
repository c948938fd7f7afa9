"""Faults that tests provoke at the crossings of the flow. Off, and a look at an empty table, unless a setting names them.

`name=action[,…]`, where an action is `kill` (SIGKILL to this process), `stop` (SIGSTOP) or `sleep:<ms>` (the whole process,
as an overloaded machine would have it). `name@3=kill` is meant for the third time that the place is passed.
"""

import os
import re
import signal
import time
from collections.abc import Iterable

import structlog

from shared.errors import ConfigurationError

log = structlog.get_logger()

NAMES = (
    "edge.before_enqueue",
    "edge.after_enqueue",
    "worker.after_claim",
    "worker.before_dispatch",
    "worker.after_dispatch",
    "worker.after_answer",
    "worker.after_publish",
    "edge.before_deliver",
    "edge.after_deliver",
)
_SPEC = re.compile(r"([a-z._]+)(?:@([1-9][0-9]{0,5}))?=(kill|stop|sleep:([0-9]{1,6}))")

_armed: dict[str, tuple[int, str]] = {}
_passed: dict[str, int] = {}


def arm(specs: Iterable[str]) -> None:
    """Arm what the settings name. Raises ConfigurationError."""
    _armed.clear()
    _passed.clear()
    for spec in specs:
        found = _SPEC.fullmatch(spec)
        if found is None or found[1] not in NAMES:
            raise ConfigurationError(
                f"TOOLMESH_FAILPOINTS holds {spec!r}; write name=kill, name=stop or name=sleep:<ms>. "
                f"Names: {', '.join(NAMES)}."
            )
        _armed[found[1]] = (int(found[2] or 1), found[3])
    if _armed:
        log.warning("failpoints are armed: this process will fail on purpose", failpoints=sorted(_armed))


def reached(name: str) -> None:
    """A place in the flow was reached: fail there, if that is wanted."""
    if _armed and name in _armed:
        _fail(name)


def _fail(name: str) -> None:
    _passed[name] = passed = _passed.get(name, 0) + 1
    nth, action = _armed[name]
    if passed != nth:
        return
    log.warning("failing on purpose", failpoint=name, action=action)
    if action.startswith("sleep:"):
        time.sleep(int(action.removeprefix("sleep:")) / 1000)
    else:
        os.kill(os.getpid(), signal.SIGKILL if action == "kill" else signal.SIGSTOP)
