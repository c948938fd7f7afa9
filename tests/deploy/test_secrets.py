"""`toolmesh secrets` and `toolmesh init`: what is made, what stays, and what is said."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from edge.identities.passwords import verify
from shared import keys
from shared.api_keys import digest
from shared.errors import ConfigurationError
from shared.functions import function_name
from shared.mesh_keys import parse_key_ring
from shared.settings import Secret, Settings
from tests.mesh import ROOT, Broker, Process, wait_until
from toolmesh.mesh_keys_file import MeshKeysFiles
from toolmesh.owner import Owner
from toolmesh.plan import Plan
from toolmesh.prepared_broker import read_users
from toolmesh.secret_files import Made, prepare_secrets

BROKER = "redis://broker.example:6379/0"


def contents(directory: Path) -> dict[str, str]:
    return {str(p.relative_to(directory)): p.read_text() for p in directory.rglob("*") if p.is_file()}


def environment(**more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **more}


def test_what_was_made_stays_and_what_is_missing_is_added(tmp_path: Path) -> None:
    made = prepare_secrets(tmp_path, ["default"], BROKER, None)
    first = contents(tmp_path)
    assert made.api_key is not None
    assert made.password is not None
    assert made.api_key not in "".join(first.values())
    assert made.password not in "".join(first.values())
    assert first["edge/owner_key_sha256"].strip() == digest(made.api_key)
    assert first["edge/owner_password_hash"].startswith("$argon2id$")
    assert verify(first["edge/owner_password_hash"].strip(), made.password)
    assert prepare_secrets(tmp_path, ["default"], BROKER, None) == Made(api_key=None, password=None)
    assert contents(tmp_path) == first
    prepare_secrets(tmp_path, ["lab"], BROKER, None)
    then = contents(tmp_path)
    assert then.keys() - first.keys() == {"worker-lab/mesh_keys", "worker-lab/redis_url"}
    changed = {name for name, text in first.items() if then[name] != text}
    assert changed == {"broker/users.acl", "edge/mesh_keys"}
    assert then["edge/mesh_keys"].startswith(first["edge/mesh_keys"])


def test_a_broker_that_moved_keeps_its_passwords(tmp_path: Path) -> None:
    prepare_secrets(tmp_path, [], BROKER, None)
    before = contents(tmp_path)
    prepare_secrets(tmp_path, [], "rediss://other.example:6380/0?ssl_ca_certs=/etc/ca.pem", None)
    after = contents(tmp_path)
    password = before["edge/redis_url"].partition("edge:")[2].partition("@")[0]
    assert after["edge/redis_url"] == f"rediss://edge:{password}@other.example:6380/0?ssl_ca_certs=/etc/ca.pem\n"
    assert after["broker/users.acl"] == before["broker/users.acl"]


def test_each_audience_reads_its_own_and_the_brokers_file_holds_no_password(tmp_path: Path) -> None:
    prepare_secrets(tmp_path, ["lab"], BROKER, None)
    made = contents(tmp_path)
    assert parse_key_ring(made["edge/mesh_keys"]).groups == {"edge", "default", "code", "lab"}
    assert parse_key_ring(made["worker-lab/mesh_keys"]).groups == {"lab"}
    assert parse_key_ring(made["worker-default/mesh_keys"]).groups == {"default"}
    passwords = re.findall(r"redis://[a-z-]+:([^@]+)@", "".join(made.values()))
    assert len(set(passwords)) == 5
    assert not any(password in made["broker/users.acl"] for password in passwords)
    for path in tmp_path.rglob("*"):
        others = stat.S_IMODE(path.stat().st_mode) & 0o077
        assert bool(others) == ("broker" in path.parts or "postgres" in path.parts), path


def test_a_key_that_the_owner_has_set_takes_the_place_of_one_that_was_made(tmp_path: Path) -> None:
    prepare_secrets(tmp_path, [], BROKER, None)
    assert prepare_secrets(tmp_path, [], BROKER, Secret("an-own-key-of-the-owner")).api_key is None
    assert (tmp_path / "edge" / "owner_key_sha256").read_text().strip() == digest("an-own-key-of-the-owner")


def test_a_password_that_the_owner_has_set_takes_the_place_of_one_that_was_made_and_is_hashed_once(tmp_path: Path) -> None:
    file = tmp_path / "edge" / "owner_password_hash"
    made = prepare_secrets(tmp_path, [], BROKER)
    assert prepare_secrets(tmp_path, [], BROKER, None, Secret("chosen by the owner")) == Made(api_key=None, password=None)
    first = file.read_text()
    assert verify(first.strip(), "chosen by the owner")
    assert made.password is not None
    assert not verify(first.strip(), made.password)
    prepare_secrets(tmp_path, [], BROKER, None, Secret("chosen by the owner"))
    assert file.read_text() == first, "a hash that fits is left alone, so that edges need no restart"
    assert [path for path in contents(tmp_path) if "owner" in path and not path.startswith("edge/")] == []


def test_secrets_shows_the_owners_name_and_credentials_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "toolmesh", "secrets", str(tmp_path / "secrets"), "--config", str(tmp_path)]

    def said(**more: str) -> str:
        done = subprocess.run(
            command, env=environment(**more), capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path
        )
        return done.stdout

    first = said(TOOLMESH_AUTH_USER="ada")
    password = re.search(r"^  password +(\S+)", first, re.MULTILINE)
    assert re.search(r"^  owner +ada$", first, re.MULTILINE)
    assert re.search(r"^  API key +tmk_", first, re.MULTILINE)
    assert password is not None
    assert password[1] not in "".join(contents(tmp_path).values())
    again = said()
    assert "password is the one made earlier" in again
    assert "key is the one made earlier" in again
    assert "Made for you" not in again
    given = said(TOOLMESH_AUTH_PASSWORD="chosen by the owner", TOOLMESH_API_KEY="an-own-key-of-the-owner")
    assert "TOOLMESH_AUTH_PASSWORD" in given
    assert "TOOLMESH_API_KEY" in given
    assert "chosen by the owner" not in given
    assert "an-own-key" not in given


@pytest.mark.parametrize("group", ["edge", "Lab", "a*", "a b", "a:b", "", "-a"])
def test_a_group_whose_name_would_reach_further_is_refused(group: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="worker group"):
        prepare_secrets(tmp_path, [group], BROKER, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("broker", ["redis://user:secret@host/0", "http://host", "valkey:6379", "redis://"])
def test_a_broker_that_is_no_address_is_refused_without_showing_its_secret(broker: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--broker") as caught:
        prepare_secrets(tmp_path, [], broker, None)
    assert "secret" not in caught.value.detail.replace("toolmesh secrets", "")


@pytest.mark.parametrize("text", ["usr edge on", "user", "\x00\xff"])
def test_a_users_file_that_is_none_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "users.acl").write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"users\.acl"):
        read_users(tmp_path / "users.acl")


def test_the_default_user_is_left_to_the_operator(tmp_path: Path) -> None:
    prepare_secrets(tmp_path, [], BROKER, None)
    assert (tmp_path / "broker" / "users.acl").read_text().startswith("user default off\n")
    users = {"health", "init", "edge", "worker-default", "worker-code"}
    assert read_users(tmp_path / "broker" / "users.acl").keys() == users


def test_under_up_a_brokers_url_from_a_file_is_handed_to_the_roles_as_itself() -> None:
    plan = Plan(
        settings=Settings(),
        entries=(),
        mesh_keys=MeshKeysFiles(edge="e", workers="w"),
        owner=Owner(api_key=None, password=None, key_sha256=None),
        workers=1,
        environment={"REDIS_URL_FILE": "/run/url"},
    )
    for given in (plan.edge_environment("redis://host/0"), plan.worker_environment("redis://host/0")):
        assert given["REDIS_URL"] == "redis://host/0"
        assert "REDIS_URL_FILE" not in given


def test_under_up_only_the_edge_is_given_what_lets_somebody_in() -> None:
    door = {
        "AUTH_REDIS_URL": "redis://log-ins/0",
        "TOOLMESH_API_KEY": "an-own-key-of-the-owner",
        "TOOLMESH_AUTH_PASSWORD_FILE": "/run/password",
        "TOOLMESH_OWNER_KEY_SHA256": "a" * 64,
        "TOOLMESH_OWNER_PASSWORD_HASH_FILE": "/run/hash",
    }
    plan = Plan(
        settings=Settings(),
        entries=(),
        mesh_keys=MeshKeysFiles(edge="e", workers="w"),
        owner=Owner(api_key=None, password="p", key_sha256="b" * 64, password_hash="$argon2id$"),
        workers=1,
        environment={**door, "CREDENTIAL_NOTES": "n"},
    )
    edge, worker = plan.edge_environment("redis://host/0"), plan.worker_environment("redis://host/0")
    assert edge["TOOLMESH_OWNER_PASSWORD_HASH"] == "$argon2id$"
    assert edge.keys() >= door.keys()
    assert "CREDENTIAL_NOTES" not in edge
    assert worker.keys() == {"CREDENTIAL_NOTES", "REDIS_URL", "TOOLMESH_MESH_KEYS", "TOOLMESH_DRAIN_S", "TOOLMESH_PORT"}


def test_init_says_when_the_user_is_no_administrator(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    try:
        with broker.client() as client:
            client.execute_command("ACL", "SETUSER", "weak", "on", ">pw-of-weak", "+ping")
        url = f"redis://weak:pw-of-weak@127.0.0.1:{broker.port}/0"
        command = [sys.executable, "-m", "toolmesh", "init", "--once"]
        done = subprocess.run(
            command, env=environment(REDIS_URL=url), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 2
        assert "administrator" in done.stderr
        assert "pw-of-weak" not in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        broker.process.kill()


def test_init_stays_and_gives_back_what_the_broker_has_lost(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    secrets = tmp_path / "secrets"
    prepare_secrets(secrets, [], f"redis://127.0.0.1:{broker.port}/0", None)
    command = [sys.executable, "-m", "toolmesh", "init", "--users", str(secrets / "broker" / "users.acl")]
    health = tmp_path / "health"
    process = Process(command, tmp_path / "init.log", environment(REDIS_URL=broker.url, TOOLMESH_HEALTH_FILE=str(health)))
    edge_url = (secrets / "edge" / "redis_url").read_text().strip()

    def prepared() -> bool:
        try:
            with redis.Redis.from_url(edge_url) as edge:
                return bool(edge.execute_command("FCALL", function_name("renew"), 0, 1000) == [])
        except redis.RedisError:
            return False

    try:
        wait_until(prepared, "the broker has users and functions")
        wait_until(health.exists, "init says that it is in touch")

        # The functions are gone, and a role says so.
        with broker.client() as client:
            client.function_flush()
            wait_until(lambda: client.publish(keys.FUNCTIONS_WANTED, b"v") == 1, "init listens")
        wait_until(prepared, "the functions are there again")

        # The whole broker came back empty.
        broker.process.kill()
        broker.start()
        wait_until(prepared, "users and functions are there again")

        # A further group came.
        prepare_secrets(secrets, ["lab"], f"redis://127.0.0.1:{broker.port}/0", None)
        with broker.client() as client:
            wait_until(lambda: "worker-lab" in client.acl_users(), "the new group's user is there")

        # A damaged file takes nobody's rights away.
        (secrets / "broker" / "users.acl").write_text("damaged")
        wait_until(lambda: "users not read" in process.output(), "init has seen it")
        assert prepared()
        assert process.running
        assert process.stop() == 0
        assert "Traceback" not in process.output()
    finally:
        process.kill()
        broker.process.kill()
