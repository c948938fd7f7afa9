"""`toolmesh key`: a key alone on stdout, its digest in the file, a revoked one out of it, all else untouched."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from shared.api_keys import digest, well_formed
from shared.configuration import ApiKeyEntry
from shared.errors import ConfigurationError
from shared.yaml_files import load_api_keys
from tests.mesh import ROOT
from tests.toolmesh.command import refused, toolmesh
from toolmesh.key import add_entry

ENTRY = ApiKeyEntry(user_id="new: #1", key_sha256="b" * 64, roles=("x",))
OLD = "a" * 64


def test_the_key_is_alone_on_stdout_and_only_its_digest_is_stored(tmp_path: Path) -> None:
    config = tmp_path / "config"
    command = ["key", "new", "--config", str(config), "--user", "ann", "--roles", "a, b", "--plan", "pro"]
    done = subprocess.run(
        [sys.executable, "-m", "toolmesh", *command], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )
    key = done.stdout.strip()
    assert done.returncode == 0, done.stderr
    assert done.stdout == key + "\n"
    assert well_formed(key)
    (entry,) = load_api_keys(config)
    assert (entry.user_id, entry.key_sha256, entry.roles, entry.plan) == ("ann", digest(key), ("a", "b"), "pro")
    file = config / "apikeys.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key not in file.read_text() + done.stderr


def test_print_only_stores_nothing_and_prints_the_entry(tmp_path: Path) -> None:
    done = toolmesh("key", "new", "--config", str(tmp_path), "--print-only")
    assert well_formed(done.out.strip())
    assert done.out == done.out.strip() + "\n"
    assert digest(done.out.strip()) in done.err
    assert done.out.strip() not in done.err
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


BCRYPT = "$2y$10$" + "b" * 53
SHA = ("abcdef01" + "1" * 56, "abcdef01" + "2" * 56, "12345678" + "3" * 56)
KEYS = f"""\
# Who calls.
keys:
  # the build
  - user_id: ci        # from the runner
    key_sha256: {SHA[0]}
    roles: [build]

  # a laptop
  - {{user_id: ada, key_sha256: {SHA[1]}, plan: pro, caller_id: laptop}}
  - user_id: ada
    key_sha256: {SHA[2]}   # her other one
  - user_id: old
    key_hash: '{BCRYPT}'
# the end
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "apikeys.yaml").write_text(KEYS)
    return tmp_path


def test_list_shows_whose_keys_there_are_and_no_more_than_the_beginning_of_a_digest(config: Path) -> None:
    found = toolmesh("key", "list", "--config", str(config), "--json").out
    keys = json.loads(found)["keys"]
    assert keys[0] == {
        "id": "abcdef01",
        "user_id": "ci",
        "company_id": "default",
        "plan": "free",
        "roles": ["build"],
        "caller_id": "ci",
        "kind": "sha256",
    }
    assert [(key["user_id"], key["caller_id"], key["kind"]) for key in keys[1:]] == [
        ("ada", "laptop", "sha256"),
        ("ada", "ada", "sha256"),
        ("old", "old", "bcrypt"),
    ]
    table = toolmesh("key", "list", "--config", str(config)).out
    assert [line.split()[:2] for line in table.splitlines()[1:4]] == [
        ["abcdef01", "ci"],
        ["abcdef01", "ada"],
        ["12345678", "ada"],
    ]
    for stored in (*SHA, BCRYPT):
        assert stored[:20] not in found + table


@pytest.mark.parametrize(
    ("arguments", "left", "gone"),
    [
        (("12345678",), ["ci", "ada", "old"], ["her other one"]),
        ((SHA[0],), ["ada", "ada", "old"], ["from the runner"]),
        ((SHA[1][:9].upper(),), ["ci", "ada", "old"], []),
        (("--user", "ada"), ["ci", "old"], ["her other one"]),
        ((digest(BCRYPT)[:8],), ["ci", "ada", "ada"], []),
    ],
)
def test_revoke_takes_out_what_is_meant_and_leaves_every_other_line(
    arguments: tuple[str, ...], left: list[str], gone: list[str], config: Path
) -> None:
    done = toolmesh("key", "revoke", *arguments, "--config", str(config))
    assert (done.code, done.out) == (0, ""), done.err
    assert "revoked" in done.err
    assert [key.user_id for key in load_api_keys(config)] == left
    text = (config / "apikeys.yaml").read_text()
    for comment in ("# Who calls.", "# the build", "# from the runner", "# a laptop", "# her other one", "# the end"):
        assert (comment in text) != (comment[2:] in gone), comment


def test_the_last_key_can_be_revoked_and_a_new_one_made_after_it(config: Path) -> None:
    for user in ("ci", "ada", "old"):
        assert toolmesh("key", "revoke", "--user", user, "--config", str(config)).code == 0
    assert load_api_keys(config) == ()
    assert toolmesh("key", "new", "--user", "eve", "--config", str(config)).code == 0
    assert [key.user_id for key in load_api_keys(config)] == ["eve"]
    assert (config / "apikeys.yaml").read_text().startswith("# Who calls.\nkeys:\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "Give the ID of a key"),
        (("abcdef01", "--user", "ada"), "Give the ID of a key"),
        (("abcdef01",), "2 keys have an id that begins with abcdef01. Write more digits"),
        (("abcd",), "has no key with the id abcd"),
        (("99999999",), "has no key with the id 99999999"),
        (("--user", "eve"), "has no key of a user `eve`"),
    ],
)
def test_a_key_that_can_not_be_told_is_not_revoked(arguments: tuple[str, ...], expected: str, config: Path) -> None:
    assert expected in refused(toolmesh("key", "revoke", *arguments, "--config", str(config)))
    assert (config / "apikeys.yaml").read_text() == KEYS


@pytest.mark.parametrize("user", ["", " a", "a\x1b[31m", "x" * 129])
def test_a_key_of_nobody_is_not_made(user: str, config: Path) -> None:
    assert "--user" in refused(toolmesh("key", "new", "--user", user, "--config", str(config)))
    assert (config / "apikeys.yaml").read_text() == KEYS


def test_a_file_that_the_environment_names_is_the_one_that_is_changed(config: Path) -> None:
    elsewhere = config / "elsewhere.yaml"
    done = toolmesh("key", "new", "--user", "eve", "--config", str(config), TOOLMESH_APIKEYS_CONFIG=str(elsewhere))
    assert str(elsewhere) in done.err
    assert [key.user_id for key in load_api_keys(config, elsewhere)] == ["eve"]
    assert (config / "apikeys.yaml").read_text() == KEYS
