"""The embedded broker: which server is taken, and what it may be reached by."""

import asyncio
import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.errors import ConfigurationError
from toolmesh.broker import broker_command, broker_url, find_server, runtime_directory, wait_for_broker
from toolmesh.child import Child


def test_the_server_that_is_found_is_of_version_seven_or_newer() -> None:
    shown = subprocess.run([find_server(), "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
    assert int(shown.partition("v=")[2].partition(".")[0]) >= 7


def test_the_socket_is_out_of_others_reach_and_its_path_is_short() -> None:
    with runtime_directory() as directory:
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert len(str(directory / "broker.sock")) < 100
    assert not directory.exists()


def test_it_listens_on_its_socket_alone_keeps_its_data_and_comes_back_after_a_kill(tmp_path: Path) -> None:
    async def run() -> None:
        with runtime_directory() as directory:
            command = broker_command(find_server(), directory, tmp_path / "broker")
            url = broker_url(directory)
            child = Child("broker", command, os.environ, tmp_path / "broker.log", death_signal=signal.SIGTERM)
            kept = asyncio.create_task(child.keep_running())
            try:
                async with asyncio.timeout(30):
                    await wait_for_broker(url)
                    async with Redis.from_url(url) as redis:
                        assert (await redis.config_get("port"))["port"] == "0"
                        await redis.config_set("appendfsync", "always")
                        await redis.set("kept", "yes")
                    first = child.pid
                    assert first is not None
                    os.kill(first, signal.SIGKILL)
                    await wait_for_broker(url)
                    assert child.pid not in (None, first)
                    async with Redis.from_url(url) as redis:
                        assert await redis.get("kept") == b"yes"
            finally:
                child.stop()
                async with asyncio.timeout(10):
                    await kept
            assert child.pid is None

    asyncio.run(run())


def test_a_broker_that_never_answers_is_an_error_that_does_not_show_its_url(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(wait_for_broker(f"unix://:hunter2@{tmp_path}/none.sock", wait_s=0.2))
    assert "hunter2" not in caught.value.detail
