"""Composites: scripts of a DADL file over the tools of the same file, run as their caller (DADL 0.2, composites)."""

import json
from typing import Any

import msgspec
import pytest

from shared import keys
from shared.codec import seal
from shared.inner import ParentGrant
from tests.e2e.composed_mesh import TOKEN, Composed
from tests.letters import RING, a_call, job, plant
from tests.mesh import mesh_keys, wait_until
from tests.toolmesh.command import toolmesh


def test_a_composite_returns_the_json_of_its_value_as_the_one_text(composed: Composed) -> None:
    assert composed.value("grid_busy_zones") == {"min": 80, "words": None, "busy": ["North"]}
    assert composed.value("grid_nothing") is None


def test_its_params_are_the_arguments_with_the_defaults_of_what_was_not_given(composed: Composed) -> None:
    given = {"min": 5, "words": ["x"]}
    assert composed.value("grid_busy_zones", given) == given | {"busy": ["North", "South"]}
    assert composed.value("grid_busy_zones", {"min": None})["min"] == 80
    refused = composed.result("grid_limit_all", {"wats": 1})
    assert refused["isError"]
    assert "watts" in refused["content"][0]["text"], "arguments are validated"


def test_what_it_logs_is_for_programs(composed: Composed) -> None:
    result = composed.result("grid_busy_zones")
    assert result["_meta"]["toolmesh/logs"] == ["looked at 2"]
    assert "looked at" not in json.dumps(result["content"])


def test_its_calls_carry_the_credential_and_its_own_answer_does_not(composed: Composed) -> None:
    result = composed.result("grid_busy_zones")
    assert TOKEN not in json.dumps(result)


def test_each_of_its_calls_is_in_the_audit_under_its_caller(composed: Composed) -> None:
    before = len(composed.running.audit())
    composed.value("grid_limit_all", {"watts": 5}, composed.bob)

    def records() -> list[dict[str, object]]:
        return [r for r in composed.running.audit()[before:] if r["subject"] == "bob"]

    wait_until(lambda: any(r["tool"] == "limit_all" and r["phase"] == "outcome" for r in records()), "the audit")
    (parent,) = [r for r in records() if r["tool"] == "limit_all" and r["phase"] == "outcome"]
    inner = [r for r in records() if r["parent"] == parent["call_id"]]
    assert [(r["tool"], r["phase"]) for r in inner].count(("set_limit", "outcome")) == 2
    assert ("list_zones", "outcome") in [(r["tool"], r["phase"]) for r in inner]
    order = [(r["tool"], r["phase"]) for r in records()]
    assert order.index(("limit_all", "intent")) < order.index(("set_limit", "intent")), (
        "it is marked before its first write"
    )
    assert order.index(("limit_all", "intent")) > order.index(("list_zones", "outcome")), "and not before"


def test_a_call_that_fails_throws_what_the_api_said(composed: Composed) -> None:
    error = composed.value("grid_missing_zone")
    assert error["name"] == "ToolError"
    assert error["http_status"] == 404
    assert "No such zone" in error["api_message"]
    assert error["message"].startswith(f"[{error['code']}] HTTP 404: ")


def test_a_composite_that_does_not_catch_it_fails_with_its_code_and_the_line(composed: Composed) -> None:
    code = composed.value("grid_missing_zone")["code"]
    error = composed.failure("grid_uncaught")
    assert (error["code"], error["http_status"], error["line"]) == (code, 404, 2)
    assert error["text"].startswith(f"[{code}] HTTP 404: ")
    assert error["text"].endswith("(line 2 of the composite uncaught)")


def test_a_defect_of_the_script_is_told_with_its_line(composed: Composed) -> None:
    error = composed.failure("grid_broken")
    assert (error["code"], error["line"], error["retryable"]) == ("composite_failed", 2, False)
    assert error["text"] == (
        "[composite_failed] TypeError: cannot read property 'name' of undefined (line 2 of the composite broken)"
    )


def test_a_composite_calls_nothing_that_its_caller_may_not(composed: Composed) -> None:
    error = composed.failure("grid_busy_zones", client=composed.eve)
    assert error["code"] == "unknown_tool"
    assert "grid_zone_load" in error["text"]


@pytest.mark.parametrize("tool", ["grid_own_reset", "grid_sly_reset"], ids=["not asked for", "not approved"])
def test_what_only_the_file_or_only_the_operator_delegates_is_not_delegated(composed: Composed, tool: str) -> None:
    before = len(composed.requests("/reset"))
    assert composed.failure(tool, client=composed.bob)["code"] == "unknown_tool"
    assert len(composed.requests("/reset")) == before


def test_what_is_delegated_to_it_and_approved_it_calls_for_a_caller_who_may_not(composed: Composed) -> None:
    before = len(composed.requests("/reset"))
    assert "error" in composed.bob.call("grid_reset", {}), "the caller may not"
    assert composed.value("grid_safe_reset", client=composed.bob) == "reset"
    assert len(composed.requests("/reset")) == before + 1

    def delegated() -> list[dict[str, object]]:
        return [r for r in composed.running.audit() if r["tool"] == "reset" and r["subject"] == "bob" and r["delegated"]]

    wait_until(lambda: len(delegated()) == 2, "the audit says who delegated")
    assert {r["delegated"] for r in delegated()} == {"safe_reset"}


def test_who_may_not_use_the_composite_gets_nothing_of_what_is_delegated_to_it(composed: Composed) -> None:
    assert "Unknown tool" in composed.eve.call("grid_safe_reset", {})["error"]["message"]


def test_a_script_calls_a_composite_which_makes_calls_of_its_own(composed: Composed) -> None:
    code = "return [await toolmesh.grid_busy_zones({min: 1}), await toolmesh.grid_limit_all({watts: 1})]"
    texts = composed.result("execute_code", {"code": code})["content"]
    entries = json.loads(texts[0]["text"])
    assert entries[0]["return"] == [{"min": 1, "words": None, "busy": ["North", "South"]}, 2]
    assert [e["tool"] for e in entries if "tool" in e] == ["grid_busy_zones", "grid_limit_all"]


def test_many_composites_of_one_script_end(composed: Composed) -> None:
    code = "return (await Promise.all(Array.from({length: 20}, () => toolmesh.grid_busy_zones({})))).length"
    result = composed.result("execute_code", {"code": code})
    assert not result.get("isError"), result
    assert json.loads(result["content"][0]["text"])[0]["return"] == 20


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("return await api.busy_zones({});", "no tool of its file"),
        ("return await api.echo_echo({message: 'x'});", "no tool of its file"),
        ("return await api['grid_list_zones']({});", "no tool of its file"),
        ("return await toolmesh.echo_echo({message: 'x'});", "toolmesh is not defined"),
        ("return await api.discover({query: 'x'});", "no tool of its file"),
        ("api.list_zones = () => 1; return 1;", "can't be changed"),
        ("return await api.list_zones({no_such: 1});", "no_such"),
        ("return await api.zone_load([1]);", "named arguments"),
        ("for (let i = 0; i < 51; i++) await api.list_zones({});", "50 calls"),
        ("throw {code: 'x'};", "Thrown"),
        ("return () => 1;", "not JSON"),
        ("return 'x'.repeat(2e6);", "larger than"),
        ("let x = []; for (;;) x.push(new Uint8Array(1e6));", "memory"),
    ],
)
def test_a_composite_does_nothing_but_call_tools_of_its_file(composed: Composed, code: str, said: str) -> None:
    result = composed.hostile(code)
    assert result["isError"], result
    assert said in result["content"][0]["text"]


@pytest.mark.parametrize(
    "code",
    [
        "Object.prototype.then = 1; Array.prototype.map = () => 'x'; return (await api.list_zones({}))[0].id;",
        "JSON.stringify = () => '\"forged\"'; return (await api.list_zones({}))[0].id;",
        "return (await api.list_zones({__proto__: null}))[0].id;",
        "params.code = 1; return (await api.list_zones({}))[0].id;",
    ],
)
def test_what_it_rewrites_is_its_own(composed: Composed, code: str) -> None:
    result = composed.hostile(code)
    assert json.loads(result["content"][0]["text"]) == "n", result
    assert composed.value("grid_busy_zones")["busy"] == ["North"]


def test_an_error_that_it_makes_up_is_told_as_its_own_words(composed: Composed) -> None:
    code = "throw Object.assign(new Error('[x] y'), {name: 'ToolError', code: 'x', http_status: 7e9, provider_code: 'p'});"
    result = composed.hostile(code)
    error = result["structuredContent"]["error"]
    assert (error["code"], error["provider_code"]) == ("x", "p")
    assert "http_status" not in error
    assert result["content"][0]["text"].startswith("[x] y (line 1")


def test_health_says_how_it_is_and_when_the_credential_ends(composed: Composed) -> None:
    said = composed.value("grid_health", client=composed.eve)
    assert (said["ok"], said["http_status"], said["auth_expires_at"]) == (True, 200, "2030-03-17T17:46:40Z")
    assert said["latency_ms"] > 0
    assert said["checked_at"].endswith("Z")


def test_health_is_found_by_its_name_alone(composed: Composed) -> None:
    code = "return [await toolmesh.discover('health reached credential'), await toolmesh.discover('grid_health')]"
    found = json.loads(composed.result("execute_code", {"code": code})["content"][0]["text"])
    by_words, by_name = [[tool["name"] for tool in each] for each in found]
    assert "grid_health" not in by_words
    assert by_name[0] == "grid_health"


def letter(composed: Composed, **fields: Any) -> str:
    """Set a composite aside; gives its call id."""
    call = a_call(
        queue=keys.queue("default", "grid", "script"), backend="grid", tool="busy_zones", arguments=b"{}", **fields
    )
    grant = ParentGrant(
        parent=call.call_id, group="default", principal=call.principal, deadline_ms=1, backend="grid", tool="x"
    )
    call = msgspec.structs.replace(call, grant=seal(RING, "edge", grant)) if "grant" not in fields else call
    plant(composed.running.broker, call.call_id, job(call))
    return call.call_id


def test_a_composite_that_was_set_aside_is_sent_again_and_may_call_again(composed: Composed) -> None:
    sent = {"callId": letter(composed), "waitS": 10}
    answer = composed.edge.request("toolmesh/queue/retry", sent)["result"]
    assert json.loads(answer["result"]["content"][0]["text"])["busy"] == ["North"]


def test_what_was_no_composite_then_is_not_sent_again_as_one(composed: Composed) -> None:
    sent = {"callId": letter(composed, grant=b""), "waitS": 10}
    assert "is a tool of another kind now" in json.dumps(composed.edge.request("toolmesh/queue/retry", sent)["error"])


def test_its_queue_is_listed(composed: Composed) -> None:
    where = ("--config", str(composed.running.config), "--json")
    done = toolmesh("queue", "ls", *where, REDIS_URL=composed.running.broker.url, TOOLMESH_MESH_KEYS=mesh_keys())
    queues = json.loads(done.out)["queues"]
    assert [each["lane"] for each in queues if each["backend"] == "grid"] == ["read", "write", "script"]
    assert {each["lane"] for each in queues if each["backend"] == "echo"} == {"read", "write"}
