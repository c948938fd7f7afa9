"""The proxy of the tests of several edges does what those tests rest on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from tests.mesh import free_port
from tests.round_robin import serve

BOUND_S = 20


class Edge:
    """Says what it was sent; `/stream` gives one piece, and the next when it is told to."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.go_on = asyncio.Event()
        self.left = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path != "/stream":
            said = {"edge": self.name, **{name: request.headers.get(name) for name in ("Host", "Origin", "Authorization")}}
            return web.json_response({**said, "body": await request.text()}, status=207, headers={"X-Kept": "yes"})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"first")
        try:
            await self.go_on.wait()
            await response.write(b"second")
        except asyncio.CancelledError:
            self.left.set()
            raise
        return response


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[aiohttp.ClientSession, str, list[Edge], list[str]]]:
    """A client, the proxy's address, and the two edges with their addresses."""
    edges, hosts, runners = [Edge("one"), Edge("two")], [], []
    for edge in edges:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", edge.answer)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
        await runner.setup()
        hosts.append(f"127.0.0.1:{free_port()}")
        await web.TCPSite(runner, "127.0.0.1", int(hosts[-1].rpartition(":")[2])).start()
        runners.append(runner)
    own, ready = f"127.0.0.1:{free_port()}", asyncio.Event()
    running = asyncio.create_task(
        serve(int(own.rpartition(":")[2]), [f"http://{host}" for host in hosts], "the-key", ready.set)
    )
    try:
        async with asyncio.timeout(BOUND_S), aiohttp.ClientSession() as client:
            await ready.wait()
            yield client, own, edges, hosts
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        for runner in runners:
            await runner.cleanup()


def test_each_request_goes_to_the_next_edge_over_one_connection_too() -> None:
    async def main() -> None:
        async with proxied() as (client, own, _, hosts):
            said = [await (await client.post(f"http://{own}/mcp", data=b"x")).json() for _ in range(4)]
            assert [answer["edge"] for answer in said] == ["one", "two", "one", "two"]
            assert [answer["Host"] for answer in said] == hosts * 2
            assert await (await client.get(f"http://{own}/-/counts")).json() == [2, 2]

    asyncio.run(main())


def test_what_names_the_proxy_names_the_edge_and_the_rest_passes_as_it_is() -> None:
    async def main() -> None:
        async with proxied() as (client, own, _, hosts):
            answer = await client.post(f"http://{own}/x", headers={"Origin": f"http://{own}"}, data=b"whole")
            assert (answer.status, answer.headers["X-Kept"]) == (207, "yes")
            said = await answer.json()
            assert said["Origin"] == f"http://{hosts[0]}"
            assert (said["Authorization"], said["body"]) == ("Bearer the-key", "whole")
            foreign = {"Host": "evil.example", "Origin": "http://evil.example", "Authorization": "Bearer mine"}
            said = await (await client.post(f"http://{own}/x", headers=foreign)).json()
            assert {name: said[name] for name in foreign} == foreign

    asyncio.run(main())


def test_a_stream_is_not_held_back_and_its_end_is_noticed_on_both_sides() -> None:
    async def main() -> None:
        async with proxied() as (client, own, edges, _):
            async with client.get(f"http://{own}/stream") as answer:
                assert await answer.content.readany() == b"first"
                edges[0].go_on.set()
                assert await answer.content.read() == b"second"
            async with client.get(f"http://{own}/stream") as answer:
                assert await answer.content.readany() == b"first"
            await edges[1].left.wait()

    asyncio.run(main())
