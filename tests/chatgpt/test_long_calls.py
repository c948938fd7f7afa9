"""A call of more than a minute, in real time and with the settings that there are without any: ChatGPT cuts after 60 s
(docs/clients-on-the-wire.md, row E4). `make slow` runs it."""

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tests.chatgpt.agents import CLAUDE
from tests.chatgpt.connector import Connector
from tests.chatgpt.request_meta import of_conversation
from tests.chatgpt.stage import Stage, stage
from tests.chatgpt.test_calls import finished, text_of
from tests.chatgpt.wire import ACCEPTS, result_of

pytestmark = pytest.mark.slow

CUT_S = 60.0
WORK: dict[str, Any] = {"steps": 1, "step_ms": 75_000}


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage where a call is answered with a handle no earlier than by default."""
    with stage(tmp_path_factory.mktemp("patient"), TOOLMESH_HANDLE_AFTER_S="45") as found:
        yield found


def test_it_is_answered_before_the_cut_and_where_it_is_cut_it_is_found_again(patient: Stage) -> None:
    """An agent that is known to cut gets a handle; one that is not cuts, and makes the same call again. Both at once."""
    known, claude = patient.connector(), CLAUDE[0]
    unknown = Connector(patient.wire(claude.user_agent), claude.variant, patient.secrets, claude.user_agent)
    unknown.find_out()
    unknown.identify(known.identity)
    for connector in (known, unknown):
        connector.log_in(patient.person())
        connector.open()
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(handed, known), pool.submit(cut_and_repeated, patient, unknown)]
        assert [run.result(240) for run in runs] == ["1 steps", "1 steps"]
    assert patient.calls('"slow_progress"') == 2, "each was executed once"


def handed(connector: Connector) -> str:
    begun = time.monotonic()
    answer = connector.call("up_slow_progress", WORK, meta=of_conversation("handed"))
    assert result_of(answer)["structuredContent"]["status"] == "running"
    assert time.monotonic() - begun < CUT_S, "the client would have been gone"
    return text_of(finished(connector, answer))


def cut_and_repeated(at: Stage, connector: Connector) -> str:
    meta = of_conversation("cut")
    params = {"name": "up_slow_progress", "arguments": WORK}
    message = connector.variant.message("tools/call", params, "call-1", meta)
    headers = ACCEPTS | connector.headers("tools/call", params) | connector.authorization()

    async def cut() -> None:
        """Whatever comes meanwhile: signs of life do not make the client wait for longer."""
        async with httpx2.AsyncClient(trust_env=False, verify=at.front.trust, timeout=None) as http:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(CUT_S):
                    await http.post(f"{at.url}/mcp", content=json.dumps(message), headers=headers)

    asyncio.run(cut())
    result = finished(connector, connector.call("up_slow_progress", WORK, meta=meta))
    assert result["_meta"]["toolmesh/call"]["attached"] is True
    return text_of(result)
