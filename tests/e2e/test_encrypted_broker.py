"""`TOOLMESH_QUEUE_ENCRYPT`: who reads everything that crosses the broker reads no argument and no result."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.client import Client, messages_of
from tests.e2e.old_client import OldClient
from tests.e2e.upstream import upstream
from tests.mesh import Broker, mesh, wait_until

SWITCH = "TOOLMESH_QUEUE_ENCRYPT"
ARGUMENT, RESULT = "canary-in-an-argument", "canary-in-a-result"
OLD = "canary-of-a-session"
LARGE = "canary-in-what-is-large"
CANARIES = (ARGUMENT, RESULT, OLD, LARGE, "step 1 of 3", "old client", "Report progress")
"""Beside ours: what a progress event says, what a session knows of its client, and what a catalogue says of a tool."""


class Listener(threading.Thread):
    """Hears every command of every client of the broker, those in functions and all publications among them."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(daemon=True)
        self._socket = socket.create_connection(("127.0.0.1", broker.port), timeout=30)
        self._socket.sendall(b"MONITOR\r\n")
        self.heard = b""
        self._broker = broker
        self.start()

    def run(self) -> None:
        while chunk := self._socket.recv(1 << 20):
            self.heard += chunk

    def everything(self) -> bytes:
        """All that was said until now, and all that is stored."""
        end = b"that-was-all"
        with self._broker.client() as redis:
            redis.config_set("rdbcompression", "no")  # or a dump hides what is in it twice
            stored = b"".join(bytes(redis.dump(key) or b"") for key in redis.scan_iter(count=1000))
            redis.echo(end)
        wait_until(lambda: end in self.heard, "the listener has heard it all")
        return self.heard + stored

    def close(self) -> None:
        """Hear no more."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self.join(10)
        self._socket.close()


def _exercise(edge: Client) -> None:
    """Calls in both eras, with what is small, what is large, and progress."""
    large = LARGE + "x" * 40_000
    assert edge.text("up_echo", {"message": ARGUMENT}) == ARGUMENT
    assert edge.text("up_echo", {"message": large}) == large
    assert edge.call("up_structured", {"city": RESULT})["result"]["structuredContent"]["city"] == RESULT
    with edge.stream("up_slow_progress", {"steps": 3, "step_ms": 5}, progressToken="t") as answer:
        said = messages_of(answer.read().decode())
    assert [m["params"]["message"] for m in said[:-1]] == ["step 1 of 3", "step 2 of 3", "step 3 of 3"]
    with OldClient(edge) as old:
        old.initialize()
        assert old.text("up_echo", {"message": OLD}) == OLD
        assert old.text("up_echo", {"message": large}) == large


@contextmanager
def _listened(tmp_path: Path, *, edge: str, worker: str) -> Iterator[tuple[Client, Listener]]:
    """A mesh with a listener at its broker; `edge`, `worker`: the switch of each."""
    with upstream(tmp_path) as up, mesh(tmp_path, "backends:\n" + up.entry()) as running:
        listener = Listener(running.broker)
        try:
            running.start_worker(**{SWITCH: worker})
            client = running.start_edge(**{SWITCH: edge})
            running.wait_for_tools(client, "up_echo", "up_structured", "up_slow_progress", "echo_echo")
            yield client, listener
        finally:
            listener.close()


def test_no_argument_no_result_and_nothing_of_a_session_can_be_read_at_the_broker(tmp_path: Path) -> None:
    with _listened(tmp_path, edge="true", worker="true") as (edge, listener):
        _exercise(edge)
        seen = listener.everything()
        assert len(seen) > 200_000, "the listener heard the calls"
        assert [canary for canary in CANARIES if canary.encode() in seen] == []


def test_without_the_switch_the_same_look_finds_all_of_it(tmp_path: Path) -> None:
    with _listened(tmp_path, edge="false", worker="false") as (edge, listener):
        _exercise(edge)
        seen = listener.everything()
        assert [canary for canary in CANARIES if canary.encode() not in seen] == []


@pytest.mark.parametrize(("edge", "worker"), [("false", "true"), ("true", "false")])
def test_a_mesh_in_which_only_some_encrypt_works_too(tmp_path: Path, edge: str, worker: str) -> None:
    with _listened(tmp_path, edge=edge, worker=worker) as (client, listener):
        _exercise(client)
        seen = listener.everything()
        assert (b"Report progress" in seen) == (worker == "false"), "the worker's catalogue"
        assert (b"old client" in seen) == (edge == "false"), "the edge's session"
