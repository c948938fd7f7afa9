"""`toolmesh check` says what keeps scripts in where it runs, and what to do about what is missing."""

import json
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.toolmesh.command import toolmesh
from toolmesh.check_sandbox import Sandbox
from workers.children.inside.lockdown import KEPT


def test_what_keeps_scripts_in_is_shown(tmp_path: Path) -> None:
    (tmp_path / "backends.yaml").write_text("backends: []\n")
    done = toolmesh("check", "--config", str(tmp_path), "--json")
    said = json.loads(done.out)["sandbox"]
    assert tuple(said["kept"]) == KEPT
    assert said["kept"]["memory"] == ["limit"]
    assert said["reason"] == ""
    shown = toolmesh("check", "--config", str(tmp_path)).out
    assert "sandbox: scripts are bound in network, files, " in shown


def test_a_sandbox_service_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "backends.yaml").write_text("backends: []\n")
    done = toolmesh("check", "--config", str(tmp_path), "--json", TOOLMESH_SANDBOX=str(tmp_path / "socket"))
    (warning,) = [each for each in json.loads(done.out)["warnings"] if "TOOLMESH_SANDBOX" in each]
    assert f"{tmp_path / 'socket'}, where nothing answers" in warning
    assert done.code == 0


@pytest.mark.parametrize(
    ("sandbox", "said"),
    [
        (Sandbox(kept={"network": ["namespace"], "files": ["landlock"]}), None),
        (Sandbox(kept={"network": [], "files": ["landlock"], "tracing": []}), "not bound in network, tracing: "),
        (Sandbox(kept={"network": []}), "`toolmesh sandbox` in a container"),
        (Sandbox(reason="No module named 'jq'"), "can't be run here: No module named 'jq'"),
    ],
)
def test_what_is_not_kept_from_scripts_is_a_warning(sandbox: Sandbox, said: str | None) -> None:
    warnings = sandbox.warnings(Settings())
    assert len(warnings) == (said is not None)
    assert all(said is not None and said in each for each in warnings)


def test_means_that_a_system_lacks_are_named_with_the_reason() -> None:
    line = Sandbox(kept={"network": ["system calls"]}, missing={"namespace": "Operation not permitted"}).line
    assert line == "scripts are bound in network. Not on this system: namespace (Operation not permitted)"
