"""Scripts of a client, run by workers over tools of real backends: what they see, and what their caller gets."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.scripts_mesh import Running, Scripted, lines_of
from tests.mesh import wait_until

VALUES: dict[str, tuple[str, Any]] = {
    "a number": ("return 6 * 7", 42),
    "an object": ('return {a: [1, null, "x"], b: undefined}', {"a": [1, None, "x"]}),
    "a string": ('return "text"', "text"),
    "nothing": ("1 + 1", None),
    "TypeScript": ("const n: number = 20; interface A { a: number }; return ({a: n} as A).a * 2", 40),
    "JavaScript's own": ('return [..."abc"].map((c, i) => c.repeat(i + 1))', ["a", "bb", "ccc"]),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_script_returns_a_value(scripted: Scripted, name: str) -> None:
    code, value = VALUES[name]
    found = scripted.run(code)
    assert not found.failed
    assert [json.loads(text) for text in found.texts] == [value]


SEEN: dict[str, tuple[str, Any]] = {
    "JSON as a value": ("echo_add({a: 2, b: 3})", 5),
    "text as a string": ('echo_echo({message: "hello"})', "hello"),
    "a string that is JSON": ('echo_echo({message: "[1]"})', [1]),
    "null where there is no text": ('meet_shapes({kind: "picture"})', None),
    "structured content where there is no text": ('meet_shapes({kind: "structured"})', {"a": 1}),
    "the text where there are both": ('meet_shapes({kind: "both"})', "for people"),
}


@pytest.mark.parametrize("name", SEEN)
def test_a_script_sees_of_a_result(scripted: Scripted, name: str) -> None:
    call, value = SEEN[name]
    assert scripted.run(f"return {{v: await toolmesh.{call}}}", scripted.b).value == {"v": value}


def test_a_result_that_is_too_large_for_a_channel_reaches_the_script(scripted: Scripted) -> None:
    assert scripted.run('return (await toolmesh.meet_shapes({kind: "large"})).length').value == 200_000


def test_calls_of_one_script_run_at_the_same_time(scripted: Scripted) -> None:
    """Each of them answers only when all fifty are there."""
    code = "return (await Promise.all(Array.from({length: 50}, () => toolmesh.meet_meet({count: 50})))).length"
    assert scripted.run(code).value == 50


def test_calls_that_nobody_awaits_are_waited_for(scripted: Scripted, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    code = f"for (const text of ['a', 'b']) toolmesh.mut_note({{text, path: {json.dumps(str(path))}}}); return 'done'"
    found = scripted.run(code)
    assert found.value == "done"
    assert sorted(lines_of(path)) == ["a", "b"]
    assert [(entry["tool"], entry["status"]) for entry in found.entries] == [("mut_note", "ok")] * 2


ERRORS: dict[str, tuple[str, dict[str, Any]]] = {
    "of a tool": (
        'meet_shapes({kind: "conflict"})',
        {"code": "out_of_stock", "message": "for people", "status": 409, "http_status": 409, "retryable": False},
    ),
    "of a tool that is not there": ("meet_nothing({})", {"code": "unknown_tool"}),
    "of arguments that do not fit": ("meet_meet({count: 'many'})", {"code": "invalid_arguments", "retryable": False}),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_thrown(scripted: Scripted, name: str) -> None:
    call, expected = ERRORS[name]
    members = "({code: e.code, message: e.message, status: e.status, http_status: e.http_status, retryable: e.retryable})"
    code = f"try {{ await toolmesh.{call} }} catch (e) {{ return [e instanceof Error, e.tool, {members}] }}"
    is_error, tool, error = scripted.run(code).value
    assert is_error
    assert tool == call.partition("(")[0]
    assert error["message"]
    assert expected.items() <= error.items()


@pytest.mark.parametrize("name", ["execute_code", "discover_tools", "mesh_wait"])
def test_a_script_can_not_call_what_is_for_models(scripted: Scripted, name: str) -> None:
    found = scripted.run(f"await toolmesh.{name}({{code: '1'}})")
    assert name in found.why


def test_an_error_that_nobody_catches_fails_the_script_and_says_what_was_done(scripted: Scripted) -> None:
    found = scripted.run('console.log("first");\nawait toolmesh.echo_add({a: 1, b: 1});\nawait toolmesh.meet_nothing({})')
    assert found.failed
    assert [(entry["tool"], entry["status"]) for entry in found.entries] == [("echo_add", "ok"), ("meet_nothing", "error")]
    assert found.entries[0]["result"]["content"][0]["text"] == "2"
    assert found.entries[1]["error"]["code"] == "unknown_tool"
    assert found.logs == ["first"]
    assert found.why.startswith("execute_code failed: ")
    assert found.why.endswith("(line 3)")


FAILING: dict[str, tuple[str, str]] = {
    "a throw": ("let a = 1;\nthrow new TypeError('no such thing')", "TypeError: no such thing (line 2)"),
    "a syntax error": ("return {", "SyntaxError"),
    "a rejection that nobody handles": ("Promise.reject(new Error('left'))", "Error: left"),
    "a value that is no JSON": ("return 10n", "BigInt"),
    "what scripts have not": ("return fetch('https://example.org')", "ReferenceError"),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_script_fails_by(scripted: Scripted, name: str) -> None:
    code, why = FAILING[name]
    found = scripted.run(code)
    assert found.why.startswith("execute_code failed: ")
    assert why in found.why


def test_what_is_logged_comes_back_up_to_a_limit(scripted: Scripted) -> None:
    found = scripted.run("console.log('a', {b: [1]}); console.log(2); return null")
    assert found.value is None
    assert found.logs[0].startswith("a ")
    assert found.logs[1] == "2"
    many = scripted.run("for (let i = 0; i < 100; i++) console.log('x'.repeat(100)); return 1")
    assert many.value == 1
    assert len("".join(many.logs)) < 2_300


def test_results_are_given_whole_where_they_are_asked_for(scripted: Scripted) -> None:
    code = "return await toolmesh.echo_add({a: 1, b: 2})"
    short, whole = scripted.run(code), scripted.run(code, include_results=True)
    assert short.value == whole.value == 3
    assert short.entries[0].keys() == {"tool", "status", "resultBytes"}
    assert whole.entries[0]["result"]["content"] == [{"type": "text", "text": "3"}]
    assert scripted.run("await toolmesh.echo_add({a: 1, b: 2})").entries[0]["result"]["content"][0]["text"] == "3"


def test_a_script_finds_tools_and_what_they_take(scripted: Scripted) -> None:
    code = """
        const found = await toolmesh.discover("add two numbers");
        const tool = await toolmesh.describe("echo_add");
        return {found: found.map(t => t.name), takes: Object.keys(tool.inputSchema.properties)};
    """
    found = scripted.run(code)
    assert "echo_add" in found.value["found"]
    assert found.value["takes"] == ["a", "b"]
    assert json.loads(found.texts[0]) == found.value, "neither is a call, so the value stands alone"


def test_a_script_may_make_so_many_calls_and_no_more(scripted: Scripted) -> None:
    code = """
        let done = 0;
        try { for (;;) { await toolmesh.echo_add({a: 1, b: 1}); done += 1 } }
        catch (e) { return [done, e.code] }
    """
    assert scripted.run(code).value == [60, "too_many_calls"]


@pytest.mark.parametrize("code", ["return 1", "return await toolmesh.echo_time({})"])
def test_a_script_of_one_run_leaves_nothing_to_the_next(scripted: Scripted, code: str) -> None:
    for _ in range(2):
        found = scripted.run(f"globalThis.left = (globalThis.left ?? 0) + 1; Object.prototype.left = 1; {code}")
        assert not found.failed
    assert scripted.run("return [typeof globalThis.left, typeof ({}).left]").value == ["undefined", "undefined"]


def test_time_that_is_over_ends_a_script_and_tells_what_ran_and_what_was_still_running(
    scripted: Scripted, tmp_path: Path
) -> None:
    path = tmp_path / "held"
    code = f"""
        console.log("begun");
        await toolmesh.echo_add({{a: 1, b: 1}});
        await toolmesh.meet_hold({{name: "time", path: {json.dumps(str(path))}}});
    """
    found = scripted.run(code)
    assert [(entry["tool"], entry["status"]) for entry in found.entries] == [("echo_add", "ok"), ("meet_hold", "running")]
    assert found.logs == ["begun"]
    assert "1 of 2 calls had no answer then: meet_hold" in found.why
    wait_until(lambda: lines_of(path) == ["begun time", "cancelled time"], "the upstream has heard of it")


def test_a_loop_without_an_end_is_ended_and_others_go_on(scripted: Scripted) -> None:
    endless = Running(scripted.a, "for (;;) {}")
    assert scripted.run("return 1", scripted.b).value == 1
    assert endless.outcome().failed
