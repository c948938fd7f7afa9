"""`toolmesh key new`: the key alone on stdout, its digest in the file, all else of the file untouched."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from shared.api_keys import digest, well_formed
from shared.configuration import ApiKeyEntry
from shared.errors import ConfigurationError
from shared.yaml_files import load_api_keys
from toolmesh.key import add_entry

ENTRY = ApiKeyEntry(user_id="new: #1", key_sha256="b" * 64, roles=("x",))
OLD = "a" * 64


def toolmesh(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TOOLMESH_")}
    command = [sys.executable, "-m", "toolmesh", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environment)


def test_the_key_is_alone_on_stdout_and_only_its_digest_is_stored(tmp_path: Path) -> None:
    config = tmp_path / "config"
    done = toolmesh("key", "new", "--config", str(config), "--user", "ann", "--roles", "a, b", "--plan", "pro")
    key = done.stdout.strip()
    assert done.returncode == 0
    assert done.stdout == key + "\n"
    assert well_formed(key)
    (entry,) = load_api_keys(config)
    assert (entry.user_id, entry.key_sha256, entry.roles, entry.plan) == ("ann", digest(key), ("a", "b"), "pro")
    file = config / "apikeys.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key not in file.read_text() + done.stderr


def test_print_only_stores_nothing_and_prints_the_entry(tmp_path: Path) -> None:
    done = toolmesh("key", "new", "--config", str(tmp_path), "--print-only")
    assert well_formed(done.stdout.strip())
    assert digest(done.stdout.strip()) in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment",
        "keys:\n",
        "keys: []  # none yet\n",
        "keys:   # to come\n# tail\n",
        f"# head\nkeys:\n  # first\n  - user_id: a  # who\n    key_sha256: {OLD}\n\n# tail\n",
        f"keys:\n- user_id: a\n  key_sha256: {OLD}\n  roles: [x,\n    y]\n",
        f"keys: [{{user_id: a, key_sha256: {OLD}}}]\n",
        f"keys:\n  - key_sha256: {OLD}\n    user_id: a",
    ],
)
def test_an_entry_is_added_and_every_other_line_stays(tmp_path: Path, text: str) -> None:
    file = tmp_path / "apikeys.yaml"
    file.write_text(text)
    file.chmod(0o640)
    before = load_api_keys(tmp_path)
    add_entry(file, ENTRY)
    assert load_api_keys(tmp_path) == (*before, ENTRY)
    written = file.read_text()
    for line in text.splitlines():
        comment = line.partition("#")[2]
        assert comment in written
        if "keys:" not in line:
            assert line in written
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_broken_file_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "apikeys.yaml"
    file.write_text("keys: [")
    with pytest.raises(ConfigurationError, match=r"apikeys\.yaml:"):
        add_entry(file, ENTRY)
    assert file.read_text() == "keys: ["
    assert [path.name for path in tmp_path.iterdir()] == ["apikeys.yaml"]
