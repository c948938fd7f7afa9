"""Talking to a stdio server directly over its pipes, one call after the other: what the mesh is compared with."""

import json
import subprocess
import time
from itertools import count
from typing import Self

from bench.connection import BadAnswer
from bench.process import python

COMMAND = python("-m", "bench.stdio_server")


class Pipe:
    """A child of the bench."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._numbers = count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        self._child.wait(10)
        self._child.stdout.close()

    def call(self) -> float:
        """Make one call; seconds from the line written to the line read. Raises BadAnswer."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        number = next(self._numbers)
        params = {"name": "echo", "arguments": {"message": f"{number} direct"}}
        line = json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}) + "\n"
        begun = time.perf_counter()
        self._child.stdin.write(line)
        self._child.stdin.flush()
        answer = self._child.stdout.readline()
        taken = time.perf_counter() - begun
        if f"{number} direct" not in answer:
            raise BadAnswer(f"the child answered {answer[:300]}")
        return taken
