"""What `toolmesh check` says of users, keys, clients, rules, and the way in."""

import json
from pathlib import Path

import pytest

from tests.toolmesh.command import toolmesh
from toolmesh.check import examine
from toolmesh.check_rules import may_fit

BCRYPT = "$2y$10$" + "a" * 53
SHA = "a" * 64
USERS = f"users: [{{username: ada, password_hash: '{BCRYPT}', plan: pro}}]\n"
BACKENDS = "backends: [{name: notes, transport: http, url: 'https://notes.example', class: {find: read}}]\n"
PUBLIC = {"TOOLMESH_ISSUER": "https://mesh.example", "TOOLMESH_TRUSTED_PROXIES": "10.0.0.5"}


def write(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o640)


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("users.yaml", "users:\n  - {username: ada, password_hash: plain}\n", 2),
        ("users.yaml", "users:\n  - {username: ada}\n  - {username: Ada}\n", 3),
        ("apikeys.yaml", "keys:\n  - {user_id: ci}\n", 2),
        ("caller-classes.yaml", "classes:\n  trusted: ['a*b']\n", 2),
        ("clients.yaml", f"clients:\n  - {{client_id: a, client_secret_sha256: {SHA}}}\n", 2),
        ("clients.yaml", "clients:\n  - client_id: a\n    redirect_uris: ['http://agent.example/cb']\n", 3),
        ("clients.yaml", "clients:\n  - {client_id: a, scope: tools:all}\n", 2),
        ("authorization.yaml", "plans:\n  pro: {allow: ['access:raed']}\n", 2),
        ("authorization.yaml", "plans:\n  pro: {deny: ['notes']}\n", 2),
        ("authorization.yaml", "plan:\n  pro: {allow: ['**']}\n", 1),
    ],
)
def test_a_problem_of_each_file_is_an_error_with_its_line(file: str, text: str, line: int, tmp_path: Path) -> None:
    write(tmp_path, {file: text})
    report = examine({}, tmp_path)
    assert [problem for problem in report.errors if problem.startswith(f"{file}:{line}:")], report.errors
    assert "plain" not in str(report.errors)
    assert SHA not in str(report.errors)


@pytest.mark.parametrize(
    ("files", "environment", "expected"),
    [
        ({"users.yaml": USERS}, {}, "lets `ada` use no tool"),
        ({"apikeys.yaml": f"keys: [{{user_id: ci, key_sha256: {SHA}}}]\n"}, {}, "lets `ci` use no tool"),
        ({"authorization.yaml": "plans: {pro: {deny: ['echo_*']}}\n", "users.yaml": USERS}, {}, "lets `ada` use no tool"),
        ({"authorization.yaml": "plans: {pro: {allow: ['noets_find']}}\n"}, {}, "`noets_find`, which fits no backend"),
        ({"authorization.yaml": "roles: {ops: {deny: ['noets_*']}}\n"}, {}, "Did you mean `notes`?"),
        ({"authorization.yaml": "users: {adda: {allow: ['**']}}\n", "users.yaml": USERS}, {}, "Did you mean `ada`?"),
        ({"authorization.yaml": "anonymous: {allow: ['**']}\n"}, {}, "the rule is for nobody"),
        ({"authorization.yaml": "anonymous: {allow: ['**']}\n"}, {"TOOLMESH_AUTH": "none"}, "whoever reaches this edge"),
        ({"clients.yaml": "clients: [{client_id: agent}]\n"}, {}, "`toolmesh client redirect agent URL`"),
        ({"apikeys.yaml": f"keys: [{{user_id: ci, key_hash: '{BCRYPT}'}}]\n"}, {}, "Use key_sha256"),
        ({"users.yaml": USERS.replace("ada", "owner")}, {}, "that entry's password does"),
        ({}, {"TOOLMESH_AUTH_PASSWORD": "short"}, "TOOLMESH_AUTH_PASSWORD has less than 8 characters"),
        ({}, {"TOOLMESH_ISSUER": "https://mesh.example"}, "TOOLMESH_TRUSTED_PROXIES is not set"),
        ({}, {"TOOLMESH_ISSUER": "http://127.0.0.1:8123"}, "need a public https URL"),
        ({}, {**PUBLIC, "TOOLMESH_TRUSTED_PROXIES": "0.0.0.0/0"}, "holds all addresses there are"),
    ],
)
def test_what_may_not_be_meant_is_a_warning(
    files: dict[str, str], environment: dict[str, str], expected: str, tmp_path: Path
) -> None:
    write(tmp_path, {"backends.yaml": BACKENDS, **files})
    report = examine(environment, tmp_path)
    assert report.errors == []
    assert [text for text in report.warnings if expected in text], report.warnings
    assert "short" not in str(report.warnings)


def test_what_is_right_is_not_warned_of(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "backends.yaml": BACKENDS,
            "users.yaml": USERS,
            "apikeys.yaml": f"keys: [{{user_id: ci, key_sha256: {SHA}, plan: pro}}]\n",
            "caller-classes.yaml": "classes: {trusted: ['ci']}\n",
            "clients.yaml": "clients: [{client_id: agent, redirect_uris: ['https://agent.example/cb']}]\n",
            "authorization.yaml": "plans: {pro: {allow: ['**', 'access:read', 'notes_*', 'no*'], deny: ['*_rm']}}\n"
            "users: {ci: {deny: ['notes_find']}, owner: {}}\n",
        },
    )
    report = examine(PUBLIC, tmp_path)
    assert (report.errors, report.warnings) == ([], [])


def test_a_file_of_hashes_that_everybody_can_read_is_warned_of(tmp_path: Path) -> None:
    write(tmp_path, {"users.yaml": USERS})
    (tmp_path / "users.yaml").chmod(0o644)
    assert [text for text in examine({}, tmp_path).warnings if f"chmod o-rwx {tmp_path / 'users.yaml'}" in text]


def test_an_edge_that_would_not_start_is_an_error_and_an_open_one_a_warning(tmp_path: Path) -> None:
    def checked() -> tuple[int, list[str], list[str]]:
        done = toolmesh("check", "--config", str(tmp_path), "--json", TOOLMESH_AUTH="none")
        said = json.loads(done.out)
        assert said["ok"] == (done.code == 0)
        return done.code, said["errors"], said["warnings"]

    code, errors, _ = checked()
    assert code == 1
    assert "anonymous: {allow:" in errors[0]
    write(tmp_path, {"authorization.yaml": "anonymous: {allow: ['echo_*']}\n"})
    code, errors, warnings = checked()
    assert (code, errors) == (0, [])
    assert "without any credential" in warnings[0]


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("**", True),
        ("access:write", True),
        ("notes_find", True),
        ("notes_*", True),
        ("notes*", True),
        ("n?tes_x", True),
        ("my_lab_run", True),
        ("my_l*", True),
        ("*_find", True),
        ("notes", False),
        ("note_*", False),
        ("notesx*", False),
        ("my_lab", False),
        ("Notes_*", False),
        ("github_?", False),
    ],
)
def test_a_pattern_fits_a_backend_or_none(pattern: str, fits: bool) -> None:
    assert may_fit(pattern, ["echo", "notes", "my_lab"]) is fits
