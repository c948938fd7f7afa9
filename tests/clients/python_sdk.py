"""The Python SDK as a client, over Streamable HTTP, HTTP+SSE or the stdio of another program."""

import asyncio
from typing import Any

import httpx2
import mcp_types as types
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from tests.clients.visit import Ask, Seen, Visit

_VISIT_S = 60


def visit_http(url: str, key: str, era: str, visit: Visit) -> Seen:
    """Over Streamable HTTP; `era` is `legacy`, `auto` or a version."""

    answers = _Answers()

    async def main() -> Seen:
        headers = {"Authorization": f"Bearer {key}"}
        async with (
            asyncio.timeout(_VISIT_S),
            httpx2.AsyncClient(headers=headers, trust_env=False, timeout=30) as http,
            answers.client(streamable_http_client(url, http_client=http), era) as client,
        ):
            return await _visit(client, visit, answers)

    return asyncio.run(main())


def visit_sse(url: str, key: str, visit: Visit) -> Seen:
    """Over HTTP+SSE (MCP 2024-11-05); `url` is that of the stream."""

    answers = _Answers()

    async def main() -> Seen:
        transport = sse_client(url, {"Authorization": f"Bearer {key}"})
        async with asyncio.timeout(_VISIT_S), answers.client(transport, "legacy") as client:
            return await _visit(client, visit, answers)

    return asyncio.run(main())


def visit_stdio(command: list[str], environment: dict[str, str], visit: Visit) -> Seen:
    """Through a program that speaks MCP on its stdio, as mcp-remote does."""

    answers = _Answers()

    async def main() -> Seen:
        program = StdioServerParameters(command=command[0], args=command[1:], env=environment)
        async with asyncio.timeout(_VISIT_S), answers.client(program, "legacy") as client:
            return await _visit(client, visit, answers)

    return asyncio.run(main())


class _Answers:
    """What the client says when the server asks."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def client(self, server: Any, era: str) -> Client:
        """A client that can be asked for all that there is."""
        return Client(
            server,
            mode=era,
            elicitation_callback=self._elicit,
            sampling_callback=self._sample,
            list_roots_callback=self._list_roots,
        )

    async def _elicit(self, context: Any, params: types.ElicitRequestParams) -> types.ElicitResult:
        self.asked.append("elicitation/create")
        content: dict[str, Any] = {"name": "someone", "email": "someone@example.org", "username": "someone"}
        return types.ElicitResult(action="accept", content=content)

    async def _sample(self, context: Any, params: types.CreateMessageRequestParams) -> types.CreateMessageResult:
        self.asked.append("sampling/createMessage")
        said = types.TextContent(type="text", text="a sample")
        return types.CreateMessageResult(role="assistant", content=said, model="none")

    async def _list_roots(self, context: Any) -> types.ListRootsResult:
        self.asked.append("roots/list")
        return types.ListRootsResult.model_validate({"roots": [{"uri": "file:///somewhere"}]})


async def _visit(client: Client, visit: Visit, answers: _Answers) -> Seen:
    tools = [tool.name for tool in (await _all(client.list_tools, "tools"))]
    said = await _call(client, visit.tool)
    steps: list[float] = []

    async def note(progress: float, _total: float | None, _message: str | None) -> None:
        steps.append(progress)

    progressed = await _call(client, visit.progress, note) if visit.progress else ""
    prompts, prompted = await _prompt(client, visit.prompt) if visit.prompt else ([], "")
    resources, read = await _resource(client, visit.resource) if visit.resource else ([], "")
    return Seen(
        protocol=client.protocol_version,
        tools=tools,
        said=said,
        progressed=progressed,
        steps=steps,
        prompts=prompts,
        prompted=prompted,
        resources=resources,
        read=read,
        asked=answers.asked,
    )


async def _all(method: Any, member: str) -> list[Any]:
    found: list[Any] = []
    cursor: str | None = None
    while True:
        page = await method(cursor=cursor)
        found += getattr(page, member)
        cursor = page.next_cursor
        if cursor is None:
            return found


async def _call(client: Client, ask: Ask, note: Any = None) -> str:
    answer = await client.call_tool(ask.name, ask.arguments, progress_callback=note)
    assert not answer.is_error, answer
    return next(block.text for block in answer.content if isinstance(block, types.TextContent))


async def _prompt(client: Client, ask: Ask) -> tuple[list[str], str]:
    prompts = [prompt.name for prompt in await _all(client.list_prompts, "prompts")]
    return prompts, (await client.get_prompt(ask.name, ask.arguments)).model_dump_json()


async def _resource(client: Client, ask: Ask) -> tuple[list[str], str]:
    resources = [str(resource.uri) for resource in await _all(client.list_resources, "resources")]
    contents = (await client.read_resource(ask.name)).contents[0]
    assert isinstance(contents, types.TextResourceContents)
    return resources, contents.text
