"""What `toolmesh check` says of code mode."""

from pathlib import Path

import pytest

from tests.mesh import mesh_keys
from toolmesh.check import examine

WITHOUT = ",".join(part for part in mesh_keys().split(",") if not part.startswith("code:"))


@pytest.mark.parametrize(
    ("environment", "warned"),
    [
        ({}, False),
        ({"TOOLMESH_MESH_KEYS": mesh_keys()}, False),
        ({"TOOLMESH_MESH_KEYS": WITHOUT}, True),
        ({"TOOLMESH_MESH_KEYS": WITHOUT, "TOOLMESH_CODE_MODE": "off"}, False),
    ],
    ids=["none", "all", "without", "off"],
)
def test_keys_without_one_of_the_group_that_runs_scripts_are_warned_of(
    tmp_path: Path, environment: dict[str, str], warned: bool
) -> None:
    report = examine(environment, tmp_path)
    assert report.errors == []
    assert any("no key of the group `code`" in text for text in report.warnings) == warned
