"""The nginx snippet of docs/deploy.md, in front of two edges: nothing is held back, and closing means closing."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.client import Client
from tests.e2e.upstream import upstream
from tests.mesh import API_KEY, ROOT, Mesh, Process, free_port, mesh, wait_until


def snippet(port: int, edges: list[int]) -> str:
    """The documented configuration, on this port, without TLS, in front of these edges."""
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    block = re.search(r"```nginx\n(.*?)```", page, re.DOTALL)
    assert block is not None
    text = re.sub(r"^\s*ssl_.*\n", "", block[1], flags=re.MULTILINE)
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    servers = "".join(f"    server 127.0.0.1:{edge};\n" for edge in edges)
    text, replaced = re.subn(r"^    server 127\.0\.0\.1:8123;\n", servers, text, flags=re.MULTILINE)
    assert replaced == 1
    return text


@contextmanager
def behind_nginx(nginx: str, running: Mesh, directory: Path) -> Iterator[Client]:
    """Two edges and nginx; gives a client of nginx."""
    port = free_port()
    edges = [running.start_edge(TOOLMESH_ISSUER=f"http://127.0.0.1:{port}") for _ in range(2)]
    places = "".join(
        f"{kind}_temp_path {directory}/nginx-{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = directory / "nginx.conf"
    config.write_text(
        ("user root;\n" if os.getuid() == 0 else "")
        + f"daemon off;\npid {directory}/nginx.pid;\nerror_log stderr;\nworker_processes 1;\n"
        + "events { worker_connections 64; }\n"
        + f"http {{\naccess_log off;\n{places}{snippet(port, [int(e.url.rpartition(':')[2]) for e in edges])}}}\n"
    )
    process = Process([nginx, "-p", str(directory), "-c", str(config)], directory / "nginx.log")
    client = Client(f"http://127.0.0.1:{port}", API_KEY)
    try:
        wait_until(lambda: client.is_ready() or not process.running, "nginx is ready")
        assert process.running, process.output()
        for edge in edges:
            running.wait_for_tools(edge, "up_slow_progress")
        yield client
    finally:
        client.close()
        process.stop()


def test_events_come_through_while_the_call_runs_and_a_closed_connection_cancels_it(nginx: str, tmp_path: Path) -> None:
    with upstream(tmp_path) as up, mesh(tmp_path, "backends:\n" + up.entry()) as running:
        running.start_worker()
        with behind_nginx(nginx, running, tmp_path) as client:
            for number in range(4):
                assert client.text("up_add", {"a": number, "b": 1}) == str(number + 1)

            with client.stream("up_slow_progress", {"steps": 3, "step_ms": 500}, progressToken="p") as answer:
                assert answer.headers["content-type"] == "text/event-stream"
                arrived = [chunk for chunk in answer.iter_text() if chunk.strip()]
            assert "step 1 of 3" in arrived[0]
            assert "3 steps" not in arrived[0], "the events were held back until the call had ended"
            assert "3 steps" in arrived[-1]

            big = "x" * 1_000_000
            assert client.text("up_echo", {"message": big}) == big

            cancelled = tmp_path / "cancelled"
            body = client.body(
                "tools/call", {"name": "up_sleep", "arguments": {"ms": 60_000, "cancelled_path": str(cancelled)}}
            )
            with httpx2.Client(trust_env=False, timeout=2) as impatient, pytest.raises(httpx2.ReadTimeout):
                impatient.post(client.mcp_url, content=body, headers=client.headers("tools/call", "up_sleep"))
            wait_until(cancelled.exists, "the call was cancelled")
