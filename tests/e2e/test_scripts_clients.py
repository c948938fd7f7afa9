"""Scripts as clients of every kind run them: progress, cancels, handles; and each with the rights of who calls."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client as SdkClient
from mcp.client.streamable_http import streamable_http_client

from tests.client import Client
from tests.e2e.old_client import OldClient
from tests.e2e.scripts_mesh import GUEST_KEY, Running, Scripted, lines_of, outcome_of
from tests.e2e.tasks_mesh import BUDGET
from tests.mesh import API_KEY, ROOT, wait_until

CHATGPT: dict[str, Any] = {"io.modelcontextprotocol/clientInfo": {"name": "openai-mcp", "version": "1.0.0"}}
SUM = "return (await toolmesh.echo_add({a: 20, b: 1})) * 2"


def hold(name: str, path: Path, backend: str = "meet") -> str:
    """A call that waits until it is released."""
    return f"toolmesh.{backend}_hold({{name: {json.dumps(name)}, path: {json.dumps(str(path))}}})"


def test_a_2025_era_client_runs_scripts_in_its_session_at_any_edge(scripted: Scripted) -> None:
    with OldClient(scripted.a, scripted.b, api_key=API_KEY) as client:
        assert "execute_code" in {t["name"] for t in client.result(client.request("tools/list"))["tools"]}
        for edge in (0, 1):
            found = outcome_of(client.result(client.call("execute_code", {"code": SUM}), edge))
            assert found.value == 42


def test_the_sdks_client_runs_scripts(scripted: Scripted) -> None:
    async def main() -> str:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {API_KEY}"}) as http,
            SdkClient(streamable_http_client(scripted.b.mcp_url, http_client=http)) as client,
        ):
            return (await client.call_tool("execute_code", {"code": SUM})).model_dump_json()

    assert outcome_of(json.loads(asyncio.run(main()))).value == 42


def test_the_readmes_script_gives_what_the_readme_says(scripted: Scripted) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Code mode")[2].partition("\n## ")[0]
    (code,) = re.findall(r"```js\n(.*?)```", section, re.S)
    (output,) = re.findall(r"```json\n(.*?)```", section, re.S)
    assert json.loads(scripted.run(code).texts[0]) == json.loads(output)


def test_progress_counts_a_scripts_calls(scripted: Scripted) -> None:
    code = """
        await toolmesh.echo_add({a: 1, b: 1});
        await Promise.all([1, 2, 3].map(n => toolmesh.echo_add({a: n, b: n})));
    """
    running = Running(scripted.a, code, progressToken="p")
    assert not running.outcome().failed
    told = [m["params"] for m in running.messages if m.get("method") == "notifications/progress"]
    assert [p["progress"] for p in told] == [1, 2, 3, 4]
    assert (told[0]["message"], told[-1]["message"]) == ("1 of 1 call", "4 of 4 calls")
    assert told[-1]["total"] == 4


def cancelled_by_closing(scripted: Scripted, code: str, begun: Callable[[], bool]) -> None:
    """Begin a script, and close the stream that its answer would come on (MCP 2026-07-28: that is how it is cancelled)."""
    with scripted.a.stream("execute_code", {"code": code}, progressToken="p") as answer:
        lines = answer.iter_lines()
        wait_until(begun, "it has begun")
        while "notifications/progress" not in next(lines):
            pass


def test_closing_the_stream_cancels_the_script_and_what_it_called(scripted: Scripted, tmp_path: Path) -> None:
    path = tmp_path / "held"
    code = f"await toolmesh.echo_time({{}}); await {hold('closed', path)}; await {hold('never', path)}"
    cancelled_by_closing(scripted, code, lambda: lines_of(path) == ["begun closed"])
    wait_until(lambda: lines_of(path) == ["begun closed", "cancelled closed"], "the upstream has heard of it")


def test_a_2025_era_cancel_reaches_what_a_script_called(scripted: Scripted, tmp_path: Path) -> None:
    path = tmp_path / "held"
    with OldClient(scripted.a, scripted.b, api_key=API_KEY) as client:
        code = f"await toolmesh.echo_time({{}}); await {hold('old', path)}"
        message = client.call("execute_code", {"code": code}, rpc_id=7, progressToken="p")
        with client.streamed(message):
            wait_until(lambda: lines_of(path) == ["begun old"], "it has begun")
            client.post(client.note("notifications/cancelled", {"requestId": 7}), 1)
            wait_until(lambda: lines_of(path) == ["begun old", "cancelled old"], "the upstream has heard of it")


def test_a_script_that_has_changed_something_is_cancelled_too_but_not_what_changes_something(
    scripted: Scripted, tmp_path: Path
) -> None:
    """What was sent runs to its end, and is known of; what was not is not sent any more."""
    path = tmp_path / "held"
    code = f"""
        await toolmesh.echo_time({{}});
        try {{ await Promise.all([{hold("write", path, "mut")}, {hold("read", path)}]) }} catch (e) {{}}
        await toolmesh.mut_note({{text: "after", path: {json.dumps(str(path))}}});
    """
    cancelled_by_closing(scripted, code, lambda: sorted(lines_of(path)) == ["begun read", "begun write"])
    wait_until(lambda: "cancelled read" in lines_of(path), "the read is cancelled")
    assert scripted.a.text("meet_release", {"name": "write"}) == "released"
    wait_until(lambda: end_of_parent(scripted, "mut") == "error", "the script has ended")
    assert sorted(lines_of(path)) == ["begun read", "begun write", "cancelled read"]


def end_of_parent(scripted: Scripted, backend: str) -> object:
    """How the script ended that had the last call to a backend, by the audit; None while it goes on."""
    records = scripted.running.audit()
    parents = [r["parent"] for r in records if r["backend"] == backend and r.get("parent")]
    ends = [r["code"] for r in records if r["phase"] == "outcome" and r["call_id"] == (parents or [""])[-1]]
    return ends[0] if ends else None


def test_a_client_that_cuts_gets_a_handle_and_the_result_at_the_other_edge(scripted: Scripted, tmp_path: Path) -> None:
    for name, meta in (("budget", {BUDGET: 100}), ("chatgpt", CHATGPT)):
        path = tmp_path / name
        params = {"name": "execute_code", "arguments": {"code": f"return [await {hold(name, path)}]"}}
        body = scripted.a.body("tools/call", params, 1, **meta)
        handed = scripted.a.post(body, scripted.a.headers("tools/call", "execute_code")).json()["result"]
        handle = handed["structuredContent"]
        assert (handle["status"], handle["tool"]) == ("running", "execute_code")
        wait_until(lambda p=path, n=name: lines_of(p) == [f"begun {n}"], "it has begun")
        scripted.b.text("meet_release", {"name": name})
        waited = scripted.b.call("mesh_wait", {"call_id": handle["callId"]})["result"]
        assert outcome_of(waited).value == [name]


def test_a_script_may_do_what_its_caller_may_and_no_more(scripted: Scripted, tmp_path: Path) -> None:
    guest = Client(scripted.a.url, GUEST_KEY)
    path = json.dumps(str(tmp_path / "notes"))
    code = f"""
        const codes = [];
        for (const call of ["meet_meet", "mut_note", "nothing_there"])
            try {{ await toolmesh[call]({{count: 1, text: "x", path: {path}}}) }} catch (e) {{ codes.push(e.code) }}
        const noted = await toolmesh.meet_note({{text: "mine", path: {path}}});
        return [codes, noted, (await toolmesh.discover("meet hold")).length];
    """
    try:
        result = guest.call("execute_code", {"code": code})["result"]
    finally:
        guest.close()
    codes, noted, found = outcome_of(result).value
    assert codes == ["unknown_tool"] * 3
    assert noted == "noted"
    assert found <= 1, "of what it may use there is one tool that fits"
    assert lines_of(tmp_path / "notes") == ["mine"]


def test_each_call_of_a_script_is_in_the_audit_with_its_parent(scripted: Scripted) -> None:
    message = "to be found in the audit"
    handed = scripted.a.call("execute_code", {"code": f"await toolmesh.echo_echo({{message: {json.dumps(message)}}})"})
    parent = handed["result"]["_meta"]["toolmesh/call"]["callId"]

    def inner() -> list[dict[str, Any]]:
        return [dict(r) for r in scripted.running.audit() if r.get("parent") == parent]

    wait_until(inner, "the call is recorded")
    (record,) = inner()
    assert (record["backend"], record["tool"], record["code"]) == ("echo", "echo", "ok")
    assert record["call_id"] != parent
