"""Every method of MCP that is relayed, against the SDK's server in each era."""

from typing import Any

import msgspec
import pytest

from shared.errors import UpstreamError
from shared.messages import Client
from tests.upstreams.evil import PLAIN
from tests.upstreams.started import Upstream, calling, run

ME = Client(
    asking="retry",
    capabilities=b'{"elicitation":{"form":{}}}',
    info=b'{"name":"somebody","version":"7"}',
    log_level="warning",
)


def test_everything_that_a_server_has_is_offered(upstream: Upstream) -> None:
    async def test() -> None:
        async with calling(upstream.url) as caller:
            offer = await caller.offer()
            assert "touch" in [tool.name for tool in offer.tools]
            assert [msgspec.json.decode(p)["name"] for p in offer.prompts] == ["greet"]
            assert [msgspec.json.decode(r)["uri"] for r in offer.resources] == ["note://counter", "note://other"]
            assert [msgspec.json.decode(t)["uriTemplate"] for t in offer.templates] == ["note://item/{item_id}"]
            server = msgspec.json.decode(offer.server)
            assert server["capabilities"]["resources"]["subscribe"] is True

    run(test)


def test_prompts_resources_and_completions_are_answered(upstream: Upstream) -> None:
    async def test() -> None:
        async with calling(upstream.url) as caller:
            prompt = await caller.request("prompts/get", {"name": "greet", "arguments": {"name": "Ada"}})
            assert prompt["messages"][0]["content"]["text"] == "Greet Ada."
            item = await caller.request("resources/read", {"uri": "note://item/ä b"})
            assert item["contents"][0]["text"] == "item ä b"
            asked = {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "name", "value": "a"}}
            assert (await caller.request("completion/complete", asked))["completion"]["values"] == ["ada", "alan"]

    run(test)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("resources/read", {"uri": "note://absent/at/all"}),
        ("prompts/get", {"name": "absent"}),
        ("tools/absent", {}),
    ],
)
def test_an_error_keeps_its_code_and_its_data(upstream: Upstream, method: str, params: dict[str, Any]) -> None:
    async def test() -> None:
        async with calling(upstream.url) as caller:
            with pytest.raises(UpstreamError) as raised:
                await caller.request(method, params)
            error = (raised.value.data or {})["error"]
            assert isinstance(error["code"], int)
            if method == "resources/read":
                assert error["data"] == {"uri": "note://absent/at/all"}
            assert await caller.text("echo", {"message": "after"}) == "after"

    run(test)


@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("prompts/get", {"name": "grüß"}, "=?base64?Z3LDvMOf?="),
        ("resources/read", {"uri": "note://x y"}, "note://x y"),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "n"}, "argument": {}}, None),
    ],
)
def test_a_modern_request_says_what_it_is_about_and_for_whom(
    evil: Upstream, method: str, params: dict[str, Any], name: str | None
) -> None:
    inputs = b' {"inputResponses":{"q":{"action":"accept"}},"requestState":"s"} '

    async def test() -> None:
        async with calling(evil.url) as caller:
            with pytest.raises(UpstreamError):
                await caller.request(method, params, client=ME, inputs=inputs, meta=b'{"x-trace":[1.0]}', progress=True)
            sent = (await caller.text("last")).partition("\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in sent[0].split("\r\n")[1:])
            assert headers["Mcp-Method"] == method
            assert headers.get("Mcp-Name") == name
            body = msgspec.json.decode(sent[2])
            meta = body["params"].pop("_meta")
            assert meta.pop("progressToken") == body["id"]
            assert meta == {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "somebody", "version": "7"},
                "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
                "io.modelcontextprotocol/logLevel": "warning",
                "x-trace": [1.0],
            }
            answers = {"inputResponses": {"q": {"action": "accept"}}, "requestState": "s"}
            assert body["params"] == {**params, **answers}

    run(test)


def test_a_question_as_a_result_comes_raw_and_the_answer_goes_back(modern: Upstream) -> None:
    async def test() -> None:
        async with calling(modern.url) as caller:
            asked = msgspec.json.decode(await caller.call("ask_name", client=ME))
            assert asked["resultType"] == "input_required"
            assert asked["inputRequests"]["name"]["method"] == "elicitation/create"
            answer = {"action": "accept", "content": {"name": "Ada"}}
            inputs = msgspec.json.encode({"inputResponses": {"name": answer}, "requestState": asked["requestState"]})
            assert "Ada" in await caller.text("ask_name", client=ME, inputs=inputs)

    run(test)


def test_a_server_of_the_modern_era_sees_the_client_itself(modern: Upstream) -> None:
    async def test() -> None:
        async with calling(modern.url, relay=["sampling"]) as caller:
            seen = msgspec.json.decode(await caller.text("client", client=ME))
            assert seen == {"capabilities": {"elicitation": {"form": {}}}, "name": "somebody"}

    run(test)


def test_a_server_of_the_2025_era_sees_what_the_operator_relays(legacy: Upstream) -> None:
    everything: tuple[tuple[list[str], dict[str, Any]], ...] = (
        ([], {}),
        (["roots", "elicitation"], {"elicitation": {"form": {}, "url": {}}, "roots": {}}),
        (["sampling"], {"sampling": {"tools": {}}}),
    )

    async def test() -> None:
        for relay, capabilities in everything:
            async with calling(legacy.url, relay=relay) as caller:
                seen = msgspec.json.decode(await caller.text("client", client=ME))
                assert seen == {"capabilities": capabilities, "name": "toolmesh"}

    run(test)


def test_the_result_of_any_method_passes_byte_for_byte(evil: Upstream) -> None:
    async def test() -> None:
        async with calling(evil.url) as caller:
            assert await caller.call("plain", client=ME) == PLAIN

    run(test)
