"""Names are looked up beside the event loop, few at a time, and never waited for too long."""

import asyncio
import socket
import threading
from collections.abc import Sequence

import pytest

from shared.errors import UpstreamUnreachable
from shared.settings import Settings
from tests.upstreams.started import run
from tests.workers.egress.peer import Names, egress, get, serving, stranger, whole

FINE = whole(b"fine")


@pytest.mark.parametrize(
    "answer",
    [socket.gaierror(socket.EAI_NONAME, "no such name"), OSError("away"), UnicodeError("label too long"), []],
    ids=repr,
)
def test_a_name_without_an_address_is_a_clear_error(answer: Exception | Sequence[str]) -> None:
    async def test() -> None:
        async with egress(Names(gone_example=[answer])) as opened:
            for request in (get, stranger):
                with pytest.raises(UpstreamUnreachable, match="no address") as raised:
                    await opened.send(request("http://gone.example/"))
                assert "gone.example" not in raised.value.detail

    run(test)


class Stuck:
    """A look-up that does not come back before it is let go, and knows how many wait in it."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked: list[str] = []
        self.inside = 0
        self.most = 0
        self._lock = threading.Lock()

    def __call__(self, host: str, port: int) -> Sequence[str]:
        with self._lock:
            self.asked.append(host)
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.go.wait(20)
        with self._lock:
            self.inside -= 1
        return ["127.0.0.1"]


def test_a_name_server_that_does_not_answer_is_not_waited_for_and_holds_up_nobody() -> None:
    async def test() -> None:
        stuck = Stuck()
        settings = Settings(upstream_dns_s=0.2, upstream_dns_threads=2)
        try:
            async with egress(stuck, settings) as opened, serving(FINE) as peer:
                waiting = [opened.send(get(f"http://{n % 5}.example/")) for n in range(20)]
                done = asyncio.gather(*waiting, return_exceptions=True)
                assert await (await opened.send(get(peer.url()))).read() == b"fine"
                assert not done.done()
                assert {type(each) for each in await done} == {UpstreamUnreachable}
                assert (len(stuck.asked), stuck.most) == (2, 2), "one thread for each name, and not more than that"
                stuck.go.set()
                assert await (await opened.send(get(peer.url("7.example")))).read() == b"fine", "and it is free again"
        finally:
            stuck.go.set()

    run(test)
