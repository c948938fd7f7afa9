"""users.yaml, clients.yaml and caller-classes.yaml: what is taken, and what a broken one is told without a value shown."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.caller_classes_file import load_caller_classes
from shared.clients_file import load_clients
from shared.errors import ConfigurationError
from shared.findings import problems_of
from shared.users_file import load_users

SHA = "a" * 64
BCRYPT = "$2y$10$" + "a" * 53
ARGON2 = "$argon2id$v=19$m=19456,t=2,p=1$" + "A" * 22 + "$" + "A" * 43
LOADERS: dict[str, Callable[[Path], object]] = {
    "users.yaml": load_users,
    "clients.yaml": load_clients,
    "caller-classes.yaml": load_caller_classes,
}


def told(directory: Path, file: str, text: str) -> list[str]:
    """The problems of a file."""
    (directory / file).write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        LOADERS[file](directory)
    return problems_of(caught.value)


def test_users_in_upstreams_format_are_read_whole(tmp_path: Path) -> None:
    (tmp_path / "users.yaml").write_text(
        f"users:\n  - {{username: ada, password_hash: '{BCRYPT}', company: acme, plan: pro, roles: [ops]}}\n"
        f"  - {{username: 'bob b', password_hash: '{ARGON2}', disabled: true}}\n  - {{username: no-password}}\n"
    )
    ada, bob, other = load_users(tmp_path)
    assert (ada.password_hash, ada.company, ada.plan, ada.roles, ada.disabled) == (BCRYPT, "acme", "pro", ("ops",), False)
    assert (bob.username, bob.company, bob.plan, bob.roles, bob.disabled) == ("bob b", "default", "free", (), True)
    assert other.password_hash is None


def test_a_client_needs_no_redirect_uri_yet(tmp_path: Path) -> None:
    (tmp_path / "clients.yaml").write_text(
        "clients:\n  - client_id: chatgpt\n    token_endpoint_auth_method: client_secret_basic\n"
        f"    client_secret_sha256: {SHA}\n"
        "  - {client_id: cli, redirect_uris: ['http://127.0.0.1/cb', 'com.example.app:/cb']}\n"
    )
    chatgpt, cli = load_clients(tmp_path)
    assert (chatgpt.redirect_uris, chatgpt.client_secret_sha256) == ((), SHA)
    assert (cli.token_endpoint_auth_method, len(cli.redirect_uris)) == ("none", 2)


@pytest.mark.parametrize("file", LOADERS)
def test_a_file_that_is_missing_says_nothing(file: str, tmp_path: Path) -> None:
    assert not LOADERS[file](tmp_path)


@pytest.mark.parametrize(
    ("file", "line", "expected"),
    [
        ("users.yaml", "{password_hash: hunter2}", "no `username`"),
        ("users.yaml", "{username: ''}", "is empty"),
        ("users.yaml", r'{username: "a\tb"}', "can't be seen"),
        ("users.yaml", "{username: ' a'}", "begins or ends with a space"),
        ("users.yaml", f"{{username: {'a' * 129}}}", "more than 128"),
        ("users.yaml", "{username: a, password_hash: hunter2}", "`toolmesh user passwd` writes one"),
        ("users.yaml", f"{{username: a, password_hash: '{BCRYPT.replace('10', '16')}'}}", "of a cost up to 15"),
        ("users.yaml", f"{{username: a, password_hash: '{ARGON2.replace('19456', '999999')}'}}", "neither a bcrypt hash"),
        ("users.yaml", "{username: a, password: hunter2}", "`password_hash`"),
        ("users.yaml", "{username: a, disabled: hunter2}", "`true` or `false`"),
        ("users.yaml", "{username: a, roles: hunter2}", "a list"),
        ("users.yaml", "hunter2", "mapping"),
        ("clients.yaml", "{client_name: a}", "no `client_id`"),
        ("clients.yaml", "{client_id: 'a b'}", "use 1 to 128 letters"),
        ("clients.yaml", "{client_id: 'https://agent.example/c.json'}", "use 1 to 128 letters"),
        ("clients.yaml", "{client_id: a, redirect_uris: ['http://agent.example/']}", "loopback address"),
        ("clients.yaml", "{client_id: a, redirect_uris: ['cursor://x/cb']}", "one that the operator allows"),
        ("clients.yaml", f"{{client_id: a, client_secret_sha256: {SHA}}}", "`none` is for a client without a secret"),
        ("clients.yaml", "{client_id: a, token_endpoint_auth_method: client_secret_post}", "need `client_secret_sha256`"),
        (
            "clients.yaml",
            "{client_id: a, token_endpoint_auth_method: client_secret_post, client_secret_sha256: hunter2}",
            "not 64 hex digits",
        ),
        ("clients.yaml", "{client_id: a, client_secret: hunter2}", "`client_secret_sha256`"),
        ("clients.yaml", "{client_id: a, token_endpoint_auth_method: private_key_jwt}", "one of `none`"),
        ("clients.yaml", "{client_id: a, scope: tools:all}", "is not a scope"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_line_and_no_value_is_shown(
    file: str, line: str, expected: str, tmp_path: Path
) -> None:
    found = told(tmp_path, file, f"{file.removesuffix('.yaml')}:\n  - {line}\n")
    assert [each for each in found if each.startswith(f"{file}:2:") and expected in each], found
    assert "hunter2" not in str(found)
    assert SHA not in str(found)


@pytest.mark.parametrize(
    ("file", "first", "second", "expected"),
    [
        ("users.yaml", "{username: ada}", "{username: ada}", "a second user is called `ada`"),
        ("users.yaml", "{username: ada}", "{username: ADA}", "looks like the user `ada`"),
        ("users.yaml", r'{username: "\u00e9"}', r'{username: "e\u0301"}', "looks like the user"),
        ("clients.yaml", "{client_id: a}", "{client_id: a}", "has the same id"),
    ],
)
def test_two_that_can_be_taken_for_one_are_refused(
    file: str, first: str, second: str, expected: str, tmp_path: Path
) -> None:
    found = told(tmp_path, file, f"{file.removesuffix('.yaml')}:\n  - {first}\n  - {second}\n")
    assert [each for each in found if each.startswith(f"{file}:3:") and expected in each], found


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("classes:\n  trusted: [a, 'b*c']\n", 2, "is no pattern"),
        ("classes:\n  trusted: ['']\n", 2, "is no pattern"),
        ("classes:\n  trusted: [a]\n  untrusted: [a]\n", 3, "also stands in the class `trusted`"),
        ("classes:\n  trusted: a\n", 2, "must be a list"),
        ("classes: [a]\n", 1, "must be a mapping"),
        ("class: {}\n", 1, "Did you mean `classes`?"),
        ("classes:\n  trusted: [[a]]\n", 2, "no pattern"),
    ],
)
def test_caller_classes_that_could_be_read_in_two_ways_are_refused(
    text: str, line: int, expected: str, tmp_path: Path
) -> None:
    found = told(tmp_path, "caller-classes.yaml", text)
    assert [each for each in found if each.startswith(f"caller-classes.yaml:{line}:") and expected in each], found
