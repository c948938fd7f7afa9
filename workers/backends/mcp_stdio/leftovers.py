"""The second line behind the keeper: processes that are still there although their keeper was killed.

Every process of a server carries a mark in its environment (proc(5), `/proc/<pid>/environ`), unless it took that away on
purpose. Linux only.
"""

import os
import signal

MARK = "MESH_CHILD"
"""The variable that holds the mark."""
_ROUNDS_MAX = 20


def kill_marked(mark: str) -> None:
    """SIGKILL for all that carry the mark, until there are none. Blocks; reads the environment of every process."""
    wanted = f"{MARK}={mark}".encode()
    for _ in range(_ROUNDS_MAX):
        found = [pid for pid in _processes() if wanted in _environment(pid).split(b"\0")]
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue  # it ended by itself
        if not found:
            return


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _environment(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""
