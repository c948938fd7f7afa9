"""Who may come in, at the start of a role: nobody at all stops it, anybody at all is allowed only by a rule, and said."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.identities.passwords import hash_password
from shared.errors import ConfigurationError
from tests.client import Client
from tests.mesh import Mesh, Process, free_port, mesh_keys, wait_until
from tests.prepared_start import run_toolmesh
from toolmesh.configured import load_configuration
from toolmesh.edge import require_authentication

OPEN = "TOOLMESH_AUTH is none: whoever reaches this edge may call"
RULE = "anonymous: {allow: ['echo_add']}\n"
HASH = hash_password("correct horse battery staple")
USER = f"users: [{{username: ada, password_hash: '{HASH}'}}]\n"
SERVER = "servers: [{issuer: 'https://one.example', allow: {everyone: true}}]\n"
KEY = "keys: [{user_id: ci, key_sha256: " + "a" * 64 + "}]\n"


def start(directory: Path, role: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A role that should refuse."""
    data = ("--data", str(directory / "data")) if role == "up" else ()
    where = ("--config", str(directory), "--port", str(free_port()))
    return run_toolmesh(role, *where, *data, environment=environment)


@pytest.mark.parametrize(
    ("role", "files", "environment", "named"),
    [
        ("edge", {}, {}, ("TOOLMESH_API_KEY", "TOOLMESH_AUTH_PASSWORD", "toolmesh key new", "toolmesh user add")),
        ("edge", {"users.yaml": USER.replace("}", ", disabled: true}")}, {}, ("TOOLMESH_API_KEY", "toolmesh user add")),
        ("edge", {"users.yaml": USER}, {"TOOLMESH_AUTH": "none"}, ("TOOLMESH_AUTH is none", "anonymous: {allow:")),
        ("edge", {"authorization.yaml": "plans: {free: {}}\n"}, {"TOOLMESH_AUTH": "none"}, ("authorization.yaml",)),
        ("up", {}, {"TOOLMESH_AUTH": "none"}, ("TOOLMESH_AUTH is none", "anonymous: {allow:")),
        ("edge", {}, {"TOOLMESH_AUTH": "off"}, ("TOOLMESH_AUTH", "required, none")),
        (
            "edge",
            {"users.yaml": USER},
            {"TOOLMESH_OWN_AUTHORIZATION_SERVER": "off"},
            ("TOOLMESH_API_KEY", "authorization-servers.yaml"),
        ),
    ],
)
def test_a_role_that_nobody_or_anybody_could_come_in_at_refuses_to_start_and_says_what_to_set(
    role: str, files: dict[str, str], environment: dict[str, str], named: tuple[str, ...], tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = start(tmp_path, role, TOOLMESH_MESH_KEYS=mesh_keys(), **environment)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    for words in named:
        assert words in done.stderr


@pytest.mark.parametrize(
    ("files", "environment"),
    [
        ({}, {"TOOLMESH_API_KEY": "an-owner-key-of-a-test"}),
        ({}, {"TOOLMESH_OWNER_KEY_SHA256": "a" * 64}),
        ({}, {"TOOLMESH_AUTH_PASSWORD": "the owner's own password"}),
        ({}, {"TOOLMESH_OWNER_PASSWORD_HASH": HASH}),
        ({"apikeys.yaml": KEY}, {}),
        ({"users.yaml": USER}, {}),
        ({"authorization.yaml": RULE}, {"TOOLMESH_AUTH": "none"}),
        ({"authorization-servers.yaml": SERVER}, {}),
        ({"authorization-servers.yaml": SERVER}, {"TOOLMESH_OWN_AUTHORIZATION_SERVER": "off"}),
    ],
)
def test_anyone_who_may_come_in_is_enough(files: dict[str, str], environment: dict[str, str], tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    require_authentication(load_configuration(tmp_path, environment))


def test_with_a_rule_for_anybody_an_edge_starts_says_so_and_lets_nothing_else_be_used(tmp_path: Path) -> None:
    running = Mesh(tmp_path)
    try:
        (running.config / "authorization.yaml").write_text(RULE)
        running.start_edge(TOOLMESH_AUTH="none")
        process, url = running.edges[0]
        assert OPEN in process.output()
        running.start_worker()
        assert OPEN not in running.workers[0].output(), "it is the edge's door"
        stranger = Client(url, "")
        running.clients.append(stranger)

        def listed() -> list[str]:
            headers = {n: v for n, v in stranger.headers("tools/list").items() if n != "Authorization"}
            answer = stranger.post(stranger.body("tools/list"), headers)
            assert answer.status_code == 200, answer.text
            return [tool["name"] for tool in answer.json()["result"]["tools"]]

        wait_until(lambda: "echo_add" in listed(), "the tool of the rule is listed")
        assert {name for name in listed() if name.startswith("echo_")} == {"echo_add"}
        wrong = stranger.post(stranger.body("tools/list"), {**stranger.headers("tools/list"), "Authorization": "Bearer no"})
        assert wrong.status_code == 401
    finally:
        running.close()


def test_up_says_that_the_door_is_open_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "authorization.yaml").write_text(RULE)
    inherited = {n: v for n, v in os.environ.items() if not n.startswith(("TOOLMESH_", "REDIS_", "CREDENTIAL_"))}
    command = [sys.executable, "-m", "toolmesh", "up", "--config", str(tmp_path), "--port", str(free_port())]
    process = Process(
        [*command, "--data", str(tmp_path / "data")], tmp_path / "up.log", {**inherited, "TOOLMESH_AUTH": "none"}
    )
    try:
        wait_until(lambda: "Starting a broker" in process.output() or not process.running, "it starts")
        said = process.output()
        assert said.index(f"warning: {OPEN}") < said.index("Starting a broker")
        assert process.stop() == 0
    finally:
        process.kill()


def test_a_worker_need_not_be_able_to_read_who_may_come_in(tmp_path: Path) -> None:
    for name in ("users.yaml", "apikeys.yaml", "clients.yaml", "caller-classes.yaml"):
        (tmp_path / name).write_text("not: [for workers")
    configured = load_configuration(tmp_path, {"TOOLMESH_AUTH": "none"}, door=False)
    assert (configured.users, configured.keys, configured.warnings) == ((), (), ())
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(tmp_path, {})
    for name in ("users.yaml", "apikeys.yaml", "clients.yaml", "caller-classes.yaml"):
        assert f"{name}:" in caught.value.detail
