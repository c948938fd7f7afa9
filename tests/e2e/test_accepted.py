"""Servers with all kinds of tools that clients refuse, over two edges: listed as all clients accept them, called by every
name, and at the endpoint of one backend as they are, but for clients that are strict."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from mcp import Client as SdkClient
from mcp.client.streamable_http import streamable_http_client

from edge.accepted.fitted import fits_property, fits_tool
from edge.accepted.limits import USUAL
from edge.accepted.root import REFUSED
from edge.accepted.weight import excess
from tests.chatgpt.lint import complaints
from tests.client import MODERN, Client
from tests.e2e.unusual_mesh import Unusual, tool, unusual_mesh
from tests.mesh import API_KEY, wait_until

TEXT = {"type": "string"}
READ = {"annotations": {"readOnlyHint": True}}
LEGACY = "2025-11-25"
LONG = "n" * 90
CHOICE = {"oneOf": [{"properties": {"id": TEXT}, "required": ["id"]}, {"properties": {"name": TEXT}, "required": ["name"]}]}
ODD = [
    tool("plain", {"properties": {"x": TEXT}}, **READ),
    tool("with.dots", **READ),
    tool("with_dots", **READ),
    tool(LONG, **READ),
    tool("choice", CHOICE, **READ),
    tool("named", {"properties": {"user name": TEXT, "n": {"type": "number"}}, "required": ["user name"]}, **READ),
    tool("nested", {"properties": {"filter": {"properties": {"$eq": TEXT}, "additionalProperties": False}}}, **READ),
    tool("long_text", description="Words and more words. " * 2_000, **READ),
    tool("many", {"properties": {"icon": {"enum": [f"icon number {n}" for n in range(1_200)]}}}, **READ),
    tool("hopeless", {"properties": {f"a_long_name_{n}": {"type": "integer"} for n in range(500)}}, **READ),
    tool("output", outputSchema={"type": "object", "anyOf": [{"required": ["a"]}]}, **READ),
    tool("other_output", outputSchema={"type": "string"}, **READ),
    tool("wrong", description=5, title=["x"], icons="none", **READ),
    tool("b_same", **READ),
    tool("search", **READ),
    tool("fetch", {"properties": {"id": TEXT}, "required": ["id"]}, **READ),
]
BACKENDS = {"odd": ODD, "odd_b": [tool("same", **READ)], "mesh": [tool("wait", **READ), tool("more", **READ)]}
MORE = {"odd": ", aliases: {former: plain, with_dots: plain, lost: gone}"}


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unusual]:
    with unusual_mesh(tmp_path_factory.mktemp("odd"), BACKENDS, MORE) as found:
        for edge in (found.a, found.b):
            found.running.wait_for_tools(edge, "odd_plain", "odd_b_same", "mesh_wait", "echo_echo")
            wait_until(lambda edge=edge: any(name.startswith("mesh_more_") for name in edge.tool_names()), "all are listed")
        yield found


def openai(
    client: Client, path: str, method: str, params: dict[str, Any] | None = None, era: str = MODERN
) -> dict[str, Any]:
    """A request as ChatGPT sends it."""
    headers = client.headers(method, (params or {}).get("name"), era) | {"User-Agent": "openai-mcp/1.0.0"}
    answer = client.post(client.body(method, params, "openai-mcp-1", era), headers, path)
    assert answer.headers["content-type"] == "application/json"
    return dict(answer.json())


def called(answer: dict[str, Any]) -> dict[str, Any]:
    """Tool and arguments as the server got them."""
    assert not answer["result"].get("isError"), answer
    return dict(json.loads(answer["result"]["content"][0]["text"]))


def listed(odd: Unusual, path: str = "/mcp", *, strict: bool) -> list[dict[str, Any]]:
    """What a client sees, the same at both edges."""
    lists = []
    for edge in (odd.a, odd.b):
        if strict:
            lists.append(openai(edge, path, "tools/list")["result"]["tools"])
        else:
            lists.append(edge.post(edge.body("tools/list"), edge.headers("tools/list"), path).json()["result"]["tools"])
    assert lists[0] == lists[1]
    return list(lists[0])


def fits(tools: list[dict[str, Any]]) -> None:
    assert complaints(tools) == []
    for each in tools:
        assert fits_tool(each["name"])
        assert excess(each, USUAL) == ""
        schema = each["inputSchema"]
        assert schema["type"] == "object"
        assert REFUSED.isdisjoint(schema)
        assert all(map(fits_property, schema.get("properties", {})))
        assert REFUSED.isdisjoint(each.get("outputSchema", {}))
        assert each["title"]
        assert {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"} <= each["annotations"].keys()


def names(tools: list[dict[str, Any]]) -> set[str]:
    return {re.sub("_[0-9a-f]{8}$", "_DIGEST", each["name"]) for each in tools}


OWN = {"plain", "with_dots", "choice", "named", "nested", "long_text", "many", "output", "other_output", "wrong", "b_same"}


@pytest.mark.parametrize("strict", [True, False])
def test_everybody_sees_the_same_at_the_endpoint_of_all_and_all_of_it_fits(odd: Unusual, strict: bool) -> None:
    tools = listed(odd, strict=strict)
    fits(tools)
    own = {f"odd_{name}" for name in OWN - {"b_same"}} | {"odd_search", "odd_fetch", "odd_b_same"}
    assert names(tools) >= own | {"odd_with_dots_DIGEST", "odd_b_same_DIGEST", "mesh_wait_DIGEST", "mesh_more_DIGEST"}
    assert {"odd_hopeless", "odd_former", "odd_b.same"}.isdisjoint(names(tools))
    assert [each["name"] for each in tools].count("mesh_wait") == 1


@pytest.mark.parametrize("mode", [MODERN, "legacy"])
def test_the_sdks_client_lists_and_calls_by_what_it_lists(odd: Unusual, mode: str) -> None:
    async def look(edge: Client) -> None:
        headers = {"Authorization": f"Bearer {API_KEY}"}
        async with (
            asyncio.timeout(60),
            httpx2.AsyncClient(headers=headers, trust_env=False, timeout=30) as http,
            SdkClient(streamable_http_client(edge.mcp_url, http_client=http), mode=mode) as client,
        ):
            tools = {each.name: each for each in (await client.list_tools()).tools}
            for name, arguments in (
                ("odd_choice", {"id": "x"}),
                ("odd_wrong", {}),
                ("odd_many", {"icon": "icon number 7"}),
            ):
                assert name in tools
                answer = await client.call_tool(name, arguments)
                assert json.loads(answer.content[0].text) == {"tool": name[4:], "arguments": arguments}  # type: ignore[union-attr]
            answer = await client.call_tool("odd_named", {"user_name": "Ada", "n": 1.5})
            told = json.loads(answer.content[0].text)  # type: ignore[union-attr]
            assert told == {"tool": "named", "arguments": {"user name": "Ada", "n": 1.5}}

    for edge in (odd.a, odd.b):
        asyncio.run(look(edge))


@pytest.mark.parametrize("era", [MODERN, LEGACY])
def test_a_tool_is_called_by_what_it_is_listed_by_and_by_its_canonical_name(odd: Unusual, era: str) -> None:
    tools = {each["name"]: each["_meta"].get("toolmesh/canonicalName") for each in listed(odd, strict=True)}
    aliases = {alias: canonical for alias, canonical in tools.items() if canonical is not None}
    assert len(aliases) == 5
    for alias, canonical in aliases.items():
        own = canonical.partition("_")[2]
        for edge in (odd.a, odd.b):
            assert called(openai(edge, "/mcp", "tools/call", {"name": alias, "arguments": {}}, era))["tool"] == own
        if canonical not in ("mesh_wait", "mesh_more", "odd_b_same"):
            assert called(odd.b.call(canonical, {}, era=era))["tool"] == own
    assert called(odd.a.call("odd_hopeless", {"a_long_name_1": 1}))["arguments"] == {"a_long_name_1": 1}
    assert called(odd.a.call("odd_former", {"x": "y"})) == {"tool": "plain", "arguments": {"x": "y"}}
    assert called(odd.a.call("odd_with_dots", {}))["tool"] == "with_dots", "a tool's own name wins over a former one"


def test_calls_are_checked_against_what_the_server_said(odd: Unusual) -> None:
    for edge, name, arguments, pointer in (
        (odd.a, "odd_choice", {}, ""),
        (odd.b, "odd_choice", {"id": "x", "name": "y"}, ""),
        (odd.a, "odd_many", {"icon": "another"}, "/icon"),
        (odd.b, "odd_named", {"user_name": 5}, "/user name"),
        (odd.a, "odd_named", {"user_name": "a", "user name": "b"}, "/user_name"),
        (odd.b, "odd_nested", {"filter": {"$eq": 1}}, "/filter/$eq"),
        (odd.a, "odd_hopeless", {"a_long_name_1": "x"}, "/a_long_name_1"),
    ):
        error = openai(edge, "/mcp", "tools/call", {"name": name, "arguments": arguments})["result"]["structuredContent"][
            "error"
        ]
        assert (error["code"], error["pointer"]) == ("invalid_arguments", pointer)
    passed = openai(odd.a, "/mcp", "tools/call", {"name": "odd_nested", "arguments": {"filter": {"$eq": "x"}}})
    assert called(passed)["arguments"] == {"filter": {"$eq": "x"}}


def test_one_backend_is_as_it_is_but_for_strict_clients(odd: Unusual) -> None:
    plain = listed(odd, "/mcp/b/odd", strict=False)
    assert {each["name"] for each in plain} == {each["name"] for each in ODD}
    by_name = {each["name"]: each for each in plain}
    for original in ODD:
        assert by_name[original["name"]]["inputSchema"] == original["inputSchema"]
    strict = listed(odd, "/mcp/b/odd", strict=True)
    fits(strict)
    assert names(strict) == OWN | {"with_dots_DIGEST", "n" * 55 + "_DIGEST", "odd_search", "fetch"}
    for each in strict:
        arguments = (
            {"id": "x"} if each["name"] in ("fetch", "choice") else {"user_name": "x"} if each["name"] == "named" else {}
        )
        answer = openai(odd.b, "/mcp/b/odd", "tools/call", {"name": each["name"], "arguments": arguments})
        assert called(answer)["tool"] in by_name
    named = odd.a.body("tools/call", {"name": "named", "arguments": {"user_name": "x"}})
    answer = odd.a.post(named, odd.a.headers("tools/call", "named"), "/mcp/b/odd").json()
    assert answer["result"]["isError"], "who was shown the own names is taken at its word"
    former = openai(odd.a, "/mcp/b/odd", "tools/call", {"name": "former", "arguments": {}})
    assert called(former)["tool"] == "plain"


def test_the_operator_is_told_once_for_a_catalogue_and_edge(odd: Unusual) -> None:
    for edge in (0, 1):
        (told,) = odd.logged("tools not listed", [edge])
        assert (told["backend"], told["count"], list(told["tools"])) == ("odd", 1, ["hopeless"])
        assert "bytes" in told["tools"]["hopeless"]
        assert "include_tools" in told["hint"]
        (told,) = [each for each in odd.logged("tools listed with repairs", [edge]) if each["backend"] == "odd"]
        assert {"choice", "named", "nested", "long_text", "many", "output"} == told["tools"].keys()
        (told,) = odd.logged("names are the mesh's own", [edge])
        assert told["names"].keys() == {"mesh_wait", "mesh_more"}
        assert [each["names"] for each in odd.logged("names may be another backend's", [edge])] == [{"odd_b_same": "odd_b"}]
        reasons = {each["alias"]: each["reason"] for each in odd.logged("alias without effect", [edge])}
        assert reasons == {
            "with_dots": "a tool has that name, and wins",
            "lost": "there is no tool of the new name",
        }


def test_the_audit_knows_a_call_by_the_own_name_of_its_tool(odd: Unusual) -> None:
    (alias,) = [each["name"] for each in listed(odd, strict=True) if each["name"].startswith("mesh_wait_")]
    assert called(odd.a.call(alias, {}))["tool"] == "wait"
    wait_until(lambda: any((r["backend"], r["tool"]) == ("mesh", "wait") for r in odd.running.audit()), "it is recorded")
