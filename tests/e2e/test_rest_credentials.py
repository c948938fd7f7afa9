"""A REST backend with OAuth through a whole mesh: workers refresh once for all, and none of their secrets is elsewhere."""

import asyncio
import re
from pathlib import Path
from typing import Any

import msgspec

from tests.mesh import Mesh, mesh
from tests.upstreams.recorder import Recorded, json_reply
from tests.upstreams.started import run
from tests.upstreams.token_endpoint import CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH_TOKEN, TokenServer
from tests.workers.rest.tokens import ENVIRONMENT, ROTATES, dadl, everything_in, forget, forms_of, serving


def echo(request: Recorded) -> Any:
    """An API that tells what it was sent, as debugging ones do."""
    token = request.header("Authorization")
    return json_reply({"you_sent": token, "error": f"token {token} is out of quota"}, 400, X_Echo=str(token))


def looks(running: Mesh, count: int) -> list[dict[str, Any]]:
    """As many calls, by turns at each edge."""
    return [running.clients[number % len(running.clients)].call("wx_look", {}) for number in range(count)]


def test_workers_refresh_once_for_all_and_show_nothing(tmp_path: Path) -> None:
    server = TokenServer()
    said: list[str] = []

    async def test() -> None:
        async with serving(server) as upstream:
            backends = f'backends:\n  - {{name: wx, transport: rest, dadl: wx.dadl, url: "{upstream.url}"}}\n'
            with mesh(tmp_path, backends, LOG_LEVEL="debug") as running:
                (running.config / "dadl").mkdir()
                (running.config / "dadl" / "wx.dadl").write_text(dadl(ROTATES, upstream))
                await asyncio.to_thread(drive, running)

    def drive(running: Mesh) -> None:
        client = running.start_edge()
        for _ in range(2):
            running.start_worker(**ENVIRONMENT)
        running.wait_for_tools(client, "wx_look")
        for rounds in range(1, 4):
            answers = looks(running, 12)
            assert [answer["result"]["content"][0]["text"] for answer in answers] == ['{"taken":true}'] * 12
            assert len(server.given) == rounds
            server.good.clear()
            forget(running.broker)
        server.api_says = echo
        answers += looks(running, 4)
        server.api_says = lambda request: None
        server.good.clear()
        forget(running.broker)
        server.ended = True
        answers += looks(running, 2)
        assert "CREDENTIAL_WX_REFRESH" in str(answers[-1])
        assert not re.search("Traceback", "".join(worker.output() for worker in running.workers))
        said.append(msgspec.json.encode(answers).decode())
        said.append(everything_in(running.broker).decode("latin-1"))
        said.extend(process.output() for process in [*running.workers, *(edge for edge, _ in running.edges)])
        said.append(msgspec.json.encode(running.audit()).decode())

    run(test)
    assert set(server.asked_tokens[:3]) == server.spent
    assert len(server.given) == 3
    everything = "\n".join(said).encode("utf-8", "replace")
    assert b"is out of quota" in everything
    for secret in (CLIENT_ID, CLIENT_SECRET, FIRST_REFRESH_TOKEN, server.refresh_token, *server.given, *server.spent):
        assert not [form for form in forms_of(secret) if form in everything], secret
