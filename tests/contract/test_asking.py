"""A backend asks the client in mid-call: what is relayed, what is denied, and that no answer is lost."""

import asyncio
from typing import Any

import msgspec
import pytest

from shared import keys
from shared.messages import Cancel, Client, Notice, ToolCall, ToolFailure
from tests.contract.hop import GROUP, open_line, run
from tests.contract.loop_worker import OK, Caller, client, eventually, loop_worker, make_entry, until
from tests.mesh import Broker
from workers.backends.backend import Invocation

RELAYING = make_entry(relay=("elicitation", "roots"))
ABLE = client("stream", "elicitation", "sampling", "roots")
PARAMS = b'{"message":"Which one?"}'


async def ask_once(invocation: Invocation) -> bytes:
    """A tool that asks the client, and gives back what it heard."""
    return b'{"heard":' + await invocation.ask("elicitation/create", PARAMS) + b"}"


def test_a_question_is_published_on_the_calls_stream_and_its_answer_reaches_the_backend(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, ask_once, entry=RELAYING):
            caller = Caller(line)
            call = await caller.send(client=ABLE)
            question = await caller.question(call)
            assert (question.method, question.params, question.seq) == ("elicitation/create", PARAMS, 1)
            assert len(question.request_id) >= 16
            await caller.answer(call, question, b'{"result":{"action":"accept"}}')
            assert await caller.result(call) == {"heard": {"result": {"action": "accept"}}}

    run(main)


@pytest.mark.parametrize(
    ("method", "who"),
    [
        ("sampling/createMessage", ABLE),
        ("elicitation/create", client("stream", "roots")),
        ("elicitation/create", client("no", "elicitation")),
        ("tools/list", ABLE),
    ],
    ids=["not relayed", "not declared", "no stream", "not a client's method"],
)
def test_what_the_operator_or_the_client_does_not_allow_is_denied_unasked(broker: Broker, method: str, who: Client) -> None:
    async def ask(invocation: Invocation) -> bytes:
        return b'{"heard":' + await invocation.ask(method, b"{}") + b"}"

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, ask, entry=RELAYING):
            caller = Caller(line)
            call = await caller.send(client=who)
            assert (await caller.result(call))["heard"]["error"]["code"] == -32601
            assert await caller.said(call) == []

    run(main)


def test_a_backend_sees_only_the_capabilities_that_are_relayed(broker: Broker) -> None:
    seen: list[dict[str, Any]] = []

    async def look(invocation: Invocation) -> bytes:
        seen.append(msgspec.json.decode(invocation.client.capabilities))
        return OK

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, look, entry=RELAYING):
            caller = Caller(line)
            for who in (client("stream", "elicitation", "sampling", "experimental"), client("stream", "sampling")):
                await caller.result(await caller.send(client=who))

    run(main)
    assert seen == [{"elicitation": {}}, {}]


def test_an_answer_that_the_channel_lost_is_found_where_it_is_stored(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, ask_once, entry=RELAYING):
            caller = Caller(line)
            call = await caller.send(client=ABLE)
            await caller.answer(call, await caller.question(call), b'{"result":{}}', publish=False)
            assert await caller.result(call) == {"heard": {"result": {}}}

    run(main)


def test_an_answer_that_came_while_the_channel_was_down_is_looked_up_when_it_stands_again(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, ask_once, entry=RELAYING) as worker:
            caller = Caller(line)
            call = await caller.send(client=ABLE)
            question = await caller.question(call)
            await line.cmd("CLIENT", "KILL", "TYPE", "pubsub")
            await until(lambda: not worker.listening.live)
            await caller.answer(call, question, b'{"result":{}}')
            assert await caller.result(call) == {"heard": {"result": {}}}

    run(main)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"result":1}',
        b'{"error":{"code":"x"}}',
        b'{"result":{},"error":{}}',
        b'{"other":{}}',
        b'{"result":' + b'{"a":' * 70 + b"1" + b"}" * 70 + b"}",
    ],
)
def test_an_answer_that_is_none_reaches_the_backend_as_an_error(broker: Broker, body: bytes) -> None:
    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, ask_once, entry=RELAYING):
            caller = Caller(line)
            call = await caller.send(client=ABLE)
            await caller.answer(call, await caller.question(call), body)
            assert (await caller.result(call))["heard"]["error"]["code"] == -32603

    run(main)


def test_an_answer_for_another_call_is_refused_and_the_question_stays_open(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, ask_once, entry=RELAYING) as worker:
            caller = Caller(line)
            call, other = await caller.send(client=ABLE), await caller.send(client=ABLE)
            question = await caller.question(call)
            await caller.answer(call, question, b'{"result":{"stolen":1}}', call_id=other.call_id)
            await until(lambda: worker.publisher.refused > 0)
            await caller.answer(call, question, b'{"result":{}}')
            assert await caller.result(call) == {"heard": {"result": {}}}

    run(main)


def test_a_call_that_asks_without_end_is_denied_from_some_question_on(broker: Broker) -> None:
    async def insist(invocation: Invocation) -> bytes:
        heard = [await invocation.ask("elicitation/create", PARAMS) for _ in range(4)]
        return b'{"heard":[' + b",".join(heard) + b"]}"

    async def main() -> None:
        async with (
            open_line(broker) as line,
            loop_worker(broker, line, insist, entry=RELAYING, asks_per_call_max=2),
        ):
            caller = Caller(line)
            call = await caller.send(client=ABLE)
            for number in (1, 2):
                await caller.answer(call, await caller.question(call, number), b'{"result":{}}')
            heard = (await caller.result(call))["heard"]
            assert [list(answer) for answer in heard] == [["result"], ["result"], ["error"], ["error"]]

    run(main)


def test_a_cancelled_call_stops_waiting_for_its_client(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, ask_once, entry=RELAYING):
            caller = Caller(line)
            call = await caller.send(client=ABLE)
            await caller.question(call)
            await caller.tell(Cancel(call_id=call.call_id, backend=call.backend, at_ms=caller.clock.now_ms()))
            assert await caller.failure(call) == "cancelled"

    run(main)


def test_a_cancelled_write_that_runs_to_its_end_is_told_that_nobody_answers(broker: Broker) -> None:
    async def insist(invocation: Invocation) -> bytes:
        await invocation.dispatch()
        return b'{"heard":[' + await ask_once(invocation) + b"," + await ask_once(invocation) + b"]}"

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, insist, entry=RELAYING):
            caller = Caller(line)
            call = await caller.send(access="write", client=ABLE)
            await caller.question(call)
            await caller.tell(Cancel(call_id=call.call_id, backend=call.backend, at_ms=caller.clock.now_ms()))
            heard = [answer["heard"]["error"]["code"] for answer in (await caller.result(call))["heard"]]
            assert heard == [-32603, -32601], "and nobody is asked again"

    run(main)


def test_log_messages_are_relayed_from_the_clients_level_on_and_nothing_else_is(broker: Broker) -> None:
    async def log(invocation: Invocation) -> bytes:
        for level in ("debug", "warning", "error", "shout"):
            invocation.notify("notifications/message", msgspec.json.encode({"level": level, "data": level}))
        invocation.notify("notifications/tools/list_changed", b"{}")
        return OK

    async def said(line: Any, who: Any) -> list[Any]:
        caller = Caller(line)
        call = await caller.send(client=who)
        await caller.result(call)
        return [msgspec.json.decode(s.params)["level"] for s in await caller.said(call) if isinstance(s, Notice)]

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, log):
            assert await said(line, client("no", log_level="warning")) == ["warning", "error"]
            assert await said(line, client("no")) == []

    run(main)


def wants(requests: dict[str, Any] | None, state: str | None = "s") -> bytes:
    """A result of an upstream of the 2026 era that asks."""
    members: dict[str, Any] = {"resultType": "input_required"}
    if requests is not None:
        members["inputRequests"] = requests
    if state is not None:
        members["requestState"] = state
    return msgspec.json.encode(members)


ELICIT = {"q": {"method": "elicitation/create", "params": {"message": "m"}}}


def test_a_2025_era_client_is_asked_for_what_an_upstream_of_the_2026_era_wants(broker: Broker) -> None:
    inputs: list[Any] = []

    async def upstream(invocation: Invocation) -> bytes:
        await invocation.dispatch()
        inputs.append(msgspec.json.decode(invocation.inputs or b"null"))
        if len(inputs) == 1:
            return wants(ELICIT, "first")
        return wants(None, "second") if len(inputs) == 2 else OK

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, upstream, entry=RELAYING):
            caller = Caller(line)
            call = await caller.send(access="write", client=ABLE)
            question = await caller.question(call)
            assert await line.cmd("EXISTS", keys.dispatched(keys.job_id(GROUP, call.call_id))) == 0
            await caller.answer(call, question, b'{"result":{"action":"decline"}}')
            assert "content" in await caller.result(call)

    run(main)
    answered = {"requestState": "first", "inputResponses": {"q": {"action": "decline"}}}
    assert inputs == [None, answered, {"requestState": "second"}]


@pytest.mark.parametrize("asking", ["stream", "no"])
def test_input_that_the_client_does_not_give_ends_as_the_tools_error_that_names_it(broker: Broker, asking: str) -> None:
    async def upstream(invocation: Invocation) -> bytes:
        return wants({"q": {"method": "sampling/createMessage", "params": {}}})

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, upstream, entry=RELAYING):
            caller = Caller(line)
            result = await caller.result(await caller.send(client=client(asking, "sampling")))
            assert result["isError"]
            assert "sampling/createMessage" in result["content"][0]["text"]
            prompt = await caller.send(method="prompts/get", definition="", client=client(asking, "sampling"))
            final = await caller.final(prompt)
            assert isinstance(final, ToolFailure)
            assert "sampling/createMessage" in msgspec.json.decode(final.data)["error"]["message"]

    run(main)


def test_an_upstream_that_never_has_enough_input_is_given_up_and_its_write_is_not_an_unknown_outcome(
    broker: Broker,
) -> None:
    async def upstream(invocation: Invocation) -> bytes:
        await invocation.dispatch()
        return wants(None)

    async def main() -> None:
        async with (
            open_line(broker) as line,
            loop_worker(broker, line, upstream, entry=RELAYING, input_rounds_max=2),
        ):
            caller = Caller(line)
            assert await caller.failure(await caller.send(access="write", client=ABLE)) == "upstream_bad_response"

    run(main)


def test_a_client_of_the_2026_era_gets_the_upstreams_questions_if_they_are_relayed(broker: Broker) -> None:
    methods = iter(["elicitation/create", "sampling/createMessage"])

    async def upstream(invocation: Invocation) -> bytes:
        return wants({"q": {"method": next(methods), "params": {}}})

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, upstream, entry=RELAYING):
            caller = Caller(line)
            who = client("retry", "elicitation", "sampling")
            relayed = await caller.result(await caller.send(client=who))
            assert relayed == msgspec.json.decode(wants({"q": {"method": "elicitation/create", "params": {}}}))
            assert await caller.failure(await caller.send(client=who)) == "upstream_bad_response"

    run(main)


def test_a_lost_question_is_not_asked_of_a_call_that_another_worker_took_over(broker: Broker) -> None:
    """The run that lost its lease ends with its wait; the next run asks anew."""

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, ask_once, entry=RELAYING) as first:
            caller = Caller(line)
            call: ToolCall = await caller.send(client=ABLE)
            await caller.question(call)
            await first.abandon()
            async with loop_worker(broker, line, ask_once, "w-2", entry=RELAYING):
                question = await caller.question(call, 2)
                await caller.answer(call, question, b'{"result":{}}')
                assert await caller.result(call) == {"heard": {"result": {}}}

    run(main)


def test_the_stored_answers_of_all_open_questions_are_looked_up_at_once(broker: Broker) -> None:
    async def ask_twice(invocation: Invocation) -> bytes:
        heard = await asyncio.gather(*(invocation.ask("elicitation/create", PARAMS) for _ in range(2)))
        return b'{"heard":[' + b",".join(heard) + b"]}"

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, ask_twice, entry=RELAYING) as worker:
            caller = Caller(line)
            call = await caller.send(client=ABLE)
            for number in (1, 2):
                question = await caller.question(call, number)
                await caller.answer(call, question, b'{"result":{"n":%d}}' % number, publish=False)
            await worker.questions.look_up_all()
            heard = (await caller.result(call))["heard"]
            assert sorted(answer["result"]["n"] for answer in heard) == [1, 2]
            await eventually(lambda: line.cmd("EXISTS", keys.final(keys.job_id(GROUP, call.call_id))))

    run(main)
