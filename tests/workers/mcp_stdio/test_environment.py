"""What a server is given: command and arguments from the operator's file, a few variables, three pipes, nothing else."""

import asyncio
import os
import socket
from typing import Any

import msgspec
import pytest
import uvloop

from shared.errors import ConfigurationError
from shared.settings import Settings
from tests.upstreams.started import run
from tests.upstreams.stdio_started import calling, entry_of
from workers.backends.mcp_stdio import open_backend
from workers.credentials import Credentials

WORKERS = {
    "TOOLMESH_MESH_KEYS": "secret-keys",
    "REDIS_URL": "redis://secret",
    "CREDENTIAL_OTHER": "others-secret",
    "LD_PRELOAD_LIKE": "x",
    "MINE": "mine-va",
    "TZ": "UTC",
}


def seen(*options: str, environment: dict[str, str], **entry: Any) -> dict[str, Any]:
    """What the server says that it got."""
    found: dict[str, Any] = {}

    async def test() -> None:
        async with calling(*options, environment=environment, **entry) as caller:
            found.update(msgspec.json.decode(await caller.text("environment")))

    run(test)
    return found


def test_a_server_gets_the_harmless_variables_and_what_its_entry_maps_and_nothing_else() -> None:
    got = seen(environment=WORKERS | {"CREDENTIAL_KEY": "the-key"}, env={"THEIRS": "MINE"}, api_key_env="KEY")
    harmless = {"PATH", "HOME", "LOGNAME", "SHELL", "TERM", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"}
    variables = got["variables"]
    assert variables.pop("THEIRS") == "mine-va"
    assert variables.pop("KEY") == "the-key"
    assert len(variables.pop("MESH_CHILD")) == 16
    assert variables.pop("TZ") == "UTC"
    assert variables["PATH"] == os.environ["PATH"]
    assert set(variables) <= harmless


def test_a_credential_may_be_read_from_another_variable() -> None:
    entry: dict[str, Any] = {"api_key_env": "KEY", "env": {"CREDENTIAL_KEY": "MINE"}}
    assert seen(environment=WORKERS, **entry)["variables"]["KEY"] == "mine-va"


def test_arguments_reach_the_server_as_they_are_written_and_no_shell_sees_them() -> None:
    strange = "$(id) `id` ; echo * ~ $HOME 'a\" b"
    got = seen("--odd", strange, environment={"X": strange}, env={"X": "X"})
    assert got["arguments"] == ["--odd", strange]
    assert got["variables"]["X"] == strange


@pytest.mark.parametrize("loop", [asyncio, uvloop], ids=lambda loop: str(loop.__name__))
def test_a_server_has_its_three_pipes_open_and_nothing_of_the_workers(loop: Any) -> None:
    async def test() -> None:
        with socket.socket() as ours:
            ours.set_inheritable(True)
            async with calling() as caller:
                got = msgspec.json.decode(await caller.text("environment"))
                assert got["fds"] == ["0", "1", "2", "3"], "3 is the directory that it lists"

    loop.run(test())


@pytest.mark.parametrize(
    ("entry", "named"),
    [({"env": {"A": "NOT_SET"}}, "`NOT_SET` (for `A`)"), ({"api_key_env": "x"}, "`CREDENTIAL_X` (for `api_key_env`)")],
)
def test_a_variable_that_the_worker_does_not_have_is_named_and_no_server_is_started(
    entry: dict[str, Any], named: str
) -> None:
    async def test() -> None:
        backend = open_backend(entry_of(**entry), Settings(), Credentials({}))
        with pytest.raises(ConfigurationError) as caught:
            await backend.start(lambda: None, lambda uri: None)
        assert named in caught.value.detail
        await backend.close()

    asyncio.run(test())


@pytest.mark.parametrize("options", [{"processes": 0}, {"memory_mib": 0}, {"start_timeout": "soon"}, {"timeout": "0s"}])
def test_limits_that_can_not_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"options.{next(iter(options))}"):
        open_backend(entry_of(options=options), Settings(), Credentials({}))


def test_a_server_that_shows_its_credentials_shows_them_to_nobody() -> None:
    workers = WORKERS | {
        "CREDENTIAL_KEY": "canary-of-the-key",
        "MY_TOKEN": "canary-of-the-token",
        "PLACE": "/srv/notes/of/ours",
        "STORE": "postgres://reader:canary-of-the-url@db.example/notes",
        "CREDENTIAL_PIN": "canary-by-its-source",
    }
    entry: dict[str, Any] = {
        "api_key_env": "KEY",
        "env": {"T": "MY_TOKEN", "DIRECTORY": "PLACE", "STORE": "STORE", "PIN": "CREDENTIAL_PIN"},
    }
    variables = seen(environment=workers, **entry)["variables"]
    assert {name: variables[name] for name in ("KEY", "T", "PIN")} == {"KEY": "***", "T": "***", "PIN": "***"}
    assert variables["STORE"] == "postgres://reader:***@db.example/notes"
    assert variables["DIRECTORY"] == "/srv/notes/of/ours", "what is no credential a server may name"
