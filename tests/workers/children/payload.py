"""An engine for tests: it runs Python, as one has to assume of whoever breaks out of a real one.

`{"run": "payload", "python": …}` is done with what the code leaves as `found`, or with the name of what it raised. What it
may need is imported here: afterwards nothing can be.
"""

import _posixsubprocess  # noqa: F401
import ctypes
import fcntl
import gc
import mmap
import os
import resource
import signal
import socket
import threading
from typing import Any

from workers.children.inside.port import Port

libc = ctypes.CDLL(None, use_errno=True)
state: dict[str, Any] = {}
"""What one run leaves for the next one."""


def run(job: dict[str, Any], port: Port) -> dict[str, Any]:
    """Run it."""
    scope: dict[str, Any] = {
        **{module.__name__: module for module in (ctypes, fcntl, gc, mmap, os, resource, signal, socket, threading)},
        "libc": libc,
        "state": state,
        "port": port,
    }
    if job.get("raising"):
        raise ValueError(job["raising"])
    try:
        exec(job["python"], scope)
    except Exception as cause:
        number = getattr(cause, "errno", None)
        raised = {"raised": type(cause).__name__, "errno": number}
        return {"value": raised, "error": None, "logs": []}
    return {"value": scope.get("found"), "error": None, "logs": []}
