"""Keeps what a process holds from other processes of the same user.

A stdio server runs as the worker's user, and could read the worker's environment, and with it every credential, from
`/proc/PID/environ`, or its memory by ptrace(2). prctl(2), PR_SET_DUMPABLE: a process that is not dumpable belongs to root
in /proc and can't be traced by others; what it starts is dumpable again.
"""

import ctypes
import sys

_PR_SET_DUMPABLE = 4


def keep_to_oneself() -> bool:
    """From now on; gives whether the system does that. Only Linux does, and root is let in all the same."""
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
