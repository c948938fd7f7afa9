"""A worker asks its own rules before it runs what an edge has let in."""

from typing import Any

import pytest

from shared import keys
from shared.audit import decode_record
from shared.authorization import Authorization, Evaluator, Rule
from shared.identity import Principal
from shared.line import RedisLine
from shared.messages import ToolFailure
from tests.contract.hop import GROUP, open_line, run
from tests.contract.loop_worker import DEFINITIONS, OK, Caller, eventually, loop_worker
from tests.contract.test_parking import ENTRY, WHO, Asking, again, asked
from tests.mesh import Broker
from workers.backends.backend import Invocation

ASK, CHANGE = DEFINITIONS
ADA = Principal(subject="ada")
NOBODY = Principal(subject="anonymous", anonymous=True)
LOOKS = Authorization(
    users={"ada": Rule(allow=("access:read",), deny=("up_secret",))}, anonymous=Rule(allow=("up_change",))
)


class Ran:
    """What the backend was asked to do."""

    def __init__(self) -> None:
        self.subjects: list[str] = []

    async def __call__(self, invocation: Invocation) -> bytes:
        await invocation.dispatch()
        self.subjects.append(f"{invocation.method} {invocation.tool}")
        return OK


async def audited(line: RedisLine, call_id: str) -> list[tuple[str, str]]:
    entries = await line.cmd("XRANGE", keys.AUDIT_STREAM, "-", "+")
    records = [decode_record(fields[1]) for _, fields in entries]
    return [(record.phase, record.code) for record in records if record.call_id == call_id]


PROMPT: dict[str, Any] = {"method": "prompts/get", "tool": "greet", "definition": ""}
SECRET: dict[str, Any] = {"method": "prompts/get", "tool": "secret", "definition": ""}
RESOURCE: dict[str, Any] = {"method": "resources/read", "tool": "x://1", "definition": ""}
COMPLETION: dict[str, Any] = {
    "method": "completion/complete",
    "tool": "secret",
    "definition": "",
    "arguments": b'{"ref":{"type":"ref/prompt","name":"secret"}}',
}
READS: dict[str, Any] = {"principal": Principal(subject="ada", scopes=("tools:read",))}
WRITES: dict[str, Any] = {"principal": Principal(subject="ada", scopes=("tools:write", "offline_access"))}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        READS,
        PROMPT,
        RESOURCE,
        RESOURCE | READS,
        {"principal": NOBODY, "access": "write"},
        {"principal": Principal(subject="owner", owner=True), "access": "write"},
    ],
)
def test_what_the_workers_own_rules_allow_is_run(broker: Broker, fields: dict[str, Any]) -> None:
    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, ran := Ran(), rules=LOOKS):
            call = await Caller(line).send(**({"principal": ADA} | fields))
            assert await Caller(line).result(call) != {}
            assert len(ran.subjects) == 1

    run(main)


@pytest.mark.parametrize(
    "fields",
    [
        {"access": "write"},
        {"principal": Principal(subject="eve")},
        {"principal": Principal(subject="ada", roles=("admin",), plan="pro"), "access": "write"},
        {"principal": NOBODY},
        WRITES,
        SECRET,
        COMPLETION,
        COMPLETION | {"arguments": b"{}"},
        {"method": "sampling/createMessage", "definition": ""},
        PROMPT | {"principal": NOBODY},
        RESOURCE | {"principal": NOBODY},
        RESOURCE | WRITES,
        # The class is the worker's own word: a write that a call says is a read.
        {"tool": CHANGE.name, "definition": CHANGE.hash},
    ],
)
def test_what_they_do_not_allow_is_not_run_whatever_the_edge_says(broker: Broker, fields: dict[str, Any]) -> None:
    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, ran := Ran(), rules=LOOKS):
            caller = Caller(line)
            call = await caller.send(**({"principal": ADA} | fields))
            final = await caller.final(call)
            assert isinstance(final, ToolFailure)
            assert final.code == "not_authorized"
            assert ran.subjects == []
            assert await audited(line, call.call_id) == [("outcome", "not_authorized")]

    run(main)


def test_a_grant_that_the_edge_has_read_already_is_waited_for(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, Ran(), rules=Authorization()) as worker:
            caller = Caller(line)
            call = await caller.send(principal=ADA)
            jid = keys.job_id(GROUP, call.call_id)
            await eventually(lambda: line.cmd("GET", keys.fence(jid)))
            worker.rules.value = Evaluator(LOOKS)
            await caller.result(call)

    run(main)


def test_a_revocation_holds_for_a_call_that_waits_for_its_client(broker: Broker) -> None:
    tool = Asking()

    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, tool, entry=ENTRY, rules=LOOKS) as worker:
            caller = Caller(line)
            call = await caller.send(principal=ADA, client=WHO)
            final, _ = await asked(caller, call)
            worker.rules.value = Evaluator(Authorization())
            assert await caller.failure(await again(caller, call, final, {"ask-1": {}}, principal=ADA)) == "not_authorized"
            assert tool.ended == []
            worker.rules.value = Evaluator(LOOKS)
            await caller.result(await again(caller, call, final, {"ask-1": {}}, principal=ADA))

    run(main)


def test_a_definition_that_this_worker_does_not_have_goes_back_and_is_no_matter_of_rights(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line, loop_worker(broker, line, Ran(), rules=Authorization()):
            caller = Caller(line)
            assert await caller.failure(await caller.send(principal=ADA, definition="another")) == "definition_changed"
            assert await caller.failure(await caller.send(principal=ADA, tool="gone")) == "definition_changed"

    run(main)
