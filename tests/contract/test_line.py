"""The line to the broker: replies go to who asked, whatever is cancelled, slow or broken."""

import asyncio
import signal
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from shared.errors import BrokerUnavailable
from shared.line import RedisLine
from tests.contract.hop import open_line, run
from tests.mesh import Broker


def test_a_cancelled_caller_does_not_shift_the_replies_of_others(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            futures = [line.cmd("ECHO", str(number)) for number in range(200)]
            for number in range(0, 200, 3):
                futures[number].cancel()
            for number, future in enumerate(futures):
                if number % 3:
                    assert await future == str(number).encode()

    run(main)


def test_an_error_reply_reaches_its_caller_alone(broker: Broker) -> None:
    async def main() -> None:
        async with open_line(broker) as line:
            before, wrong, after = line.cmd("ECHO", "1"), line.cmd("NOSUCHCOMMAND"), line.cmd("ECHO", "2")
            assert await before == b"1"
            with pytest.raises(ResponseError):
                await wrong
            assert await after == b"2"

    run(main)


def test_more_pending_commands_than_allowed_are_refused_at_once(broker: Broker) -> None:
    async def main() -> None:
        line = RedisLine(broker.url, pending_max=5, timeout_s=2.5)
        await line.open()
        futures = [line.cmd("ECHO", str(number)) for number in range(6)]
        with pytest.raises(BrokerUnavailable):
            await futures[5]
        assert await futures[4] == b"4"
        await line.close()

    run(main)


def test_a_broker_that_dies_fails_what_is_pending_and_is_found_again(tmp_path: Path) -> None:
    broker = Broker(tmp_path)

    async def main() -> None:
        greeted = asyncio.Event()
        async with open_line(broker) as line:

            async def greet() -> None:
                greeted.set()

            line.on_connect.append(greet)
            blocked = line.cmd("BLPOP", "nothing", 0)
            broker.process.kill()
            with pytest.raises(BrokerUnavailable):
                await blocked
            with pytest.raises(BrokerUnavailable):
                await line.cmd("ECHO", "gone")
            await asyncio.to_thread(broker.start)
            await greeted.wait()
            assert await line.cmd("ECHO", "back") == b"back"

    try:
        run(main)
    finally:
        broker.process.kill()


def test_a_broker_that_stopped_answering_counts_as_away(tmp_path: Path) -> None:
    broker = Broker(tmp_path)

    async def main() -> None:
        line = RedisLine(broker.url, pending_max=100, timeout_s=0.5)
        await line.open()
        broker.process.send(signal.SIGSTOP)
        with pytest.raises(BrokerUnavailable):
            await line.cmd("ECHO", "x")
        greeted = asyncio.Event()

        async def greet() -> None:
            greeted.set()

        line.on_connect.append(greet)
        broker.process.send(signal.SIGCONT)
        await greeted.wait()
        assert await line.cmd("ECHO", "x") == b"x"
        await line.close()

    try:
        run(main)
    finally:
        broker.process.send(signal.SIGCONT)
        broker.process.kill()
