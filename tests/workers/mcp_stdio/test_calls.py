"""Calls over stdio: in both eras, many at a time over one pipe, with everything that belongs to them and nothing else."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from shared.errors import UpstreamError, UpstreamTimeout, UpstreamUnreachable
from shared.messages import Client
from shared.settings import Settings
from tests.upstreams.started import run
from tests.upstreams.stdio_started import EVERYTHING, calling, until

ERAS = ["legacy", "modern"]


def test_the_sdks_server_is_listed_and_called_with_progress_and_a_cancelled_call_is_stopped(tmp_path: Path) -> None:
    noted = tmp_path / "cancelled"

    async def test() -> None:
        async with calling(script=EVERYTHING) as caller:
            offer = await caller.offer()
            assert {"echo", "add", "slow_progress"} <= {tool.name for tool in offer.tools}
            assert b'"everything"' in offer.server
            assert await caller.text("echo", {"message": "hä"}) == "hä"
            assert await caller.text("slow_progress", {"steps": 3, "step_ms": 1}, progress=True) == "3 steps"
            assert [r["message"] for r in caller.reports] == ["step 1 of 3", "step 2 of 3", "step 3 of 3"]
            assert all("progressToken" not in r for r in caller.reports)
            call = asyncio.create_task(caller.text("sleep", {"ms": 20_000, "cancelled_path": str(noted)}))
            await until(lambda: caller.dispatched == 3, "the call was sent")
            call.cancel()
            await asyncio.wait([call])
            await until(noted.exists, "the server stopped the work")

    run(test)


@pytest.mark.parametrize("era", ERAS)
def test_a_server_of_either_era_is_listed_and_called(era: str) -> None:
    async def test() -> None:
        async with calling("--era", era) as caller:
            offer = await caller.offer()
            assert "echo" in [tool.name for tool in offer.tools]
            assert [msgspec.json.decode(r)["uri"] for r in offer.resources] == ["test://a"]
            assert await caller.text("echo", {"message": "hä"}) == "hä"
            version = msgspec.json.decode(await caller.text("meta")).get("io.modelcontextprotocol/protocolVersion")
            assert version == ("2026-07-28" if era == "modern" else None)

    run(test)


def test_many_calls_at_a_time_get_each_its_own_answer_from_one_process() -> None:
    async def test() -> None:
        async with calling() as caller:
            wanted = [str(n) for n in range(300)]
            assert await asyncio.gather(*(caller.text("echo", {"message": n}) for n in wanted)) == wanted
            assert len(set(await asyncio.gather(*(caller.text("pid") for _ in range(20))))) == 1

    run(test)


def test_a_slow_call_does_not_hold_up_a_quick_one() -> None:
    async def test() -> None:
        async with calling() as caller:
            slow = asyncio.create_task(caller.text("sleep", {"s": 30}))
            assert await caller.text("echo", {"message": "quick"}) == "quick"
            assert not slow.done()
            slow.cancel()
            await asyncio.wait([slow])

    run(test)


def test_arguments_that_are_written_over_several_lines_reach_the_server_as_one_line() -> None:
    async def test() -> None:
        async with calling() as caller:
            assert await caller.text("echo", b'{\r\n  "message":\n    "a\\nb"\n}') == "a\nb"

    run(test)


def test_a_large_argument_and_a_large_answer_pass_the_pipes() -> None:
    async def test() -> None:
        async with calling() as caller:
            message = "x" * 3_000_000
            assert await caller.text("echo", {"message": message}) == message

    run(test)


def test_progress_reaches_only_the_call_whose_token_it_names() -> None:
    async def test() -> None:
        async with calling() as caller:
            await caller.text("progress", {"steps": 2}, progress=True)
            assert caller.reports == [{"progress": 1}, {"progress": 2}]
            await caller.text("progress", {"steps": 2, "token": 99_999}, progress=True)
            await caller.text("progress", {"steps": 2, "token": "1"}, progress=True)
            assert len(caller.reports) == 2

    run(test)


def test_a_log_message_reaches_the_one_call_in_flight_as_far_as_its_client_wants_it() -> None:
    async def test() -> None:
        async with calling() as caller:
            levels = {"levels": ["debug", "info", "error"]}
            await caller.text("log", levels)
            assert caller.notices == []
            await caller.text("log", levels, client=Client(log_level="info"))
            assert [params["level"] for _, params in caller.notices] == ["info", "error"]
            slow = asyncio.create_task(caller.text("sleep", {"s": 30}, client=Client(log_level="debug")))
            await until(lambda: caller.dispatched == 3, "the slow call was sent")
            await caller.text("log", levels, client=Client(log_level="debug"))
            slow.cancel()
            await asyncio.wait([slow])
            assert len(caller.notices) == 2, "with two calls in flight nobody knows whose it is"
            asked = [line for line in msgspec.json.decode(await caller.text("heard")) if "setLevel" in line]
            assert asked == ["logging/setLevel info", "logging/setLevel debug"]

    run(test)


def test_the_servers_own_error_is_relayed_whole() -> None:
    async def test() -> None:
        async with calling() as caller:
            text = '{"jsonrpc":"2.0","id":ID,"error":{"code":-32050,"message":"no","data":{"why":1}}}'
            with pytest.raises(UpstreamError) as caught:
                await caller.call("answer", {"text": text})
            assert caught.value.data == {"error": {"code": -32050, "message": "no", "data": {"why": 1}}}

    run(test)


@pytest.mark.parametrize("asked", ["elicitation/create", "sampling/createMessage", "roots/list", "nonsense"])
def test_a_server_may_ask_the_client_nothing_unless_its_entry_says_so(asked: str) -> None:
    async def test() -> None:
        async with calling() as caller:
            caller.answer = lambda method, params: {"result": {}}
            answer = msgspec.json.decode(await caller.text("ask", {"method": asked}))
            assert answer["error"]["code"] == -32601
            assert caller.asked == []
            assert msgspec.json.decode(await caller.text("ask", {"method": "ping"})) == {"result": {}}

    run(test)


def test_where_the_entry_relays_it_the_client_of_the_one_call_is_asked() -> None:
    async def test() -> None:
        async with calling(relay=["elicitation"]) as caller:
            caller.answer = lambda method, params: {"result": {"action": "accept", "content": params}}
            one, two = await asyncio.gather(
                *(caller.text("ask", {"method": "elicitation/create", "params": {"n": n}}) for n in (1, 2))
            )
            assert msgspec.json.decode(one)["result"]["content"] == {"n": 1}
            assert msgspec.json.decode(two)["result"]["content"] == {"n": 2}
            refused = msgspec.json.decode(await caller.text("ask", {"method": "roots/list"}))
            assert refused["error"]["code"] == -32601
            assert [method for method, _ in caller.asked] == ["elicitation/create"] * 2

    run(test)


def test_with_relay_a_server_takes_one_call_at_a_time_and_several_servers_take_several() -> None:
    async def test() -> None:
        async with calling(relay=["sampling"], options={"processes": 2}) as caller:
            async with asyncio.timeout(10):
                while len(set(await asyncio.gather(caller.text("pid"), caller.text("pid")))) < 2:
                    await asyncio.sleep(0.02)
            sent = caller.dispatched
            calls = [asyncio.create_task(caller.text("sleep", {"s": 30})) for _ in range(2)]
            await until(lambda: caller.dispatched == sent + 2, "both servers are busy")
            with pytest.raises(UpstreamUnreachable, match="no server free"):
                await caller.text("pid", timeout_s=0.1)
            assert caller.dispatched == sent + 2
            calls[0].cancel()
            assert await caller.text("echo", {"message": "free"}) == "free"
            calls[1].cancel()
            await asyncio.wait(calls)

    run(test)


def test_calls_of_one_owner_meet_the_same_process() -> None:
    async def test() -> None:
        async with calling(options={"processes": 3}) as caller:
            await caller.offer()
            calls = await asyncio.gather(*(caller.text("pid", owner=f"o{n % 10}") for n in range(40)))
            assert all(len({pid for m, pid in enumerate(calls) if m % 10 == n}) == 1 for n in range(10))
            assert len(set(calls)) > 1

    run(test)


def test_a_call_that_is_not_answered_in_its_time_is_a_time_out_and_the_server_is_told() -> None:
    async def test() -> None:
        async with calling(options={"timeout": "200ms"}) as caller:
            await caller.offer()
            with pytest.raises(UpstreamTimeout):
                await caller.text("sleep", {"s": 30})
            heard = msgspec.json.decode(await caller.text("heard"))
            assert [line for line in heard if line.startswith("notifications/cancelled")]

    run(test)


def test_a_change_of_the_lists_is_told_however_the_server_floods_with_it_once_in_a_while() -> None:
    async def test() -> None:
        async with calling(settings=Settings(upstream_changes_s=60)) as caller:
            await caller.text("notify", {"method": "notifications/tools/list_changed"})
            await asyncio.wait_for(caller.changes.wait(), 5)
            caller.changes.clear()
            for _ in range(20):
                await caller.text("notify", {"method": "notifications/prompts/list_changed"})
            assert not caller.changes.is_set()

    run(test)


def test_watched_resources_are_subscribed_to_and_only_their_updates_are_told() -> None:
    async def test() -> None:
        async with calling() as caller:
            await caller.offer()
            await caller.backend.watch(frozenset({"test://a"}))
            for uri in ("test://other", "test://a"):
                await caller.text("notify", {"method": "notifications/resources/updated", "params": {"uri": uri}})
            await until(lambda: bool(caller.updates), "an update is told")
            await caller.backend.watch(frozenset({"test://b"}))
            heard = []
            async with asyncio.timeout(5):
                while "resources/unsubscribe test://a" not in heard:
                    heard = msgspec.json.decode(await caller.text("heard"))
            assert {"resources/subscribe test://a", "resources/subscribe test://b"} <= set(heard)
            assert caller.updates == ["test://a"]

    run(test)


def test_a_modern_server_is_listened_to_with_the_resources_that_are_watched() -> None:
    async def test() -> None:
        async with calling("--era", "modern") as caller:
            await caller.offer()
            await caller.backend.watch(frozenset({"test://a"}))
            heard = ""
            async with asyncio.timeout(5):
                while '"resourceSubscriptions": ["test://a"]' not in heard:
                    heard = str(msgspec.json.decode(await caller.text("heard")))
            assert '"toolsListChanged": true' in heard

    run(test)


def test_a_call_waits_for_a_server_that_takes_its_time_to_start() -> None:
    async def test() -> None:
        async with calling("--start-s", "1") as caller:
            assert await caller.text("echo", {"message": "late"}) == "late"
            assert len((await caller.offer()).tools) > 5

    run(test)


def test_a_call_for_a_server_that_never_gets_ready_was_not_sent() -> None:
    async def test() -> None:
        async with calling("--start-s", "60", settings=Settings(stdio_wait_s=0.2, stdio_stop_s=0.1)) as caller:
            with pytest.raises(UpstreamUnreachable, match="Nothing of the call was sent"):
                await caller.text("echo", {"message": "x"})
            assert caller.dispatched == 0

    run(test)
