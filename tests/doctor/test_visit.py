"""A server is a stranger: what it is asked is bounded, and it gets no token that is not for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from multidict import CIMultiDict

from tests.doctor import bends
from tests.doctor.bends import Answer, Asked, Bend
from tests.doctor.broken import BrokenHouse
from tests.doctor.examined import Doctor
from tests.source_tree import imported_names, sources
from toolmesh.doctor.answer import Unanswered
from toolmesh.doctor.bounds import Bounds
from toolmesh.doctor.persona import PERSONAS
from toolmesh.doctor.visit import LEGACY, MODERN, Visit
from toolmesh.doctor.wanted import Wanted

TOKEN = "a-token-that-only-the-url-may-see"


@pytest.fixture
def visiting(doctor: Doctor, house: BrokenHouse) -> Callable[..., Any]:
    """Runs a coroutine function with a visit to the house."""

    def run(ask: Callable[[Visit], Awaitable[Any]], bounds: Bounds | None = None, **wanted: Any) -> Any:
        async def visit() -> Any:
            asked = Wanted(token=TOKEN, **{"local": True, **wanted})
            persona = PERSONAS["chatgpt"]
            async with Visit(house.front.mcp_url, persona, asked, bounds=bounds, trust=doctor.trust) as found:
                return await ask(found)

        return asyncio.run(visit())

    return run


def test_the_token_goes_to_the_url_and_nowhere_else(visiting: Callable[..., Any], house: BrokenHouse) -> None:
    async def ask(visit: Visit) -> None:
        await visit.rpc("tools/list", token=TOKEN)
        for url in (f"{house.url}/authorize", house.front.plain_url, "https://localhost:1/mcp"):
            with pytest.raises(Unanswered, match="the token is only for"):
                await visit.get(url, headers={"Authorization": f"Bearer {TOKEN}"})

    before = len(house.front.asked)
    visiting(ask)
    assert [asked.path for asked in house.front.asked[before:]] == ["/mcp"]
    assert house.front.asked[-1].headers["authorization"] == f"Bearer {TOKEN}"


def test_a_redirect_is_followed_by_nobody(visiting: Callable[..., Any], house: BrokenHouse) -> None:
    async def ask(visit: Visit) -> None:
        answer = await visit.rpc("tools/list", token=TOKEN)
        assert (answer.status, answer.location) == (307, f"{house.front.plain_url}/mcp")

    before = len(house.front.asked)
    with house.front.bent(Bend("/mcp", "*", bends.redirect(f"{house.front.plain_url}/mcp"))):
        visiting(ask)
    assert len(house.front.asked) == before + 1


def test_a_body_without_an_end_is_read_so_far_and_no_further(visiting: Callable[..., Any], house: BrokenHouse) -> None:
    async def ask(visit: Visit) -> None:
        answer = await visit.get(f"{house.url}/big")
        assert (len(answer.body), answer.cut) == (1000, True)
        assert answer.document() is None

    with house.front.bent(Bend("/big", "GET", bends.Instead(200, b"{" * 100_000))):
        visiting(ask, Bounds(body_bytes_max=1000))


def test_an_answer_that_does_not_come_is_waited_for_so_long(visiting: Callable[..., Any], house: BrokenHouse) -> None:
    async def ask(visit: Visit) -> str:
        with pytest.raises(Unanswered, match="no answer in time") as caught:
            await visit.get(f"{house.url}/never")
        return caught.value.kind

    with house.front.bent(Bend("/never", "GET", bends.Delayed(5))):
        assert visiting(ask, Bounds(request_s=0.2)) == "time"


def test_there_is_a_last_request(visiting: Callable[..., Any], house: BrokenHouse) -> None:
    async def ask(visit: Visit) -> str:
        await visit.get(f"{house.url}/livez")
        with pytest.raises(Unanswered, match="1 requests were sent already") as caught:
            await visit.get(f"{house.url}/livez")
        return caught.value.kind

    assert visiting(ask, Bounds(requests_max=1)) == "bound"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.1.2.3", "169.254.169.254", "[::1]", "[::ffff:10.0.0.1]"])
def test_a_server_on_the_internet_can_not_send_the_doctor_into_the_operators_network(
    visiting: Callable[..., Any], host: str
) -> None:
    """The house is not on the internet; the visit is told that it is."""

    async def ask(visit: Visit) -> str:
        visit.learned.near = False
        with pytest.raises(Unanswered, match="not an address of the public internet") as caught:
            await visit.get(f"http://{host}:9/")
        return caught.value.kind

    assert visiting(ask, local=False) == "address"


@pytest.mark.parametrize("url", ["", "x", "javascript:alert(1)", "file:///etc/passwd", "http://[::1", "https://a:b:c/"])
def test_a_url_that_is_none_is_not_asked(visiting: Callable[..., Any], url: str) -> None:
    async def ask(visit: Visit) -> str:
        with pytest.raises(Unanswered) as caught:
            await visit.get(url)
        return caught.value.kind

    assert visiting(ask) == "url"


def test_cookies_are_not_kept(visiting: Callable[..., Any], house: BrokenHouse) -> None:
    async def ask(visit: Visit) -> None:
        await visit.get(f"{house.url}/cookie")
        await visit.get(f"{house.url}/cookie")

    with house.front.bent(Bend("/cookie", "GET", bends.Instead(200, b"{}", headers={"set-cookie": "a=b; Path=/"}))):
        visiting(ask)
    assert "cookie" not in house.front.asked[-1].headers


def test_requests_look_like_the_clients(visiting: Callable[..., Any], house: BrokenHouse) -> None:
    async def ask(visit: Visit) -> None:
        await visit.rpc("server/discover", {}, rpc_id="openai-mcp-discover")
        await visit.rpc("initialize", visit.initialize(), era=LEGACY, headers={"Accept": None})
        await visit.rpc("notifications/initialized", era=LEGACY, rpc_id=None)

    before = len(house.front.asked)
    visiting(ask)
    discover, initialize, notification = house.front.asked[before:]
    assert discover.headers["user-agent"] == "openai-mcp/1.0.0 (ChatGPT)"
    assert discover.headers["mcp-protocol-version"] == MODERN
    assert discover.headers["mcp-method"] == "server/discover"
    assert "authorization" not in discover.headers
    meta = discover.message["params"]["_meta"]
    assert meta["io.modelcontextprotocol/clientInfo"] == {"name": "openai-mcp", "version": "1.0.0"}
    assert discover.message["id"] == "openai-mcp-discover"
    assert "mcp-protocol-version" not in initialize.headers
    assert initialize.message["params"]["protocolVersion"] == LEGACY
    assert notification.message == {"jsonrpc": "2.0", "method": "notifications/initialized"}


def test_a_stream_is_read_up_to_the_answer(visiting: Callable[..., Any], house: BrokenHouse) -> None:
    def stream(_asked: Asked) -> Answer:
        body = b': hello\n\ndata: {"jsonrpc": "2.0",\ndata:  "id": 7, "result": {"a": 1}}\n\ndata: nonsense\n\n'
        return Answer(200, CIMultiDict({"content-type": "text/event-stream"}), body)

    async def ask(visit: Visit) -> Any:
        return (await visit.rpc("tools/list", rpc_id=7)).message(7)

    with house.front.bent(Bend("/mcp", "POST", bends.Computed(stream))):
        assert visiting(ask)["result"] == {"a": 1}


def test_the_doctor_shares_no_code_with_what_it_looks_at() -> None:
    doctors = [source for source in sources("toolmesh") if source.module.startswith("toolmesh.doctor")]
    assert len(doctors) > 20
    shared = {
        name for source in doctors for name in imported_names(source) if name.partition(".")[0] in ("edge", "workers")
    }
    assert shared == set()
