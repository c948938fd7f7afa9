"""Every way in which a server can behave badly: a typed error in time, bounded memory, and it is started again."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import structlog

from shared.errors import MeshError, UpstreamBadResponse, UpstreamTimeout, UpstreamUnreachable
from shared.settings import Settings
from tests.upstreams.invocations import Caller
from tests.upstreams.started import run
from tests.upstreams.stdio_started import alive, calling, descendants, opened, until

QUICK = Settings(stdio_stop_s=0.3, stdio_poll_s=0.1)


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """What the worker logs."""
    with structlog.testing.capture_logs() as entries:
        yield entries


async def fails(
    caller: Caller, error: type[MeshError], match: str | None, tool: str, arguments: dict[str, Any], **how: Any
) -> None:
    """A call that ends so, after which the server, or the one after it, serves another."""
    with pytest.raises(error, match=match):
        await caller.text(tool, arguments, **how)
    assert await caller.text("echo", {"message": "back"}) == "back"


ENDINGS: dict[str, tuple[str, dict[str, Any], str]] = {
    "exit": ("die", {"code": 3}, "exit code 3"),
    "memory": ("hog", {"mib": 400, "then_s": 60}, "MiB of memory"),
    "processes": ("fork", {"count": 40, "then_s": 60}, "processes"),
    "long line": ("long_line", {"bytes": 3_000_000}, "a line of more than"),
    "garbage": ("flood", {"s": 20, "line": "no JSON at all " * 20}, "not JSON-RPC"),
    "blank lines": ("flood", {"s": 20, "line": ""}, "not JSON-RPC"),
    "batches": ("flood", {"s": 20, "line": '[{"jsonrpc":"2.0","method":"x"}]'}, "not JSON-RPC"),
    "closed stdout": ("close_stdout", {}, "closed its stdin or stdout"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_server_that_ends_or_has_to_be_ended_fails_its_calls_and_is_started_again(ending: str) -> None:
    tool, arguments, match = ENDINGS[ending]
    settings = Settings(stdio_stop_s=0.3, stdio_poll_s=0.1, stdio_processes_max=20, upstream_answer_bytes_max=1_000_000)

    async def test() -> None:
        async with calling(settings=settings, options={"memory_mib": 200}) as caller:
            slow = asyncio.create_task(caller.call("sleep", {"s": 60}))
            await until(lambda: caller.dispatched == 1, "the slow call was sent")
            pid = int(await caller.text("pid"))
            await fails(caller, UpstreamBadResponse, match, tool, arguments)
            with pytest.raises(UpstreamBadResponse, match=match):
                await slow
            assert not alive(pid)
            await asyncio.wait_for(caller.changes.wait(), 5)

    run(test)


def test_a_write_is_not_sent_again_after_its_server_died_and_a_read_is_once(tmp_path: Path) -> None:
    async def test() -> None:
        async with calling(settings=QUICK) as caller:
            for access in ("write", "read"):
                path = tmp_path / access
                with pytest.raises(UpstreamBadResponse, match="ended in mid-call"):
                    await caller.call("write_line", {"path": str(path), "text": "x", "then_die": True}, access=access)
            assert (tmp_path / "write").read_text() == "x\n"
            assert (tmp_path / "read").read_text() == "x\nx\n"

    run(test)


def test_a_call_after_the_server_was_killed_waits_for_the_next_one_and_is_sent_once(tmp_path: Path) -> None:
    async def test() -> None:
        async with calling(settings=QUICK) as caller:
            for _ in range(3):
                os.kill(int(await caller.text("pid")), signal.SIGKILL)
                await until(lambda: not descendants(), "the tree is gone")
                await caller.text("write_line", {"path": str(tmp_path / "lines"), "text": "x"})
            assert (tmp_path / "lines").read_text() == "x\n" * 3

    run(test)


@pytest.mark.parametrize("how", ["pid", "keeper"])
def test_when_the_server_or_its_keeper_is_killed_nothing_of_the_tree_is_left(how: str) -> None:
    async def test() -> None:
        async with calling(settings=QUICK) as caller:
            tree = [int(pid) for pid in (await caller.text("spawn", {"count": 3})).split()]
            server = int(await caller.text("pid"))
            keeper = next(pid for pid in descendants() if server in descendants(pid))
            os.kill(server if how == "pid" else keeper, signal.SIGKILL)
            await until(lambda: not any(map(alive, [*tree, server, keeper])), "all are gone")
            assert await caller.text("echo", {"message": "back"}) == "back"

    run(test)


def test_a_server_that_ignores_everything_is_killed_with_all_that_it_started() -> None:
    tree: list[int] = []

    async def test() -> None:
        async with calling("--stubborn", settings=QUICK) as caller:
            tree.extend(int(pid) for pid in (await caller.text("spawn", {"count": 5})).split())
            await caller.text("fork", {"count": 5})
            assert all(map(alive, tree))

    run(test)
    assert not any(map(alive, tree))


def starts_of(path: Path) -> list[float]:
    return [float(line.split()[1]) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("option", [("--exit", "3"), ("--garbage",)])
def test_a_server_that_never_gets_ready_is_tried_again_with_growing_pauses(tmp_path: Path, option: tuple[str, ...]) -> None:
    noted = tmp_path / "starts"

    async def test() -> None:
        async with calling(*option, "--note", str(noted), settings=QUICK) as caller:
            with pytest.raises(UpstreamUnreachable, match="is not running"):
                await caller.offer()
            await until(lambda: len(starts_of(noted)) >= 3, "it was tried three times")
            starts = starts_of(noted)
            pauses = [later - earlier for earlier, later in pairwise(starts[:3])]
            assert [pause >= least for pause, least in zip(pauses, (0.16, 0.32), strict=True)] == [True] * 2
            await asyncio.wait_for(caller.changes.wait(), 5)

    run(test)


def test_a_server_that_answers_no_handshake_is_killed_after_its_time_and_the_reason_is_said() -> None:
    async def test() -> None:
        async with calling("--silent", settings=QUICK, options={"start_timeout": "300ms"}) as caller:
            with pytest.raises(UpstreamUnreachable, match=r"did not answer the handshake in 0\.3 s"):
                await caller.offer()

    run(test)


def test_a_command_that_is_not_there_is_named() -> None:
    async def test() -> None:
        async with calling(command="no-such-command", args=[]) as caller:
            with pytest.raises(UpstreamUnreachable, match="`no-such-command` is not found on the PATH"):
                await caller.offer()

    run(test)


def test_a_command_that_can_not_be_run_is_said(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("neither a script nor a binary")
    program.chmod(0o700)

    async def test() -> None:
        async with calling(command=str(program), args=[]) as caller:
            with pytest.raises(UpstreamUnreachable, match="could not be run"):
                await caller.offer()

    run(test)


def test_lines_of_text_before_and_between_messages_are_logged_once_in_a_while_and_dropped(logged: list[Any]) -> None:
    async def test() -> None:
        async with calling("--banner", "50") as caller:
            for text in ("plain", "\xff\xfe", "{", "null", "7", "{}", '{"id":1}', '{"id":true,"result":{}}', "NaN"):
                assert await caller.text("raw", {"text": text}) == "raw"

    run(test)
    lines = [entry.get("line") for entry in logged if "not JSON-RPC" in entry["event"]]
    assert lines[0] == "welcome 0"
    assert len(lines) <= 5


ODD: dict[str, str] = {
    "no result": '{"jsonrpc":"2.0","id":ID,"result":null}',
    "result no object": '{"jsonrpc":"2.0","id":ID,"result":[1]}',
    "error no object": '{"jsonrpc":"2.0","id":ID,"error":"bad"}',
    "too deep": '{"jsonrpc":"2.0","id":ID,"result":{"a":' + "[" * 100 + "]" * 100 + "}}",
    "about nothing": '{"jsonrpc":"2.0","id":null,"result":3}',
}


@pytest.mark.parametrize("answer", ODD)
def test_an_answer_that_is_none_fails_its_call_alone(answer: str) -> None:
    async def test() -> None:
        async with calling() as caller:
            await fails(caller, UpstreamBadResponse, None, "answer", {"text": ODD[answer]})

    run(test)


SILENT: dict[str, str] = {
    "another id": '{"jsonrpc":"2.0","id":987654,"result":{}}',
    "id as text": '{"jsonrpc":"2.0","id":"ID","result":{}}',
    "not UTF-8": '{"jsonrpc":"2.0","id":ID,"result":{"a":"\xff"}}',
    "not a number": '{"jsonrpc":"2.0","id":ID,"result":{"a":NaN}}',
    "two in one line": '{"jsonrpc":"2.0","id":ID,"result":{}}{"jsonrpc":"2.0","id":ID,"result":{}}',
}


@pytest.mark.parametrize("answer", SILENT)
def test_an_answer_to_nobody_leaves_the_call_waiting_for_its_time(answer: str) -> None:
    async def test() -> None:
        async with calling(options={"timeout": "300ms"}) as caller:
            await caller.offer()
            await fails(caller, UpstreamTimeout, None, "answer", {"text": SILENT[answer]})

    run(test)


def test_an_answer_over_the_limit_ends_the_server() -> None:
    async def test() -> None:
        async with calling(settings=Settings(upstream_answer_bytes_max=1_000_000)) as caller:
            await fails(caller, UpstreamBadResponse, "more than 1000000 bytes", "large", {"bytes": 2_000_000})
            assert len(await caller.text("large", {"bytes": 900_000})) == 900_000

    run(test)


FLOODS: dict[str, tuple[str, str]] = {
    "notifications": ("flood", '{"jsonrpc":"2.0","method":"notifications/x","params":{"a":"' + "x" * 500 + '"}}'),
    "progress": ("flood", '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7}}'),
    "requests": ("flood", '{"jsonrpc":"2.0","id":"r","method":"ping"}'),
    "changes": ("flood", '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'),
    "answers": ("flood", '{"jsonrpc":"2.0","id":424242,"result":{}}'),
    "stderr": ("flood_stderr", "x" * 500),
    "stderr without end": ("flood_stderr", "x" * 100_000),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_read_slowly_in_little_memory_and_delays_no_other_backend(flood: str, tmp_path: Path) -> None:
    tool, line = FLOODS[flood]
    counted = tmp_path / "counted"

    async def test() -> None:
        async with calling(settings=QUICK) as caller, opened(name="other", settings=QUICK) as other:
            call = asyncio.create_task(caller.call(tool, {"s": 5, "line": line, "counted": str(counted)}, progress=True))
            await until(lambda: caller.dispatched == 1, "the flood was asked for")
            before = peak_mib()
            end = asyncio.get_running_loop().time() + 0.7
            answered = 0
            while asyncio.get_running_loop().time() < end:
                await other.text("echo", {"message": "x"})
                answered += 1
            assert not call.done(), "the flood went on all the time"
            assert answered > 20
            assert peak_mib() - before < 20
            assert not counted.exists() or counted.stat().st_size < 20, "thousands of lines were read"
            call.cancel()
            await asyncio.wait([call])

    with structlog.testing.capture_logs() as entries:
        run(test)
    assert len([entry for entry in entries if entry["event"] == "stderr"]) <= 20 * 3


def peak_mib() -> float:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)


def test_a_server_that_reads_nothing_gets_no_more_than_its_pipe_holds_and_others_are_told() -> None:
    settings = Settings(stdio_wait_s=0.2, stdio_stop_s=0.2)

    async def test() -> None:
        async with calling(settings=settings) as caller:
            await _once_it_is_ready(caller, "deaf", {"s": 1})
            sent = [asyncio.create_task(caller.call("echo", {"message": "x" * 400_000}, access="write")) for _ in range(20)]
            outcomes = await asyncio.gather(*sent, return_exceptions=True)
            refused = [o for o in outcomes if isinstance(o, UpstreamUnreachable)]
            assert all("does not read" in o.detail for o in refused)
            assert refused
            assert caller.dispatched < 22

    run(test)


async def _once_it_is_ready(caller: Caller, tool: str, arguments: dict[str, Any]) -> None:
    """A call, once the server runs: what calls wait for may be shorter than its start takes."""
    async with asyncio.timeout(30):
        while True:
            try:
                await caller.text(tool, arguments)
                return
            except UpstreamUnreachable as error:
                assert "Nothing of the call was sent" in error.detail


def test_a_server_that_hangs_for_good_is_ended_when_it_does_not_even_answer_a_ping() -> None:
    settings = Settings(stdio_stop_s=0.2, stdio_wait_s=5)

    async def test() -> None:
        async with calling(settings=settings, options={"timeout": "300ms", "start_timeout": "1s"}) as caller:
            pid = int(await caller.text("pid"))
            os.kill(pid, signal.SIGSTOP)
            with pytest.raises(UpstreamTimeout):
                await caller.text("echo", {"message": "x"})
            await until(lambda: not alive(pid), "it was ended")
            async with asyncio.timeout(5):
                await caller.changes.wait()
            assert await caller.text("echo", {"message": "back"}) == "back"

    run(test)


def test_what_a_server_writes_to_stderr_is_logged_bounded_and_without_its_secrets(logged: list[Any]) -> None:
    text = "token hunter2-hunter2 \x1b[31m\n" + "y" * 4090 + "hunter2-hunter2\n" + "-----\nline-two-of-it\nlast"

    async def test() -> None:
        environment = {"CREDENTIAL_TOKEN": "hunter2-hunter2", "KEY": "short\nline-two-of-it"}
        async with calling(api_key_env="TOKEN", env={"K": "KEY"}, environment=environment) as caller:
            await caller.text("stderr", {"text": text})
            await caller.text("raw", {"text": "garbage hunter2-hunter2"})
            await until(lambda: len([e for e in logged if e["event"] == "stderr"]) >= 4, "it is logged")

    run(test)
    lines = [entry["line"] for entry in logged if entry["event"] == "stderr"]
    assert lines[0] == "token *** \ufffd[31m"
    assert lines[1] == ("y" * 4090 + "***")
    assert lines[3] == "***"
    assert lines[-1] == "last"
    assert "hunter2" not in str(logged)
    assert all(entry["backend"] == "up" for entry in logged if entry["event"] == "stderr")


def test_a_server_that_can_not_be_stopped_in_its_time_does_not_hold_up_the_worker() -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        async with calling("--stubborn", settings=Settings(stdio_stop_s=0.2)) as caller:
            await caller.offer()
            began = loop.time()
        assert loop.time() - began >= 0.4, "it had its time after stdin was closed, and after SIGTERM"

    run(test)
