"""Entries of transport `stdio` in `backends.yaml`."""

from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from shared.yaml_files import load_backends


def load(tmp_path: Path, line: str) -> None:
    (tmp_path / "backends.yaml").write_text(f"backends:\n  - {line}\n")
    load_backends(tmp_path)


def test_a_whole_entry_is_taken(tmp_path: Path) -> None:
    load(
        tmp_path,
        "{name: a, transport: stdio, command: npx, args: [-y, server], env: {GITHUB_TOKEN: CREDENTIAL_GH, lower: X}, "
        "relay: [elicitation], options: {processes: 2, memory_mib: 256, start_timeout: 90s}}",
    )


@pytest.mark.parametrize(
    "mapped",
    ["X: TOOLMESH_MESH_KEYS", "X: REDIS_URL", "X: REDIS_URL_FILE", "X: AUTH_REDIS_URL", "TOOLMESH_X: Y", "REDIS_URL: Y"],
)
def test_the_meshs_own_variables_are_given_to_no_server(tmp_path: Path, mapped: str) -> None:
    with pytest.raises(ConfigurationError, match=r"backends\.yaml:2: .*no server gets them"):
        load(tmp_path, f"{{name: a, transport: stdio, command: x, env: {{{mapped}}}}}")


@pytest.mark.parametrize("mapped", ["X: sk-live-hunter2", "'A B': C", "'': C", "X: ''", "'X=1': C"])
def test_names_are_mapped_to_names_and_a_secret_that_is_written_there_is_not_shown(tmp_path: Path, mapped: str) -> None:
    with pytest.raises(ConfigurationError, match=r"backends\.yaml:2: .*never to the value") as caught:
        load(tmp_path, f"{{name: a, transport: stdio, command: x, env: {{{mapped}}}}}")
    assert "hunter2" not in caught.value.detail


@pytest.mark.parametrize("option", ["processes: 0", "memory_mib: 0", "start_timeout: soon", "start_timeout: 0s"])
def test_an_option_that_can_not_be_is_refused(tmp_path: Path, option: str) -> None:
    with pytest.raises(ConfigurationError, match=option.partition(":")[0]):
        load(tmp_path, f"{{name: a, transport: stdio, command: x, options: {{{option}}}}}")


def test_an_entry_without_a_command_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no `command`"):
        load(tmp_path, "{name: a, transport: stdio}")
