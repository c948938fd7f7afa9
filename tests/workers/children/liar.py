"""An engine for tests that says whatever its script is: a list of messages, each sent when the one before was answered.

`"exit"` ends the process, `"wait"` waits for a message; the last message ends the run where it is not `done`.
"""

import json
import os
from typing import Any

from workers.children.inside.port import Port


def run(job: dict[str, Any], port: Port) -> dict[str, Any]:
    """Say it."""
    for message in json.loads(job["code"]):
        if message == "exit":
            os._exit(3)
        elif message == "wait":
            port.receive()
        elif "done" in message:
            done: dict[str, Any] = message["done"]
            return done
        else:
            port.send(message)
    return {"value": "1", "error": None, "logs": []}
