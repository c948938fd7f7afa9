"""`toolmesh user`: no password is stored or shown, all else of the file stays, and who is out is out."""

import json
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge.identities.passwords import hash_password, verify
from shared.users_file import load_users
from tests.mesh import ROOT
from tests.toolmesh.command import refused, toolmesh

PASSWORD = "correct horse battery staple"
BCRYPT = "$2y$10$" + "a" * 53
FILE = f"""\
# Who may come in.
users:
  - username: bob   # from accounting
    password_hash: '{BCRYPT}'
    plan: pro

  # away until May
  - {{username: cyd, password_hash: '{BCRYPT}', roles: [ops, 'night shift']}}
# the end
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "users.yaml").write_text(FILE)
    (tmp_path / "authorization.yaml").write_text("plans: {free: {allow: ['echo_*']}}\n")
    return tmp_path


def hash_of(config: Path, name: str) -> str:
    (found,) = (user.password_hash for user in load_users(config) if user.username == name)
    assert found is not None
    return found


def test_a_user_is_added_with_a_hash_and_the_password_is_stored_and_shown_nowhere(tmp_path: Path) -> None:
    done = toolmesh(
        *("user", "add", "ada", "--config", str(tmp_path), "--company", "acme", "--plan", "pro", "--roles", "ops, dev"),
        stdin=f"{PASSWORD}\n",
    )
    assert (done.code, done.out) == (0, "")
    (ada,) = load_users(tmp_path)
    assert (ada.username, ada.company, ada.plan, ada.roles, ada.disabled) == ("ada", "acme", "pro", ("ops", "dev"), False)
    assert hash_of(tmp_path, "ada").startswith("$argon2id$")
    assert verify(hash_of(tmp_path, "ada"), PASSWORD)
    file = tmp_path / "users.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in file.read_text() + done.err
    assert "does not let ada use any tool yet" in done.err


def test_a_generated_password_is_alone_on_stdout(config: Path) -> None:
    done = toolmesh("user", "add", "dee", "--config", str(config), "--generate")
    assert done.out.count("\n") == 1
    assert verify(hash_of(config, "dee"), done.out.strip())
    assert done.out.strip() not in done.err + (config / "users.yaml").read_text()
    assert "any tool yet" not in done.err, "the plan `free` has a rule"
    again = toolmesh("user", "passwd", "dee", "--config", str(config), "--generate")
    assert verify(hash_of(config, "dee"), again.out.strip())
    assert not verify(hash_of(config, "dee"), done.out.strip())


@pytest.mark.parametrize("name", ["bob", "cyd"])
def test_passwd_disable_and_enable_change_one_user_and_nothing_else(name: str, config: Path) -> None:
    where = ("--config", str(config))
    others = [user for user in load_users(config) if user.username != name]
    assert toolmesh("user", "passwd", name, *where, stdin=PASSWORD).code == 0
    assert verify(hash_of(config, name), PASSWORD)
    assert toolmesh("user", "disable", name, *where).code == 0
    assert [user.username for user in load_users(config) if user.disabled] == [name]
    assert toolmesh("user", "enable", name, *where).code == 0
    assert [user.username for user in load_users(config) if user.disabled] == []
    assert [user for user in load_users(config) if user.username != name] == others
    text = (config / "users.yaml").read_text()
    for comment in ("# Who may come in.", "# from accounting", "# away until May", "# the end"):
        assert comment in text


def test_list_shows_everybody_and_no_hash(config: Path) -> None:
    toolmesh("user", "disable", "cyd", "--config", str(config))
    found = toolmesh("user", "list", "--config", str(config), "--json")
    assert json.loads(found.out) == {
        "users": [
            {"username": "bob", "company": "default", "plan": "pro", "roles": [], "disabled": False, "password": "bcrypt"},
            {
                "username": "cyd",
                "company": "default",
                "plan": "free",
                "roles": ["ops", "night shift"],
                "disabled": True,
                "password": "bcrypt",
            },
        ]
    }
    table = toolmesh("user", "list", "--config", str(config)).out
    assert [line.split()[0] for line in table.splitlines()] == ["user", "bob", "cyd"]
    assert table.splitlines()[2].endswith("disabled")
    assert BCRYPT[:10] not in found.out + table


@pytest.mark.parametrize(
    ("arguments", "stdin", "expected"),
    [
        (("add", "dee"), "short", "5 characters; use 8 or more"),
        (("add", "dee"), "", "0 characters"),
        (("add", "dee"), "x" * 1025, "longer than 1024 bytes"),
        (("add", "dee", "--generate", "--password-stdin"), PASSWORD, "one of the two"),
        (("add", "bob"), PASSWORD, "has a user `bob` already"),
        (("add", "Bob"), PASSWORD, "looks like the user `bob`"),
        (("add", "\uff42ob"), PASSWORD, "looks like the user `bob`"),
        (("add", ""), PASSWORD, "The name is empty"),
        (("add", " dee"), PASSWORD, "begins or ends with a space"),
        (("add", "d\x1be"), PASSWORD, "can't be seen"),
        (("add", "d" * 129), PASSWORD, "more than 128 characters"),
        (("passwd", "bobb"), PASSWORD, "Did you mean `bob`?"),
        (("passwd", "bob"), "short", "use 8 or more"),
        (("disable", "nobody"), "", "`toolmesh user list` shows all"),
        (("enable", "nobody"), "", "has no user `nobody`"),
        (("add",), "", "Usage:"),
    ],
)
def test_what_can_not_be_done_is_refused_and_the_file_stays(
    arguments: tuple[str, ...], stdin: str, expected: str, config: Path
) -> None:
    said = refused(toolmesh("user", *arguments, *(("--config", str(config)) if len(arguments) > 1 else ()), stdin=stdin))
    assert expected in said
    assert (config / "users.yaml").read_text() == FILE
    assert "\x1b" not in said


def test_a_password_that_is_not_utf8_and_a_file_that_is_broken_are_named(config: Path) -> None:
    command = [sys.executable, "-m", "toolmesh", "user", "passwd", "bob", "--config", str(config)]
    done = subprocess.run(command, input=b"\xff\xfe password", capture_output=True, timeout=60, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert b"not UTF-8" in done.stderr
    (config / "users.yaml").write_text("users: [")
    assert "users.yaml:" in refused(toolmesh("user", "disable", "bob", "--config", str(config)))
    assert (config / "users.yaml").read_text() == "users: ["


def test_a_user_of_the_owners_name_is_warned_of(config: Path) -> None:
    done = toolmesh("user", "add", "boss", "--config", str(config), "--generate", TOOLMESH_AUTH_USER="boss")
    assert done.code == 0
    assert "is also the owner's name" in done.err


@pytest.mark.parametrize(("again", "code"), [(PASSWORD, 0), ("another one entirely", 2)])
def test_at_a_terminal_the_password_is_asked_for_twice_and_not_echoed(again: str, code: int, config: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "toolmesh", "user", "passwd", "bob", "--config", str(config)]
    child = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        cwd=ROOT,
        env={**os.environ, "TERM": "dumb"},
    )
    os.close(theirs)
    shown = b""
    try:
        for prompt, answer in ((b"Password (", PASSWORD), (b"The same again", again)):
            while prompt not in shown:
                shown += os.read(ours, 4096)
            os.write(ours, answer.encode() + b"\n")
        assert child.wait(60) == code
    finally:
        child.kill()
        os.close(ours)
    assert PASSWORD.encode() not in shown
    changed = hash_of(config, "bob") != BCRYPT
    assert changed == (code == 0)


def test_a_hash_of_the_house_fits_the_file(config: Path) -> None:
    """What `edge/identities` writes is what `shared/users_file.py` takes."""
    (config / "users.yaml").write_text(f"users: [{{username: eve, password_hash: '{hash_password(PASSWORD)}'}}]\n")
    assert [user.username for user in load_users(config)] == ["eve"]
