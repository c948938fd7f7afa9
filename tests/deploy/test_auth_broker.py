"""Log-ins on a broker of their own (AUTH_REDIS_URL): `toolmesh init` prepares both, and keeps both so."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from shared.functions import function_name
from tests.mesh import ROOT, Broker, Process, wait_until
from toolmesh.secret_files import prepare_secrets


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Broker, Broker, Path]]:
    """Of the calls, of the log-ins, and the users' file."""
    directory = tmp_path_factory.mktemp("two")
    for name in ("calls", "log-ins"):
        (directory / name).mkdir()
    calls, log_ins = Broker(directory / "calls"), Broker(directory / "log-ins")
    prepare_secrets(directory / "secrets", ["lab"], f"redis://127.0.0.1:{calls.port}/0")
    yield calls, log_ins, directory / "secrets" / "broker" / "users.acl"
    calls.process.kill()
    log_ins.process.kill()


def environment(calls: str, log_ins: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "REDIS_URL": calls, "AUTH_REDIS_URL": log_ins}


def has_functions(broker: Broker) -> bool:
    with broker.client() as client:
        try:
            return bool(client.execute_command("FCALL", function_name("renew"), 0, 1000) == [])
        except redis.ResponseError:
            return False


def users(broker: Broker) -> set[str]:
    with broker.client() as client:
        return set(client.acl_users())


def test_both_are_prepared_and_workers_have_no_user_where_log_ins_are(brokers: tuple[Broker, Broker, Path]) -> None:
    calls, log_ins, file = brokers
    done = subprocess.run(
        [sys.executable, "-m", "toolmesh", "init", "--once", "--users", str(file)],
        env=environment(calls.url, log_ins.url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "Both brokers have their functions and users.\n"), done.stderr
    assert has_functions(calls)
    assert has_functions(log_ins)
    assert users(calls) == {"default", "edge", "health", "init", "worker-code", "worker-default", "worker-lab"}
    assert users(log_ins) == {"default", "edge", "health", "init"}


def test_the_broker_of_log_ins_is_prepared_again_when_it_came_back_empty(
    brokers: tuple[Broker, Broker, Path], tmp_path: Path
) -> None:
    calls, log_ins, file = brokers
    process = Process(
        [sys.executable, "-m", "toolmesh", "init", "--users", str(file)],
        tmp_path / "init.log",
        environment(calls.url, log_ins.url),
    )
    try:
        wait_until(lambda: process.output().count("broker prepared") == 2, "both are prepared")
        log_ins.process.kill()
        log_ins.start()
        wait_until(lambda: has_functions(log_ins) and "edge" in users(log_ins), "users and functions are there again")
        assert has_functions(calls)
        assert process.stop() == 0
        assert "Traceback" not in process.output()
    finally:
        process.kill()


def test_the_variable_of_a_broker_that_can_not_be_prepared_is_named(brokers: tuple[Broker, Broker, Path]) -> None:
    calls, log_ins, _ = brokers
    with log_ins.client() as client:
        client.execute_command("ACL", "SETUSER", "weak", "on", ">pw-of-weak", "+ping")
    done = subprocess.run(
        [sys.executable, "-m", "toolmesh", "init", "--once"],
        env=environment(calls.url, f"redis://weak:pw-of-weak@127.0.0.1:{log_ins.port}/0"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "AUTH_REDIS_URL" in done.stderr
    assert "pw-of-weak" not in done.stderr
    assert "Traceback" not in done.stderr
