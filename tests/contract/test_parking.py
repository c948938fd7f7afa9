"""A 2025-era upstream asks in mid-call, a 2026-era client answers by sending its request again: meanwhile it waits."""

import asyncio
from typing import Any

import msgspec
import pytest

from shared import keys
from shared.audit import decode_record
from shared.identity import Principal
from shared.line import RedisLine
from shared.messages import Cancel, Progress, ToolCall, ToolResult
from tests.contract.hop import GROUP, open_line, run
from tests.contract.loop_worker import BACKEND, Caller, client, loop_worker, make_entry, until
from tests.mesh import Broker
from workers.backends.backend import Invocation

ENTRY = make_entry(relay=("elicitation",))
WHO = client("retry", "elicitation")


class Asking:
    """A tool that asks `at_once` things together, `rounds` times, and gives back what it heard."""

    def __init__(self, rounds: int = 1, at_once: int = 1) -> None:
        self.rounds, self.at_once = rounds, at_once
        self.runs = 0
        self.ended: list[str] = []

    async def __call__(self, invocation: Invocation) -> bytes:
        self.runs += 1
        heard: list[bytes] = []
        try:
            await invocation.dispatch()
            for number in range(self.rounds):
                params = b'{"message":"round %d"}' % number
                asked = (invocation.ask("elicitation/create", params) for _ in range(self.at_once))
                heard += await asyncio.gather(*asked)
                invocation.report(b'{"progress":%d}' % number)
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        self.ended.append("done")
        return b'{"heard":[' + b",".join(heard) + b"]}"


async def asked(caller: Caller, call: ToolCall) -> tuple[ToolResult, dict[str, Any]]:
    """A call that ended with questions, and the questions."""
    final = await caller.final(call)
    assert isinstance(final, ToolResult), final
    body = msgspec.json.decode(final.body)
    assert body["resultType"] == "input_required", body
    assert final.parked
    return final, body["inputRequests"]


async def again(caller: Caller, call: ToolCall, final: ToolResult, responses: dict[str, Any], **fields: Any) -> ToolCall:
    """The same request once more, with answers, as the edge sends it."""
    lane = keys.lane(call.access)
    values: dict[str, Any] = {
        "access": call.access,
        "client": call.client,
        "parked": final.parked,
        "inputs": msgspec.json.encode({"inputResponses": responses}),
        "queue": keys.part(keys.queue(GROUP, BACKEND, lane), final.worker),
    }
    return await caller.send(**(values | fields))


@pytest.mark.parametrize("access", ["read", "write"])
def test_a_call_that_asks_ends_with_its_questions_and_goes_on_with_the_answers(broker: Broker, access: str) -> None:
    tool = Asking(rounds=2)

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, tool, entry=ENTRY):
            caller = Caller(line)
            call = await caller.send(access=access, client=WHO)
            for number in range(2):
                final, questions = await asked(caller, call)
                ((key, question),) = questions.items()
                assert question == {"method": "elicitation/create", "params": {"message": f"round {number}"}}
                answers = {key: {"action": "accept", "content": {"n": number}}}
                call = await again(caller, call, final, answers, progress=True)
            heard = [{"result": {"action": "accept", "content": {"n": number}}} for number in range(2)]
            assert await caller.result(call) == {"heard": heard}
            assert [type(said) for said in await caller.said(call)] == [Progress], "of the last job alone"

    run(main)
    assert (tool.runs, tool.ended) == (1, ["done"])


def test_questions_of_one_moment_come_together_and_one_that_is_not_answered_comes_again(broker: Broker) -> None:
    tool = Asking(at_once=3)

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, tool, entry=ENTRY):
            caller = Caller(line)
            call = await caller.send(client=WHO)
            final, questions = await asked(caller, call)
            first, second, third = questions
            call = await again(caller, call, final, {first: {"n": 1}, third: "no object"})
            final, questions = await asked(caller, call)
            assert list(questions) == [second]
            call = await again(caller, call, final, {second: {"n": 2}})
            heard = (await caller.result(call))["heard"]
            assert [answer.get("result") for answer in heard] == [{"n": 1}, {"n": 2}, None]

    run(main)


def test_a_client_that_never_answers_is_not_asked_for_ever(broker: Broker) -> None:
    tool = Asking()

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, tool, entry=ENTRY, input_rounds_max=2):
            caller = Caller(line)
            call = await caller.send(client=WHO)
            for _ in range(2):
                final, _ = await asked(caller, call)
                call = await again(caller, call, final, {})
            assert await caller.failure(call) == "upstream_bad_response"
            await until(lambda: tool.ended == ["cancelled"])

    run(main)


@pytest.mark.parametrize(
    ("access", "slug"), [("read", "backend_unavailable"), ("write", "outcome_unknown")], ids=["read", "write"]
)
def test_who_comes_back_too_late_or_twice_is_told_what_that_means(broker: Broker, access: str, slug: str) -> None:
    async def main() -> None:
        tool = Asking()
        async with open_line(broker) as line, loop_worker(broker, line, tool, entry=ENTRY, parked_s=0.1):
            caller = Caller(line)
            call = await caller.send(access=access, client=WHO)
            final, _ = await asked(caller, call)
            await until(lambda: tool.ended == ["cancelled"])
            assert await caller.failure(await again(caller, call, final, {"ask-1": {}})) == slug
        async with open_line(broker) as line, loop_worker(broker, line, Asking(), "w-2", entry=ENTRY):
            caller = Caller(line)
            call = await caller.send(access=access, client=WHO)
            final, _ = await asked(caller, call)
            await caller.result(await again(caller, call, final, {"ask-1": {}}))
            assert await caller.failure(await again(caller, call, final, {"ask-1": {}})) == slug

    run(main)


@pytest.mark.parametrize(
    "fields",
    [{"principal": Principal(subject="somebody-else")}, {"method": "prompts/get", "definition": ""}],
    ids=["another principal", "another method"],
)
def test_a_parked_call_is_taken_up_only_by_the_request_that_it_belongs_to(broker: Broker, fields: Any) -> None:
    tool = Asking()

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, tool, entry=ENTRY):
            caller = Caller(line)
            call = await caller.send(client=WHO)
            final, _ = await asked(caller, call)
            assert await caller.failure(await again(caller, call, final, {"ask-1": {}}, **fields)) == "invalid_params"
            await caller.result(await again(caller, call, final, {"ask-1": {}}))

    run(main)


def test_the_oldest_parked_call_makes_room_for_a_new_one(broker: Broker) -> None:
    tool = Asking()

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, tool, entry=ENTRY, parked_max=1):
            caller = Caller(line)
            calls = [await caller.send(client=WHO) for _ in range(2)]
            finals = [(await asked(caller, call))[0] for call in calls]
            await until(lambda: tool.ended == ["cancelled"])
            ends = []
            for call, final in zip(calls, finals, strict=True):
                ends.append(await caller.final(await again(caller, call, final, {"ask-1": {}})))
            assert sorted(type(end).__name__ for end in ends) == ["ToolFailure", "ToolResult"]

    run(main)


def test_an_answer_for_a_worker_that_is_gone_is_taken_by_another_which_says_what_that_means(broker: Broker) -> None:
    """Both that were sent before its death was known and after."""

    async def ends(line: RedisLine, access: str) -> list[str]:
        caller = Caller(line)
        async with loop_worker(broker, line, Asking(), "w-1", entry=ENTRY) as first:
            call = await caller.send(access=access, client=WHO)
            final, _ = await asked(caller, call)
            await first.abandon()
        async with loop_worker(broker, line, Asking(), "w-2", entry=ENTRY):
            early = await again(caller, call, final, {"ask-1": {}})
            slugs = [await caller.failure(early)]
            late = await again(caller, call, final, {"ask-1": {}})
            return [*slugs, await caller.failure(late)]

    async def main() -> None:
        async with open_line(broker) as line:
            assert await ends(line, "write") == ["outcome_unknown"] * 2
            assert await ends(line, "read") == ["backend_unavailable"] * 2

    run(main)


def test_a_call_that_ends_for_lack_of_time_in_mid_question_ends_the_upstreams_too(broker: Broker) -> None:
    tool = Asking()

    async def hang(invocation: Invocation) -> bytes:
        await tool(invocation)
        await asyncio.Event().wait()
        return b""

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, hang, entry=ENTRY) as worker:
            caller = Caller(line)
            call = await caller.send(client=WHO)
            final, _ = await asked(caller, call)
            soon = caller.clock.now_ms() + 300
            assert await caller.failure(await again(caller, call, final, {"ask-1": {}}, deadline_ms=soon)) == (
                "deadline_exceeded"
            )
            await until(lambda: not worker.runtime.tasks)

    run(main)


def test_what_may_not_be_asked_is_denied_to_a_2025_era_upstream_at_once(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, Asking(), entry=make_entry(relay=("roots",))):
            caller = Caller(line)
            result = await caller.result(await caller.send(client=client("retry", "elicitation", "roots")))
            assert result["heard"][0]["error"]["code"] == -32601

    run(main)


def test_a_write_that_went_on_with_its_answers_is_not_stopped_by_a_cancel(broker: Broker) -> None:
    gate = asyncio.Event()
    heard: list[bytes] = []

    async def tool(invocation: Invocation) -> bytes:
        await invocation.dispatch()
        heard.append(await invocation.ask("elicitation/create", b"{}"))
        await gate.wait()
        return b'{"done":true}'

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, tool, entry=ENTRY) as worker:
            caller = Caller(line)
            call = await caller.send(access="write", client=WHO)
            final, _ = await asked(caller, call)
            call = await again(caller, call, final, {"ask-1": {}})
            await until(lambda: heard)
            await caller.tell(Cancel(call_id=call.call_id, backend=call.backend, at_ms=caller.clock.now_ms()))
            lease = worker.leases.find(keys.job_id(GROUP, call.call_id))
            assert lease is not None
            await until(lambda: lease.unwanted)
            gate.set()
            assert await caller.result(call) == {"done": True}

    run(main)


def test_a_call_whose_questions_nobody_will_see_is_not_parked(broker: Broker) -> None:
    """Its lease was lost: another run answers the client."""
    gate = asyncio.Event()
    tool = Asking()

    async def late(invocation: Invocation) -> bytes:
        await gate.wait()
        return await tool(invocation)

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, late, entry=ENTRY) as worker:
            call = await Caller(line).send(client=WHO)
            await until(lambda: worker.runtime.tasks)
            await line.cmd("SET", keys.lease(keys.job_id(GROUP, call.call_id)), "w-2:2", "PX", 60_000)
            gate.set()
            await until(lambda: "cancelled" in tool.ended)

    run(main, timeout_s=20)


def test_the_audit_tells_a_question_from_an_end(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, Asking(), entry=ENTRY):
            caller = Caller(line)
            call = await caller.send(access="read", client=WHO, method="prompts/get")
            final, questions = await asked(caller, call)
            responses = {key: {"action": "accept"} for key in questions}
            await caller.result(await again(caller, call, final, responses, method="prompts/get"))
            entries = await line.cmd("XRANGE", keys.AUDIT_STREAM, "-", "+")
            records = [decode_record(fields[1]) for _, fields in entries]
            ends = [(record.method, record.code) for record in records if record.phase == "outcome"]
            assert ends == [("prompts/get", "input_required"), ("prompts/get", "ok")]

    run(main)
