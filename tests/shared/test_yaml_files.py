"""backends.yaml and apikeys.yaml: what is taken, and what a broken one is told."""

from pathlib import Path

import pytest

from shared.configuration import ECHO, BackendEntry
from shared.errors import ConfigurationError
from shared.findings import problems_of
from shared.yaml_files import load_api_keys, load_backends
from shared.yaml_nodes import parse_yaml

SHA = "a" * 64
BCRYPT = "$2y$10$" + "a" * 53


def backends(directory: Path, text: str) -> tuple[BackendEntry, ...]:
    (directory / "backends.yaml").write_text(text, encoding="utf-8")
    return load_backends(directory)


def backend_problems(directory: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        backends(directory, text)
    return problems_of(caught.value)


def key_problems(directory: Path, text: str) -> list[str]:
    (directory / "apikeys.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_api_keys(directory)
    return problems_of(caught.value)


@pytest.mark.parametrize("text", ["", "# nothing\n", "backends:\n", "backends: []\n"])
def test_echo_is_always_there_and_first(tmp_path: Path, text: str) -> None:
    assert load_backends(tmp_path) == (ECHO,)
    assert backends(tmp_path, text) == (ECHO,)


def test_an_entry_in_upstreams_format_is_read_whole(tmp_path: Path) -> None:
    _, notes, lab = backends(
        tmp_path,
        """
backends:
  - { name: notes, transport: http, url: "https://notes.example.net/mcp", api_key_env: NOTES_KEY, expose_tools: [find] }
  - name: wx-lab_2
    transport: rest
    dadl: weather.dadl
    args: [-p, 8080, on]
    tls_skip_verify: true
    options: { timeout: 10s, connections: 3 }
    env: { CREDENTIAL_WX: LAB_WX }
    class: { current: read, set_zone: idempotent }
    group: lab
""",
    )
    assert notes.expose_tools == ("find",)
    assert lab.args == ("-p", "8080", "on")
    assert lab.options.connections == 3
    assert lab.classes == {"current": "read", "set_zone": "idempotent"}
    assert lab.group == "lab"


@pytest.mark.parametrize("transport", ["transport: http, url: 'https://a.example'", "transport: stdio, command: x"])
def test_a_servers_annotations_are_ignored_unless_the_entry_trusts_them(tmp_path: Path, transport: str) -> None:
    text = f"backends:\n  - {{name: a, {transport}}}\n  - {{name: b, {transport}, annotations: trust}}\n"
    _, a, b = backends(tmp_path, text)
    assert (a.annotations, b.annotations) == ("ignore", "trust")


def test_every_problem_of_a_file_is_named_with_its_line_and_the_nearest_name(tmp_path: Path) -> None:
    found = backend_problems(
        tmp_path,
        """backends:
  - name: one
    transport: htp
    urll: https://a.example
  - name: two
    transport: http
    url: https://b.example
    tls_skip_verify: yes
    class: {a: raed}
    options: {conections: 2}
""",
    )
    assert any(p.startswith("backends.yaml:3:") and "`http`" in p for p in found)
    assert any(p.startswith("backends.yaml:4:") and "`url`" in p for p in found)
    assert any(p.startswith("backends.yaml:8:") and "`true` or `false`" in p for p in found)
    assert any(p.startswith("backends.yaml:9:") and "`read`" in p for p in found)
    assert any(p.startswith("backends.yaml:10:") and "`connections`" in p for p in found)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{name: echo, transport: http, url: 'https://a.example'}", "ToolMesh's own"),
        ("{name: Big, transport: http, url: 'https://a.example'}", "lower-case"),
        ("{name: a, transport: http}", "no `url`"),
        ("{name: a, transport: stdio}", "no `command`"),
        ("{name: a, transport: http, url: 'ftp://a.example'}", "http or https"),
        ("{name: a, transport: http, url: 'https://u:hunter2@a.example'}", "api_key_env"),
        ("{name: a, transport: http, url: 'https://a.example', group: edge}", "reserved"),
        ("{name: a, transport: http, url: 'https://a.example', group: A_B}", "lower-case"),
        ("{name: a, transport: http, url: 'https://a.example', options: {timeout: 3x}}", "duration"),
        ("{name: a, transport: http, url: 'https://a.example', env: {X: Y}}", "CREDENTIAL_X"),
        ("{name: a, transport: http, url: 'https://a.example', annotations: true}", "one of `ignore`, `trust`"),
        ("{name: a, transport: http, url: 'https://a.example', annotations: trus}", "Did you mean `trust`"),
        ("{name: a, transport: http, url: 'https://a.example', annotation: trust}", "`annotations`"),
        ("{name: a, transport: rest, dadl: a.dadl, annotations: trust}", "only MCP servers"),
        ("{name: a, transport: stdio, command: x, allow_private_url: false}", "does nothing"),
        ("{name: a, transport: stdio, command: x, private_hosts: [b.example]}", "does nothing"),
        ("{name: a, transport: http, url: 'https://10.0.0.7', allow_private_url: false}", "a private address"),
        ("{name: a, transport: http, url: 'https://[::ffff:8.8.8.8]', allow_private_url: false}", "a private address"),
        ("{name: a, transport: http, url: 'https://localhost', allow_private_url: false}", "a private address"),
        ("{name: a, transport: http, url: 'http://127.1:8080'}", "in different ways"),
        ("{name: a, transport: http, url: 'http://0x7f000001'}", "in different ways"),
        ("{name: a, transport: http, url: 'https://a.example', private_hosts: ['a.example/']}", "no network"),
        ("{name: a, transport: http, url: 'https://a.example', private_hosts: [10.0.0.7/8]}", "write `10.0.0.0/8`"),
        ("{name: a, transport: http, url: 'https://a.example', private_hosts: ['b:0']}", "names no port"),
        ("{name: a, transport: http, url: 'https://a.example', private_hosts: ['127.1']}", "neither a host"),
        (
            "{name: a, transport: http, url: 'https://a.example', file_url_allowed_hosts: [b.example]}",
            "for transport `rest`",
        ),
        ("{name: a, transport: stdio, command: x, allow_private_file_url: true}", "for transport `rest`"),
        ("{name: a, transport: rest, dadl: a.dadl, file_url_allowed_hosts: ['https://b.example']}", "neither a host"),
        ("{name: a, transport: rest, dadl: a.dadl, file_url_allowed_hosts: ['b.*.example']}", "neither a host"),
        ("{name: a, transport: rest, dadl: a.dadl, credential_hosts: ['b.example/x']}", "without a scheme or path"),
        ("{name: a, transport: rest, dadl: a.dadl, credential_hosts: ['*']}", "neither a host"),
        ("{name: a, transport: http, url: 'https://a.example', aliases: [x]}", "mapping"),
        ("{name: a, transport: http, url: 'https://a.example', aliases: {x: [y]}}", "`x`"),
        ("{name: a, transport: http, url: 'https://a.example', aliases: {'x y': z}}", "old_name: new_name"),
        ("{name: a, transport: http, url: 'https://a.example', aliases: {x: ''}}", "old_name: new_name"),
        ("{name: a, transport: http, url: 'https://a.example', aliases: {x: x}}", "an old name itself"),
        ("{name: a, transport: http, url: 'https://a.example', aliases: {x: y, y: z}}", "an old name itself"),
        ("{name: a, transport: echo}", "always there"),
        ("{transport: http}", "no `name`"),
        ("just text", "mapping"),
    ],
)
def test_an_entry_that_can_not_work_is_refused_with_advice(tmp_path: Path, line: str, expected: str) -> None:
    found = backend_problems(tmp_path, f"backends:\n  - {line}\n")
    assert any(p.startswith("backends.yaml:2:") and expected in p for p in found)
    assert "hunter2" not in "".join(found)


def test_two_backends_of_one_name_are_refused(tmp_path: Path) -> None:
    entry = "  - {name: a, transport: http, url: 'https://a.example'}\n"
    assert "second backend" in backend_problems(tmp_path, "backends:\n" + entry * 2)[0]


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        load_backends(tmp_path, tmp_path / "other.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "not YAML"),
        ("a: 1\na: 2", "f.yaml:2: `a` is written twice"),
        ("\ta: 1", "not YAML"),
        ("a: *x", "refers to no anchor"),
        ("a: &x {b: *x}", "refers to no anchor"),
        ("a: !!python/object:os.system x", "tag"),
        ("[" * 70, "nested deeper"),
        ("---\na: 1\n---\nb: 2", "second document"),
        ("? [a]\n: 1", "key that is a list"),
        ("a: \x01", "control character"),
        (
            "a: &a [1,1]\n"
            + "".join(f"{n}: &{n} [{','.join(['*' + m] * 9)}]\n" for m, n in zip("abcdef", "bcdefg", strict=True)),
            "alias",
        ),
    ],
)
def test_yaml_that_is_broken_or_hostile_is_refused_with_its_line(text: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_yaml(text, "f.yaml")
    assert caught.value.detail.startswith("f.yaml:")
    assert expected in caught.value.detail


def test_a_file_over_a_mebibyte_is_refused(tmp_path: Path) -> None:
    assert "larger than" in backend_problems(tmp_path, "#" * (1024 * 1024 + 1))[0]


def test_keys_of_both_kinds_are_read_and_the_hex_is_made_lower_case(tmp_path: Path) -> None:
    (tmp_path / "apikeys.yaml").write_text(
        f"keys:\n  - {{user_id: a, key_sha256: {SHA.upper()}, roles: [x]}}\n  - {{user_id: b, key_hash: '{BCRYPT}'}}\n"
    )
    first, second = load_api_keys(tmp_path)
    assert (first.key_sha256, first.roles) == (SHA, ("x",))
    assert second.key_hash == BCRYPT


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{user_id: a}", "exactly one"),
        (f"{{user_id: a, key_sha256: {SHA}, key_hash: '{BCRYPT}'}}", "exactly one"),
        ("{user_id: a, key_sha256: tmk_hunter2}", "64 hex digits"),
        ("{user_id: a, key_hash: tmk_hunter2}", "bcrypt"),
        ("tmk_hunter2", "mapping"),
        (f"{{key_sha256: {SHA}}}", "no `user_id`"),
        (f"{{user_id: a, key_sha: {SHA}}}", "`key_sha256`"),
    ],
)
def test_a_wrong_key_entry_is_refused_and_no_value_is_shown(tmp_path: Path, line: str, expected: str) -> None:
    found = key_problems(tmp_path, f"keys:\n  - {line}\n")
    assert any(p.startswith("apikeys.yaml:2:") and expected in p for p in found)
    assert "hunter2" not in "".join(found)
    assert SHA not in "".join(found)


def test_the_same_key_twice_is_refused(tmp_path: Path) -> None:
    entry = f"  - {{user_id: a, key_sha256: {SHA}}}\n"
    assert "same key" in key_problems(tmp_path, "keys:\n" + entry * 2)[0]
