"""`toolmesh check` says where nobody can run scripts, and what to do about it."""

from pathlib import Path

import pytest

from toolmesh.check import examine

OTHER = "edge:k1:" + "A" * 43 + "=,default:k1:" + "B" * 43 + "="
CODE = ",code:k1:" + "C" * 43 + "="


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"TOOLMESH_MESH_KEYS": OTHER}, True),
        ({"TOOLMESH_MESH_KEYS": OTHER, "TOOLMESH_CODE_MODE": "off"}, False),
        ({"TOOLMESH_MESH_KEYS": OTHER + CODE}, False),
        ({"TOOLMESH_MESH_KEYS": OTHER.partition(",")[2]}, False),
        ({}, False),
    ],
    ids=["no key of the group", "switched off", "with a key", "a worker's", "without a ring, as for `up`"],
)
def test_a_ring_without_a_key_for_scripts_is_warned_of(tmp_path: Path, environment: dict[str, str], said: bool) -> None:
    report = examine(environment, tmp_path)
    assert report.errors == []
    found = [warning for warning in report.warnings if "TOOLMESH_MESH_KEYS has no key of the group `code`" in warning]
    assert bool(found) is said
