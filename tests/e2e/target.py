"""A running edge as the target of bad requests, with a broker behind it in which everything that gets through can be seen.

The worker is killed once the edge knows its tools, and heartbeats count for long: a call that got through would lie in the
broker for all to see, and audit records stay in their stream.
"""

import hashlib
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared import keys
from shared.audit import AuditRecord, decode_record
from tests.client import Client
from tests.mesh import API_KEY, Mesh, mesh, wait_until

LEGACY = "2025-11-25"
GUEST_KEY = "the-key-of-somebody-who-may-nothing"
BODY_BYTES_MAX = 4 * 1024 * 1024
PARSE, REQUEST, NO_METHOD, PARAMS, MISMATCH, VERSION, STRANGER = -32700, -32600, -32601, -32602, -32020, -32022, -32001
ECHO: dict[str, Any] = {"name": "echo_echo", "arguments": {"message": "must never be enqueued"}}
WRITER = Client("", API_KEY)
"""Writes requests; sends none."""
WRITER.close()
CALL = WRITER.body("tools/call", ECHO)
OLD_CALL = WRITER.body("tools/call", ECHO, era=LEGACY)
RIGHT = {**WRITER.headers("tools/call", "echo_echo"), "Connection": "close"}
OLD = {**WRITER.headers("tools/call", era=LEGACY), "Connection": "close"}


@dataclass(frozen=True)
class Case:
    """One request and what comes back. A header of None is left out."""

    name: str
    status: int
    code: int | None
    body: bytes = CALL
    headers: dict[str, str | None] = field(default_factory=dict)
    old: bool = False
    method: str = "POST"
    path: str = "/mcp"
    denied: str | None = "refused"
    """The code of the audit record; None: not recorded."""

    def sent_headers(self) -> dict[str, str]:
        merged = {**(OLD if self.old else RIGHT), **self.headers}
        return {name: value for name, value in merged.items() if value is not None}


@dataclass
class Target:
    """The edge, and what can be seen behind it."""

    running: Mesh
    client: Client

    @property
    def port(self) -> int:
        return int(self.client.url.rpartition(":")[2])

    def send(self, case: Case) -> httpx2.Response:
        with httpx2.Client(trust_env=False, timeout=30) as http:
            url = self.client.url + case.path
            return http.request(case.method, url, content=case.body, headers=case.sent_headers())

    def raw(self, request: bytes) -> bytes:
        """Bytes over a connection of their own, at once, and all that comes back until the edge closes it."""
        found = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(request)
            while chunk := connection.recv(65_536):
                found += chunk
        return found

    def records(self) -> list[AuditRecord]:
        with self.running.broker.client() as redis:
            return [decode_record(fields[b"r"]) for _, fields in redis.xrange(keys.AUDIT_STREAM)]

    def jobs(self) -> list[bytes]:
        with self.running.broker.client() as redis:
            queued = [redis.zrange(keys.queue("default", "echo", lane), 0, -1) for lane in ("read", "write")]
            return [*redis.scan_iter("arq:job:*"), *queued[0], *queued[1]]

    def forget_records(self) -> None:
        with self.running.broker.client() as redis:
            redis.delete(keys.AUDIT_STREAM)

    def denials(self, code: str) -> list[AuditRecord]:
        return [record for record in self.records() if record.phase == "denied" and record.code == code]


@contextmanager
def open_target(directory: Path) -> Iterator[Target]:
    """Ends it again, and looks into the edge's log: nothing that was sent may have raised what nobody caught."""
    settings = {
        "TOOLMESH_HEARTBEAT_TTL_S": "600",
        "TOOLMESH_EXEC_TIMEOUT": "1",
        "TOOLMESH_BODY_READ_S": "0.5",
        "TOOLMESH_HEAD_READ_S": "0.5",
    }
    with mesh(directory, **settings) as running:
        digest = hashlib.sha256(GUEST_KEY.encode()).hexdigest()
        guest = f"keys:\n  - user_id: guest\n    key_sha256: {digest}\n    roles: [admin]\n"
        (running.config / "apikeys.yaml").write_text(guest)
        worker = running.start_worker()
        client = running.start_edge()
        running.wait_for_tools(client, "echo_echo", "echo_add", "echo_time")
        worker.kill()
        with running.broker.client() as redis:
            redis.xgroup_destroy(keys.AUDIT_STREAM, keys.AUDIT_READERS)
        yield Target(running, client)
        process, _ = running.edges[0]
        assert process.running
        assert "Traceback" not in process.output()
        assert '"exception"' not in process.output()


@contextmanager
def nothing_enqueued(target: Target, denied: str | None) -> Iterator[None]:
    """The request that is sent in here leaves no job, and a record where one is due."""
    target.forget_records()
    yield
    if denied is not None:
        wait_until(lambda: target.denials(denied), f"a record of {denied}")
    assert target.jobs() == []
    assert {record.phase for record in target.records()} <= {"denied"}


def check(target: Target, case: Case) -> httpx2.Response:
    with nothing_enqueued(target, case.denied):
        answer = target.send(case)
        seen = f"{answer.status_code} {answer.text[:300]}"
        assert answer.status_code == case.status, seen
        if case.code is not None:
            message = answer.json()
            assert message["jsonrpc"] == "2.0"
            assert message["error"]["code"] == case.code, seen
        assert "Traceback" not in answer.text
        if case.denied == "unauthenticated" or case.status in (403, 421):
            # Of a flood of strangers only the first few in a second are recorded.
            assert case.denied is not None
            denied = case.denied
            wait_until(lambda: target.denials(denied) or not target.send(case), f"a record of {denied}")
    return answer


def of(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def old(**changes: Any) -> bytes:
    """A 2025-era call with members replaced; None leaves one out."""
    message = {**json.loads(OLD_CALL), **changes}
    return json.dumps({name: value for name, value in message.items() if value is not ...}).encode()


def new(method: str, params: dict[str, Any] | None = None) -> Case:
    headers: dict[str, str | None] = {"Mcp-Method": method, "Mcp-Name": (params or {}).get("name")}
    return Case(method, 200, None, WRITER.body(method, params), headers, denied=None)
