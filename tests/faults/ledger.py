"""The upstream of the fault tests as a process, and the file in which it wrote down what it did."""

import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.mesh import Process, free_port, wait_until

_SERVER = Path(__file__).resolve().parent.parent / "upstreams" / "ledger.py"


@dataclass(frozen=True)
class Entry:
    """One line of the ledger."""

    tool: str
    token: str
    phase: str
    at: float = 0.0


class Book:
    """The lines of a ledger, counted."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = list(entries)
        self._counts = Counter((entry.token, entry.phase) for entry in self.entries)

    def begun(self, token: str) -> int:
        """How often something was begun under this token."""
        return self._counts[token, "begun"]

    def done(self, token: str) -> int:
        """How often it was done."""
        return self._counts[token, "done"]


class Ledger:
    """The server, on a port that stays its own."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.port = free_port()
        self.path = directory / "ledger.jsonl"
        self._log = directory / "ledger.log"
        self._options = options
        self._starts = 0
        self.start()

    def start(self) -> None:
        """Start (again), on the same port and with the same file."""
        self._starts += 1
        arguments = [sys.executable, str(_SERVER), "--port", str(self.port), "--ledger", str(self.path), *self._options]
        self.process = Process(arguments, self._log)
        wait_until(lambda: self.process.output().count("listening") >= self._starts, "the ledger listens")

    def backends(self) -> str:
        """What backends.yaml says of it."""
        return (
            f"backends:\n  - name: book\n    transport: http\n    url: http://127.0.0.1:{self.port}/mcp\n"
            "    class: {read: read, put: idempotent}\n"
        )

    def book(self) -> Book:
        """What it wrote so far."""
        if not self.path.exists():
            return Book([])
        lines = [json.loads(line) for line in self.path.read_text().splitlines()]
        return Book(Entry(line["tool"], line["token"], line["phase"], line["at"]) for line in lines)
