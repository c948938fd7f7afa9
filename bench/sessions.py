"""2025-era sessions of the bench: opening them, and what an edge pays for those that are open and idle."""

import json
import re
import resource
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from bench.connection import BadAnswer
from bench.figures import Figures
from bench.mesh import Mesh, running_mesh
from bench.target import HANDSHAKE_VERSION

IDLE_SESSIONS = 1_000
_ROOM = {
    "TOOLMESH_SESSIONS_PRINCIPAL_MAX": str(IDLE_SESSIONS * 2),
    "TOOLMESH_STREAMS_PRINCIPAL_MAX": str(IDLE_SESSIONS * 2),
    "TOOLMESH_STREAMS_MAX": str(IDLE_SESSIONS * 2),
}
_SETTLE_S = 1.0


def open_session(mesh: Mesh) -> str:
    """Initialize; gives the session's id. Raises BadAnswer."""
    hello = {
        "protocolVersion": HANDSHAKE_VERSION,
        "capabilities": {},
        "clientInfo": {"name": "bench", "version": "0"},
    }
    body = json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello})
    with _connect(mesh) as connection:
        connection.sendall(_request(mesh, "POST", body, "Content-Type: application/json", "Connection: close"))
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    found = re.search(rb"(?im)^mcp-session-id: *(\S+)", answer)
    if found is None:
        raise BadAnswer(f"initialize opened no session: {answer[:300]!r}")
    return found[1].decode()


def measure_idle_sessions(folder: Path, figures: Figures) -> None:
    """Memory of an edge for 1,000 sessions that only exist, and then for a standing stream of each."""
    _allow_files(IDLE_SESSIONS * 2 + 200)
    probes = {"echo_echo": {"message": "probe"}}
    with running_mesh(folder, [], probes, edge_environment=_ROOM) as mesh, ExitStack() as stack:
        for _ in range(50):
            open_session(mesh)  # what the first ones make an edge import and cache
        time.sleep(_SETTLE_S)
        before = mesh.edge.rss_mib()
        ids = [open_session(mesh) for _ in range(IDLE_SESSIONS)]
        time.sleep(_SETTLE_S)
        with_sessions = mesh.edge.rss_mib()
        for session_id in ids:
            _open_stream(mesh, session_id, stack)
        time.sleep(_SETTLE_S)
        with_streams = mesh.edge.rss_mib()
    figures.add("sessions/idle/mib", with_sessions - before)
    figures.add("sessions/stream/kib", (with_streams - with_sessions) * 1024 / IDLE_SESSIONS)


def _open_stream(mesh: Mesh, session_id: str, stack: ExitStack) -> None:
    connection = stack.enter_context(_connect(mesh))
    lines = (f"Mcp-Session-Id: {session_id}", f"MCP-Protocol-Version: {HANDSHAKE_VERSION}")
    connection.sendall(_request(mesh, "GET", "", *lines))
    answer = connection.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200") or b"text/event-stream" not in answer.lower():
        raise BadAnswer(f"no stream: {answer[:300]!r}")


def _connect(mesh: Mesh) -> socket.socket:
    address = urlsplit(mesh.url)
    assert address.hostname is not None
    return socket.create_connection((address.hostname, address.port or 80), 30)


def _request(mesh: Mesh, method: str, body: str, *lines: str) -> bytes:
    address = urlsplit(mesh.url)
    head = [
        f"{method} {address.path} HTTP/1.1",
        f"Host: {address.netloc}",
        f"Authorization: Bearer {mesh.api_key}",
        "Accept: application/json, text/event-stream" if method == "POST" else "Accept: text/event-stream",
        f"Content-Length: {len(body)}",
        *lines,
    ]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def _allow_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
