"""A broker with its users, for the tests that look at what each of them may do; proxies for those that need one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from shared.settings import Secret
from tests.deploy.caddy import CADDY, can_have_hosts
from tests.mesh import ROOT, Broker
from toolmesh.secret_files import prepare_secrets


@pytest.fixture(scope="package")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Broker, Path]]:
    """A broker that `toolmesh init` has given its users, and the directory of their secrets."""
    directory = tmp_path_factory.mktemp("acl")
    running = Broker(directory)
    prepare_secrets(directory / "secrets", ["internal"], f"redis://127.0.0.1:{running.port}/0", Secret("k" * 16))
    command = [sys.executable, "-m", "toolmesh", "init", "--once", "--users", str(directory / "secrets/broker/users.acl")]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "REDIS_URL": running.url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    yield running, directory / "secrets"
    running.process.kill()


@pytest.fixture(scope="package")
def caddy() -> None:
    """Caddy. Without it a test is skipped, and fails where CI_REQUIRE_PROXIES is set."""
    if CADDY is None or not can_have_hosts():
        _missing("caddy is not on PATH, or this machine has no 127.0.0.2")


@pytest.fixture(scope="package")
def nginx() -> str:
    """Its path, likewise."""
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") or _missing("nginx is not on PATH")


def _missing(reason: str) -> NoReturn:
    (pytest.fail if os.environ.get("CI_REQUIRE_PROXIES") else pytest.skip)(reason)
