"""An engine for tests that has been broken out of: the script is Python, and has the line to the worker in its hands."""

import ctypes
import os
import signal
import socket
import threading
from typing import Any

from workers.children.inside.port import Port


def run(job: dict[str, Any], port: Port) -> dict[str, Any]:
    """What the script leaves as `done` is its end; what it raises ends the child's run as a failure of its engine."""
    scope: dict[str, Any] = {"port": port, "job": job}
    for module in (ctypes, os, signal, socket, threading):
        scope[module.__name__] = module
    exec(job["code"], scope)
    value = scope.get("found")
    done: dict[str, Any] = scope.get("done", {"value": value, "error": None, "logs": []})
    return done
