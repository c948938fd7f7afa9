"""`toolmesh up` with stdio servers: what they start is gone when the mesh is, however it ends."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client
from tests.mesh import wait_until
from tests.toolmesh.test_up import Up, alive, up

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")

KEY = "operators-own-key-1"
SERVER = Path(__file__).resolve().parent.parent / "upstreams" / "stdio_plain.py"


def configure(directory: Path, name: str, *options: str) -> None:
    entry: dict[str, Any] = {
        "name": name,
        "transport": "stdio",
        "command": sys.executable,
        "args": [str(SERVER), "--note", str(directory / "started"), *options],
    }
    (directory / "config").mkdir()
    (directory / "config" / "backends.yaml").write_text(json.dumps({"backends": [entry]}))


def children(directory: Path) -> list[int]:
    """Process ids of all stdio servers that were ever started, and of what they started."""
    return [int(line.split()[0]) for line in (directory / "started").read_text().splitlines()]


def with_a_grandchild(running: Up, directory: Path) -> list[int]:
    """Wait for the servers, and have one of them start something that leaves its process group."""
    running.wait_until_ready()
    client = Client(f"http://127.0.0.1:{running.port}", KEY)
    try:
        grandchild = int(client.text("kids_spawn", {"count": 1}))
    finally:
        client.close()
    servers = children(directory)
    assert len(servers) == 2, "one for each worker"
    assert all(map(alive, [*servers, grandchild]))
    return [*servers, grandchild]


def test_stdio_servers_and_what_they_started_end_with_the_mesh(tmp_path: Path) -> None:
    configure(tmp_path, "kids", "--stubborn")
    with up(tmp_path, TOOLMESH_API_KEY=KEY) as running:
        family = with_a_grandchild(running, tmp_path)
        assert running.process.stop(timeout_s=12) == 0
        assert not [pid for pid in family if alive(pid)]


@pytest.mark.parametrize("who", ["up", "workers"])
def test_they_end_too_when_it_is_killed(tmp_path: Path, who: str) -> None:
    configure(tmp_path, "kids", "--stubborn")
    with up(tmp_path, TOOLMESH_API_KEY=KEY) as running:
        family = with_a_grandchild(running, tmp_path)
        if who == "up":
            running.process.kill()
        else:
            for pid, line in running.family().items():
                if " worker " in line:
                    os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not [pid for pid in family if alive(pid)], "none of them is left", timeout_s=10)
