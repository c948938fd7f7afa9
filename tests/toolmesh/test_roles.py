"""`toolmesh edge`, `worker` and `check` from outside: what they refuse, with which exit code, and what they say."""

import json
import subprocess
from pathlib import Path

import pytest

from shared.mesh_keys import generate_key_ring
from tests.prepared_start import run_toolmesh

KEY = "an-owner-key-of-a-test"


def toolmesh(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return run_toolmesh(*arguments, environment=environment)


def refused(*arguments: str, **environment: str) -> str:
    """What a command that stops with exit code 2 says; never a traceback, never on stdout."""
    done = toolmesh(*arguments, **environment)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    return done.stderr


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "backends.yaml").write_text(
        "backends:\n  - {name: notes, transport: http, url: 'https://notes.example', group: lab}\n"
    )
    return tmp_path


@pytest.mark.parametrize("role", ["edge", "worker"])
def test_a_role_without_mesh_keys_refuses_to_start(role: str, config: Path) -> None:
    assert "TOOLMESH_MESH_KEYS" in refused(role, "--config", str(config), TOOLMESH_API_KEY=KEY)


def test_an_edge_that_nobody_could_call_refuses_to_start(config: Path) -> None:
    ring = generate_key_ring(["edge", "default", "lab"])
    assert "TOOLMESH_API_KEY" in refused("edge", "--config", str(config), TOOLMESH_MESH_KEYS=ring)


def test_an_edge_needs_a_key_of_every_group(config: Path) -> None:
    ring = generate_key_ring(["edge", "default"])
    assert "`lab`" in refused("edge", "--config", str(config), TOOLMESH_MESH_KEYS=ring, TOOLMESH_API_KEY=KEY)


def test_a_worker_names_the_nearest_backend_to_an_unknown_one(config: Path) -> None:
    ring = generate_key_ring(["lab"])
    said = refused("worker", "--config", str(config), "--backends", "note,echo", TOOLMESH_MESH_KEYS=ring)
    assert "`notes`" in said
    assert "Backend `echo` is of group `default`" in said


def test_a_worker_without_a_group_of_any_backend_refuses_to_start(config: Path) -> None:
    said = refused("worker", "--config", str(config), TOOLMESH_MESH_KEYS=generate_key_ring(["other"]))
    assert "default" in said
    assert "lab" in said


def test_a_broken_configuration_stops_the_start_with_all_its_problems(config: Path) -> None:
    (config / "backends.yaml").write_text("backends:\n  - {name: a, transport: htp}\n")
    said = refused("edge", "--config", str(config), TOOLMESH_PROT="1", AUDIT_STORE="sqlite")
    assert "backends.yaml:2:" in said
    assert "TOOLMESH_PORT" in said
    assert "AUDIT_STORE" in said


def test_an_unknown_option_is_a_usage_error() -> None:
    assert toolmesh("edge", "--prot", "1").returncode == 2


def test_check_says_everything_and_its_exit_code_tells_errors_from_warnings(config: Path) -> None:
    done = toolmesh("check", "--config", str(config), "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["errors"] == []
    assert json.loads(done.stdout)["warnings"]
    (config / "apikeys.yaml").write_text("keys:\n  - {user_id: a}\n")
    done = toolmesh("check", "--config", str(config), "--json", TOOLMESH_PROT="1")
    assert done.returncode == 1
    found = "\n".join(json.loads(done.stdout)["errors"])
    assert "apikeys.yaml:2:" in found
    assert "TOOLMESH_PROT" in found


def test_check_of_a_directory_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    assert toolmesh("check", "--config", str(tmp_path / "none")).returncode == 2
