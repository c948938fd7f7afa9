"""The services of compose.yaml, run: two edges, four workers of three groups, and a broker that gives each only its own."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis

from shared.environment import load_settings
from tests.client import Client
from tests.deploy.compose import Compose
from tests.e2e.upstream import Upstream
from tests.mesh import ROOT, wait_until
from tests.oauth.person import Person, register
from workers.children.opened import open_children
from workers.children.transforms import Transforms

EXPECTED_DENIALS = {"function|load", "client|setinfo"}
"""What roles try and do without: loading the functions themselves, and telling the name of their client library."""


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    running = Upstream(tmp_path_factory.mktemp("upstream"))
    yield running
    running.process.kill()


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory, upstream: Upstream) -> Iterator[Compose]:
    directory = tmp_path_factory.mktemp("compose")
    config = directory / "config"
    config.mkdir()
    inside = (
        upstream.entry("inside")
        + "    group: internal\n    api_key_env: INSIDE\n    include_tools: [echo, slow_progress]\n"
    )
    desk = "  - {name: desk, transport: rest, dadl: desk.dadl, include_tools: [get_ticket]}\n"
    (config / "backends.yaml").write_text("backends:\n" + upstream.entry("up") + inside + desk)
    shutil.copytree(ROOT / "config" / "dadl", config / "dadl")
    (directory / "secrets").mkdir()
    (directory / "secrets" / "worker-internal.env").write_text("CREDENTIAL_INSIDE=the-inner-secret\n")
    running = Compose(directory, config)
    try:
        running.up(secrets=1, valkey=1, init=1, sandbox=1, demo=1, edge=2, worker=2, worker_internal=1, worker_code=1)
        yield running
    finally:
        running.down()


def owner_key(compose: Compose) -> str:
    """What the operator reads in the log of `secrets`."""
    shown = re.search(r"API key\s+(\S+)", compose.containers["secrets"][0].process.output())
    assert shown is not None
    return shown[1]


@pytest.fixture(scope="module")
def edges(compose: Compose) -> Iterator[list[Client]]:
    clients = [Client(f"http://127.0.0.1:{c.port}", owner_key(compose)) for c in compose.containers["edge"]]
    for client in clients:
        wait_until(lambda c=client: {"up_echo", "inside_echo", "echo_add"} <= set(c.tool_names()), "all tools are listed")
    yield clients
    for client in clients:
        client.close()


def admin(compose: Compose) -> "redis.Redis":
    """The broker as its administrator sees it."""
    url = (compose.directory / "volumes" / "secrets" / "init" / "redis_url").read_text().strip()
    return redis.Redis.from_url(url.replace("valkey:6379", f"127.0.0.1:{compose.broker_port}"))


def test_tools_of_every_group_are_called_through_both_edges(edges: list[Client]) -> None:
    for number, edge in enumerate(edges):
        assert edge.text("echo_add", {"a": number, "b": 40}) == str(number + 40)
        assert edge.text("up_echo", {"message": f"default {number}"}) == f"default {number}"
        assert edge.text("inside_echo", {"message": f"internal {number}"}) == f"internal {number}"
        assert "The camera at the gate is dark" in edge.text("desk_get_ticket", {"id": 201})
        assert edge.text("up_slow_progress", {"steps": 2, "step_ms": 5}) == "2 steps"


def owner_password(compose: Compose) -> str:
    """What the operator reads beside the key."""
    shown = re.search(r"password\s+(\S+)", compose.containers["secrets"][0].process.output())
    assert shown is not None
    return shown[1]


def test_the_owner_logs_in_with_the_password_that_was_shown_and_only_an_edge_has_the_hash(
    compose: Compose, edges: list[Client]
) -> None:
    agent = register(edges[0].url)
    agent.resource = f"{compose.file['services']['edge']['environment']['TOOLMESH_ISSUER']}/mcp"
    person = Person(edges[0].url)
    try:
        tokens = agent.exchange(agent.code(person, "owner", owner_password(compose)), edges[1].url).json()
    finally:
        person.close()
    for edge in edges:
        bearer = Client(edge.url, tokens["access_token"])
        assert bearer.text("inside_echo", {"message": "logged in"}) == "logged in"
        bearer.close()
    again = agent.refresh(tokens["refresh_token"], edges[0].url)
    assert again.status_code == 200, again.text
    stored = (compose.directory / "volumes" / "secrets" / "edge" / "owner_password_hash").read_text().strip()
    holders = {name for name, each in compose.containers.items() if stored in each[0].reachable_text()}
    assert holders - {"secrets"} == {"edge"}


def test_no_role_was_denied_what_it_needs(compose: Compose, edges: list[Client]) -> None:
    with edges[0].stream("inside_slow_progress", {"steps": 2, "step_ms": 5}, progressToken="p") as answer:
        assert "step 2 of 2" in "".join(answer.iter_text())
    with admin(compose) as broker:
        denied = {(entry["username"], entry["object"], entry["context"]) for entry in broker.acl_log()}
    assert {what for _, what, _ in denied} <= EXPECTED_DENIALS, denied


def test_a_service_can_read_no_other_groups_key_or_credential(compose: Compose, edges: list[Client]) -> None:
    held = {name: "\n".join(c.reachable_text() for c in cs) for name, cs in compose.containers.items() if name != "secrets"}
    keys = dict(
        entry.split(":", 1)
        for entry in (compose.directory / "volumes" / "secrets" / "edge" / "mesh_keys").read_text().split()
    )
    assert keys.keys() == {"edge", "default", "internal", "code"}
    who_holds = {group: {name for name, text in held.items() if key in text} for group, key in keys.items()}
    assert who_holds == {
        "edge": {"edge"},
        "default": {"edge", "worker"},
        "internal": {"edge", "worker-internal"},
        "code": {"edge", "worker-code"},
    }
    passwords = {name: set(re.findall(r"redis://([\w-]+):", text)) for name, text in held.items()}
    assert passwords == {
        "valkey": set(),
        "init": {"init"},
        "edge": {"edge"},
        "worker": {"worker-default"},
        "worker-internal": {"worker-internal"},
        "sandbox": set(),
        "worker-code": {"worker-code"},
        "demo": set(),
    }
    assert {name for name, text in held.items() if "the-inner-secret" in text} == {"worker-internal"}
    for name, containers in compose.containers.items():
        for container in containers[: 0 if name == "secrets" else None]:
            environment = Path(f"/proc/{container.process.pid}/environ").read_bytes()
            assert not any(key.encode() in environment for key in keys.values()), name
            assert re.search(rb"://[\w-]+:[^@]+@", environment) is None, "a password of the broker in the environment"


def test_what_a_worker_is_told_of_the_sandbox_leads_to_children(compose: Compose) -> None:
    sandbox = compose.containers["sandbox"][0]
    assert sandbox.environment.keys() & {"REDIS_URL_FILE", "TOOLMESH_MESH_KEYS"} == set()
    told = load_settings(compose.containers["worker"][0].environment)
    assert told.sandbox is not None

    async def check() -> bytes:
        transforms = Transforms(open_children(told), msgspec.structs.replace(told, transform_timeout_s=5.0))
        return await transforms.run(".a + 1, env", b'{"a": 1}', "ada")

    assert asyncio.run(check()) == b"[2,{}]"
    assert sandbox.is_healthy()


def test_workers_are_scaled_up_and_down_without_a_lost_call(compose: Compose, edges: list[Client]) -> None:
    workers = compose.containers["worker"]
    compose.start("worker")
    wait_until(workers[-1].is_healthy, "the further worker is healthy")
    for number, gone in enumerate(workers[:2]):
        assert gone.process.stop() == 0
        assert edges[number].text("up_echo", {"message": "still there"}) == "still there"
    del workers[:2]
    assert edges[0].text("inside_echo", {"message": "not touched"}) == "not touched"


def test_a_worker_that_is_out_of_touch_with_the_broker_is_unhealthy(compose: Compose, edges: list[Client]) -> None:
    health = compose.directory / "tmpfs" / compose.containers["worker-internal"][0].name / "health"
    assert health.exists()
    worker = compose.containers["worker-internal"][0]
    assert worker.is_healthy()
    worker.process.send(signal.SIGSTOP)
    try:
        os.utime(health, (0, 0))
        assert not worker.is_healthy()
    finally:
        worker.process.send(signal.SIGCONT)
    wait_until(worker.is_healthy, "it is healthy again")


def test_the_mesh_comes_back_after_the_broker_lost_everything(compose: Compose, edges: list[Client]) -> None:
    broker = compose.containers["valkey"][0]
    broker.process.kill()
    for file in broker.directories["/data"].rglob("*"):
        if file.is_file():
            file.unlink()
    compose.containers["valkey"].clear()
    compose.start("valkey")
    for edge in edges:
        wait_until(edge.is_ready, "the edge is ready again")
        wait_until(lambda e=edge: e.succeeds("inside_echo", {"message": "again"}), "calls are answered again")
    with admin(compose) as client:
        assert {entry["object"] for entry in client.acl_log()} <= EXPECTED_DENIALS
