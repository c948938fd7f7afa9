"""Requests that belong to a session: found by it alone, answered once, cancelled wherever they run."""

from typing import Any

from edge.exchange import Exchange
from edge.outgoing import Outgoing
from edge.parse import Message
from edge.running import Running
from edge.sessions.requests import SessionRequests, ticket_of
from edge.waiter import Waiter
from shared import keys
from shared.clock import BrokerClock
from shared.codec import seal, unseal
from shared.identity import Principal
from shared.line import RedisLine
from shared.messages import Answer, Client
from shared.sessions import Session, SessionQuestion
from tests.contract.hop import READ_QUEUE, RING, make_call, open_line, put, run
from tests.mesh import Broker

OWNER = Principal(subject="owner", owner=True)
RESULT_TTL_S = 7


def session(name: str, kind: Any = "http") -> Session:
    return Session(
        digest=name * 32, tenant="default", subject="owner", version="2025-11-25", client=Client(), kind=kind, created_ms=1
    )


class Bench:
    """Requests of sessions, and one that runs."""

    def __init__(self, line: RedisLine) -> None:
        self.line = line
        self.clock = BrokerClock()
        self.refusals: list[str] = []
        self.requests = SessionRequests(
            line,
            RING,
            self.clock,
            "e-test",
            result_ttl_s=RESULT_TTL_S,
            refused=lambda kind, detail: self.refusals.append(detail),
        )

    def running(self, **meta: Any) -> Running:
        call = make_call(self.clock)
        outgoing = Outgoing(
            group="default",
            backend="echo",
            method="tools/call",
            subject="echo",
            access="read",
            arguments=b"{}",
            meta=meta,
            compared={},
        )
        return Running(call, outgoing, Waiter(call.call_id, "default", "echo", 10), 0.0)

    def exchange(self, of: Session, rpc_id: str | int) -> Exchange:
        async def receive() -> Any:
            raise AssertionError("nothing is received")

        return Exchange(
            principal=OWNER,
            message=Message("legacy", "tools/call", rpc_id, {}),
            body=b"",
            headers={},
            backend=None,
            session=of,
            receive=receive,
            send=receive,  # type: ignore[arg-type]
        )


def test_a_request_is_found_by_its_own_session_alone_and_by_the_exact_id(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            bench = Bench(line)
            mine, other = session("a"), session("b")
            running = bench.running(progressToken="p")
            ticket = bench.requests.note_request(bench.exchange(mine, 7), running)
            found = await bench.requests.find(mine, ticket)
            assert found is not None
            assert (found.call_id, found.rpc_id, found.progress_token) == (running.call.call_id, 7, "p")
            assert await bench.requests.find(other, ticket) is None
            assert await bench.requests.find(mine, ticket_of("7")) is None, "a string is another id than a number"
            ttl_ms = await line.cmd("PTTL", keys.session_request(mine.digest, ticket))
            assert 60_000 < ttl_ms <= (60 + RESULT_TTL_S) * 1000
            bench.requests.forget_request(bench.exchange(mine, 7))
            assert await bench.requests.find(mine, ticket) is None

    run(main)


def test_a_record_that_was_put_under_another_name_is_none(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            bench = Bench(line)
            mine, other = session("a"), session("b")
            ticket = bench.requests.note_request(bench.exchange(mine, 7), bench.running())
            stolen = await line.cmd("GET", keys.session_request(mine.digest, ticket))
            await line.cmd("SET", keys.session_request(other.digest, ticket), stolen)
            assert await bench.requests.find(other, ticket) is None
            await line.cmd("SET", keys.session_request(mine.digest, ticket_of(8)), stolen)
            assert await bench.requests.find(mine, ticket_of(8)) is None
            forged = SessionQuestion(digest=mine.digest, request_id="q", call_id="c", group="default", backend="echo")
            await line.cmd("SET", keys.session_question(mine.digest, "q"), seal(RING, "default", forged))
            await bench.requests.answer(mine, "q", b"{}")
            assert len(bench.refusals) == 1
            await line.cmd("LPUSH", keys.session_question(mine.digest, "list"), "x")
            await bench.requests.answer(mine, "list", b"{}")
            assert len(bench.refusals) == 2
            assert await line.cmd("KEYS", "tm:answer:*") == []

    run(main)


def test_a_stream_of_a_legacy_sse_session_can_not_be_taken_up_again(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            bench = Bench(line)
            old = session("c", "sse")
            assert bench.requests.note_request(bench.exchange(old, 7), bench.running()) == ""
            assert await bench.requests.find(old, ticket_of(7)) is not None, "it can be cancelled"

    run(main)


def test_an_answer_reaches_the_call_that_asked_once_and_only_from_its_own_session(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            bench = Bench(line)
            mine, other = session("a"), session("b")
            running = bench.running()
            await bench.requests.note_question(bench.exchange(mine, 7), running, "q-1")
            copy = keys.answer(keys.job_id("default", running.call.call_id), "q-1")
            for wrong in ("q-2", "", "x" * 5000):
                await bench.requests.answer(mine, wrong, b'{"result":{}}')
            await bench.requests.answer(other, "q-1", b'{"result":{"from":"another"}}')
            assert await line.cmd("EXISTS", copy) == 0
            assert bench.requests.unmatched == 4
            await bench.requests.answer(mine, "q-1", b'{"result":{"n":1}}')
            await bench.requests.answer(mine, "q-1", b'{"result":{"n":2}}')
            answer = unseal(RING, "default", await line.cmd("GET", copy), Answer)
            assert 0 < await line.cmd("PTTL", copy) <= RESULT_TTL_S * 1000
            assert (answer.call_id, answer.request_id, answer.body) == (running.call.call_id, "q-1", b'{"result":{"n":1}}')
            assert bench.requests.unmatched == 5

    run(main)


def test_a_cancel_drops_a_call_that_has_not_started(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            bench = Bench(line)
            mine, other = session("a"), session("b")
            running = bench.running()
            jid = await put(line, bench.clock, running.call)
            bench.requests.note_request(bench.exchange(mine, 7), running)
            for stranger, rpc_id in ((other, 7), (mine, 8), (mine, "7"), (mine, None), (mine, True), (mine, [7])):
                await bench.requests.cancel(stranger, rpc_id)
                assert await line.cmd("EXISTS", keys.job(jid)) == 1
            await bench.requests.cancel(mine, 7)
            assert await line.cmd("EXISTS", keys.job(jid)) == 0
            assert await line.cmd("ZSCORE", READ_QUEUE, jid) is None

    run(main)
