"""A real MCP server behind the mesh, and clients of both eras in front of it."""

import asyncio
import json
from pathlib import Path

import httpx2
import pytest
from mcp import Client as SdkClient
from mcp.client.streamable_http import streamable_http_client

from tests.client import MODERN, messages_of
from tests.e2e.upstream import upstream
from tests.mesh import API_KEY, mesh, wait_until

LEGACY = "2025-11-25"
UPSTREAM_ERAS = {"both": (), "legacy": ("--era", "legacy")}


@pytest.mark.parametrize("upstream_era", UPSTREAM_ERAS)
@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
def test_the_sdks_client_lists_calls_and_sees_progress(tmp_path: Path, mode: str, upstream_era: str) -> None:
    with upstream(tmp_path, *UPSTREAM_ERAS[upstream_era]) as up, mesh(tmp_path, "backends:\n" + up.entry()) as running:
        running.start_worker()
        edge = running.start_edge()
        running.wait_for_tools(edge, "up_slow_progress", "echo_add")
        seen: list[tuple[float, float | None, str | None]] = []

        async def note(progress: float, total: float | None, message: str | None) -> None:
            seen.append((progress, total, message))

        async def main() -> None:
            headers = {"Authorization": f"Bearer {API_KEY}"}
            async with (
                asyncio.timeout(60),
                httpx2.AsyncClient(headers=headers, trust_env=False, timeout=30) as http,
                SdkClient(streamable_http_client(edge.mcp_url, http_client=http), mode=mode) as client,
            ):
                names = [tool.name for tool in (await client.list_tools()).tools]
                assert names == sorted(names)
                assert {"up_echo", "up_structured", "echo_time"} <= set(names)
                answer = await client.call_tool("up_echo", {"message": "through the mesh"})
                assert answer.content[0].text == "through the mesh"  # type: ignore[union-attr]
                answer = await client.call_tool("up_structured", {"city": "Oslo"})
                assert answer.structured_content == {"city": "Oslo", "temperature": 21.5, "tags": ["a", "b"]}
                answer = await client.call_tool("up_fail", {})
                assert answer.is_error
                assert "fail" in answer.content[0].text  # type: ignore[union-attr]
                answer = await client.call_tool("up_slow_progress", {"steps": 3, "step_ms": 20}, progress_callback=note)
                assert answer.content[0].text == "3 steps"  # type: ignore[union-attr]

        asyncio.run(main())
        assert seen == [(float(n), 3.0, f"step {n} of 3") for n in (1, 2, 3)]


@pytest.mark.parametrize("upstream_era", UPSTREAM_ERAS)
def test_the_first_call_after_an_upstream_was_killed_and_restarted_succeeds(tmp_path: Path, upstream_era: str) -> None:
    with upstream(tmp_path, *UPSTREAM_ERAS[upstream_era]) as up, mesh(tmp_path, "backends:\n" + up.entry()) as running:
        running.start_worker()
        edge = running.start_edge()
        running.wait_for_tools(edge, "up_add")
        assert edge.text("up_add", {"a": 1, "b": 2}) == "3"  # a write, as far as the mesh knows
        up.process.kill()
        up.start()
        assert edge.text("up_add", {"a": 20, "b": 22}) == "42"


def test_a_call_with_progress_is_a_stream_and_one_without_is_json(tmp_path: Path) -> None:
    with upstream(tmp_path) as up, mesh(tmp_path, "backends:\n" + up.entry()) as running:
        running.start_worker()
        edge = running.start_edge()
        running.wait_for_tools(edge, "up_slow_progress")
        arguments = {"steps": 2, "step_ms": 10}
        for era in (MODERN, LEGACY):
            with edge.stream("up_slow_progress", arguments, era, progressToken="mine") as answer:
                assert answer.headers["content-type"] == "text/event-stream"
                messages = messages_of("".join(answer.iter_text()))
            notes, final = messages[:-1], messages[-1]
            assert [n["params"]["progressToken"] for n in notes] == ["mine", "mine"]
            assert [n["params"]["message"] for n in notes] == ["step 1 of 2", "step 2 of 2"]
            assert final["id"] == 1
            assert final["result"]["content"][0]["text"] == "2 steps"
            with edge.stream("up_slow_progress", arguments, era) as answer:
                assert answer.headers["content-type"] == "application/json"


def test_the_first_call_of_a_backend_that_has_just_come_up_waits_for_no_sweep(tmp_path: Path) -> None:
    """Its worker was waiting for the bells of its other backends when this one came up."""
    with upstream(tmp_path) as up:
        up.process.kill()
        with mesh(tmp_path, "backends:\n" + up.entry(), TOOLMESH_SWEEP_S="600") as running:
            edge = running.start_edge()
            running.start_worker()
            running.wait_for_tools(edge, "echo_add")
            assert edge.text("echo_add", {"a": 2, "b": 3}) == "5"
            up.start()
            running.wait_for_tools(edge, "up_echo")
            assert edge.text("up_echo", {"message": "first"}) == "first"


def test_a_silent_call_becomes_a_stream_with_comments(tmp_path: Path) -> None:
    with upstream(tmp_path) as up, mesh(tmp_path, "backends:\n" + up.entry()) as running:
        running.start_worker()
        edge = running.start_edge(TOOLMESH_STREAM_AFTER_S="0.2", TOOLMESH_KEEPALIVE_S="0.2")
        running.wait_for_tools(edge, "up_sleep")
        with edge.stream("up_sleep", {"ms": 1000}) as answer:
            text = "".join(answer.iter_text())
        assert answer.headers["content-type"] == "text/event-stream"
        assert text.startswith(": keep-alive\r\n\r\n")
        assert messages_of(text)[-1]["result"]["content"][0]["text"] == "slept"


def test_a_client_of_2026_that_closes_its_connection_cancels_its_read_at_the_upstream(tmp_path: Path) -> None:
    with upstream(tmp_path) as up, mesh(tmp_path, "backends:\n" + up.entry()) as running:
        running.start_worker()
        edge = running.start_edge(TOOLMESH_STREAM_AFTER_S="0.1")
        running.wait_for_tools(edge, "up_sleep")
        trace = tmp_path / "cancelled"
        with edge.stream("up_sleep", {"ms": 60_000, "cancelled_path": str(trace)}) as answer:
            next(answer.iter_raw())
        wait_until(trace.exists, "the upstream's call is cancelled")
        wait_until(
            lambda: any(r["code"] == "cancelled" for r in running.audit()), "the audit says that the call was cancelled"
        )


def test_a_dispatched_write_runs_to_its_end_although_its_client_is_gone(tmp_path: Path) -> None:
    entry_classes = "{echo: read}"
    with upstream(tmp_path) as up, mesh(tmp_path, "backends:\n" + up.entry(classes=entry_classes)) as running:
        running.start_worker()
        edge = running.start_edge(TOOLMESH_STREAM_AFTER_S="0.1")
        running.wait_for_tools(edge, "up_sleep")
        trace = tmp_path / "cancelled"
        with edge.stream("up_sleep", {"ms": 1500, "cancelled_path": str(trace)}) as answer:
            next(answer.iter_raw())
        wait_until(lambda: any(r["phase"] == "outcome" and r["tool"] == "sleep" for r in running.audit()), "it ended")
        phases = [(r["phase"], r["code"]) for r in running.audit() if r["tool"] == "sleep"]
        assert phases == [("intent", "dispatched"), ("outcome", "ok")]
        assert not trace.exists()


def test_the_deadline_ends_a_call_with_its_own_error(tmp_path: Path) -> None:
    with upstream(tmp_path) as up, mesh(tmp_path, "backends:\n" + up.entry(), TOOLMESH_EXEC_TIMEOUT="1") as running:
        running.start_worker()
        edge = running.start_edge()
        running.wait_for_tools(edge, "up_sleep")
        read = edge.call("up_sleep", {"ms": 60_000})
        assert read["result"]["structuredContent"]["error"]["code"] in ("deadline_exceeded", "upstream_timeout")
    with (
        upstream(tmp_path) as up,
        mesh(_fresh(tmp_path), "backends:\n" + up.entry(classes="{}"), TOOLMESH_EXEC_TIMEOUT="1") as running,
    ):
        running.start_worker()
        edge = running.start_edge()
        running.wait_for_tools(edge, "up_sleep")
        write = edge.call("up_sleep", {"ms": 60_000})
        error = write["result"]["structuredContent"]["error"]
        assert (error["code"], error["status"], error["retry_safe"]) == ("outcome_unknown", "unknown", False)


def _fresh(directory: Path) -> Path:
    fresh = directory / "second"
    fresh.mkdir()
    return fresh


def test_one_backend_that_is_down_does_not_touch_the_others(tmp_path: Path) -> None:
    with upstream(tmp_path) as up:
        backends = "backends:\n" + up.entry() + "  - {name: down, transport: http, url: 'http://127.0.0.1:9/mcp'}\n"
        with mesh(tmp_path, backends) as running:
            running.start_worker()
            edge = running.start_edge()
            running.wait_for_tools(edge, "up_echo")
            assert edge.text("up_echo", {"message": "x"}) == "x"
            up.process.kill()
            gone = edge.call("up_echo", {"message": "x"})
            assert gone["result"]["structuredContent"]["error"]["code"] == "upstream_unreachable"
            assert edge.text("echo_add", {"a": 1, "b": 1}) == "2"


def test_a_large_result_travels_whole(tmp_path: Path) -> None:
    with upstream(tmp_path) as up, mesh(tmp_path, "backends:\n" + up.entry()) as running:
        running.start_worker()
        edge = running.start_edge()
        running.wait_for_tools(edge, "up_echo")
        message = json.dumps(list(range(100_000)))
        assert edge.text("up_echo", {"message": message}) == message
