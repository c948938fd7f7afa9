"""`toolmesh up` as a person runs it: real processes, from the command to nothing left behind."""

import json
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mesh import Process, free_port, wait_until
from tests.prepared_start import run_toolmesh

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")


class Up:
    """A running `toolmesh up`."""

    def __init__(self, directory: Path, number: int = 0, **environment: str) -> None:
        self.data = directory / "data"
        self.port = free_port()
        config = directory / "config"
        config.mkdir(exist_ok=True)
        inherited = {n: v for n, v in os.environ.items() if not n.startswith(("TOOLMESH_", "REDIS_", "CREDENTIAL_"))}
        command = [sys.executable, "-m", "toolmesh", "up", "--config", str(config), "--port", str(self.port)]
        command += ["--data", str(self.data)]
        self.process = Process(command, directory / f"up-{number}.log", {**inherited, **environment})

    def wait_until_ready(self) -> str:
        line = f"ready http://127.0.0.1:{self.port}/mcp"
        wait_until(lambda: line in self.output().splitlines() or not self.process.running, line)
        assert line in self.output().splitlines(), self.output()
        return self.output()

    def output(self) -> str:
        return self.process.output()

    def family(self) -> dict[int, str]:
        """Its children, as pid and command line."""
        return {pid: line for pid, line in commands().items() if ppid(pid) == self.process.pid}


def commands() -> dict[int, str]:
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found[int(path.parent.name)] = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
    return found


def ppid(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def up(directory: Path, number: int = 0, **environment: str) -> Iterator[Up]:
    running = Up(directory, number, **environment)
    try:
        yield running
    finally:
        if running.process.running:
            running.process.stop()


def test_from_nothing_to_a_first_call_and_back_to_nothing(tmp_path: Path) -> None:
    with up(tmp_path, CREDENTIAL_NOTES="hunter2") as first:
        said = first.wait_until_ready()
        assert "\x1b" not in said, "no colours where there is no terminal"
        assert re.search(r"^echo +echo +up +3 tools$", said, re.MULTILINE)
        curl = next(line for line in said.splitlines() if line.startswith("curl "))
        done = subprocess.run(shlex.split(curl), capture_output=True, timeout=20, check=True)
        assert json.loads(done.stdout)["result"]["content"][0]["text"] == "5"

        family = first.family()
        assert len(family) == 4, "broker, edge and two workers"
        for pid, line in family.items():
            if "-m toolmesh " in line:
                holds = b"hunter2" in Path(f"/proc/{pid}/environ").read_bytes()
                assert holds == (" worker " in line), f"workers alone are given backends' secrets: {line}"
        key = re.search(r"API key +(tmk_\w+)", said)
        assert key is not None
        for file in ("mesh.keys", "mesh-workers.keys", "owner.json"):
            assert stat.S_IMODE((first.data / file).stat().st_mode) == 0o600
            assert key[1] not in (first.data / file).read_text()
        assert "edge:" not in (first.data / "mesh-workers.keys").read_text()
        assert first.process.stop(timeout_s=10) == 0
        assert not any(alive(pid) for pid in family)

    with up(tmp_path, number=1) as second:
        said = second.wait_until_ready()
        assert "API key      tmk_" not in said, "shown only once"
        assert "$TOOLMESH_API_KEY" in said
        curl = next(line for line in said.splitlines() if line.startswith("curl "))
        done = subprocess.run(
            ["sh", "-c", curl], env={**os.environ, "TOOLMESH_API_KEY": key[1]}, capture_output=True, timeout=20, check=True
        )
        assert json.loads(done.stdout)["result"]["content"][0]["text"] == "5", "the first start's key still works"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One for all who don't end it, with the operator's own key."""
    directory = tmp_path_factory.mktemp("up")
    with up(directory, TOOLMESH_API_KEY="operators-own-key-1", TOOLMESH_AUTH_PASSWORD="secret-of-owner") as started:
        started.wait_until_ready()
        yield started


def test_a_key_of_the_operator_is_used_and_none_is_made(running: Up) -> None:
    said = running.output()
    assert "TOOLMESH_API_KEY" in said
    assert "Made for you" not in said
    assert "operators-own-key-1" not in said
    assert not (running.data / "owner.json").exists()


def test_a_child_that_is_killed_is_started_again_and_it_is_said(running: Up) -> None:
    victim = next(pid for pid, line in running.family().items() if " worker " in line)
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: "was ended by SIGKILL; it starts again" in running.output(), "the death is said")
    wait_until(lambda: sum(" worker " in line for line in running.family().values()) == 2, "two workers again")


def test_when_up_itself_is_killed_nothing_stays_behind(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        running.wait_until_ready()
        family = running.family()
        running.process.kill()
        wait_until(lambda: not any(alive(pid) for pid in family), "all children are gone", timeout_s=10)


def test_a_second_ctrl_c_kills_at_once(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        running.wait_until_ready()
        family = running.family()
        edge = next(pid for pid, line in family.items() if " edge " in line)
        os.kill(edge, signal.SIGSTOP)  # It can't drain now.
        running.process.send(signal.SIGINT)
        wait_until(lambda: "Stopping" in running.output(), "stopping is said")
        running.process.send(signal.SIGINT)
        wait_until(lambda: not running.process.running, "it is gone", timeout_s=6)
        assert not any(alive(pid) for pid in family)


def test_the_same_data_directory_or_port_is_not_used_twice(running: Up, tmp_path: Path) -> None:
    with up(running.data.parent, number=1) as second:
        wait_until(lambda: not second.process.running, "the second one refuses")
        assert "Another `toolmesh up`" in second.output()
    done = run_toolmesh("up", "--port", str(running.port), "--data", str(tmp_path / "other"), environment={})
    assert done.returncode == 2
    assert f"Port {running.port}" in done.stderr
    assert "Traceback" not in done.stderr
