"""A server that asks its client, through two edges: in both ways of asking, for clients and servers of both eras.

By request: the server sends `elicitation/create` or `sampling/createMessage` while the call runs (MCP 2025-11-25). By
result: it answers with what it needs, and the client sends the call again (MCP 2026-07-28, multi round-trip requests).
Where client and server are of different eras, the mesh turns one into the other.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.balanced import Balanced, balanced
from tests.clients import python_sdk, typescript
from tests.clients.visit import Ask, Seen, Visit
from tests.conformance.targets import server
from tests.mesh import API_KEY

pytestmark = pytest.mark.usefixtures("npm_packages")

SERVERS = ("both", "legacy", "modern")
BY_REQUEST = {
    "elicitation/create": Ask(name="test_elicitation", arguments={"message": "Who?"}, said="action=accept"),
    "sampling/createMessage": Ask(name="test_sampling", arguments={"prompt": "Say"}, said="LLM response: a sample"),
}
BY_RESULT = Ask(name="test_input_required_result_multiple_inputs", said="all: ['client_roots', 'greeting', 'user_name']")
CLIENTS = ["python-legacy", "python-2026-07-28", "typescript1-legacy", "typescript2-legacy", "typescript2-2026-07-28"]


QUESTIONS = [
    *(("legacy", ask) for ask in BY_REQUEST.values()),
    ("modern", BY_RESULT),
    ("both", BY_REQUEST["elicitation/create"]),
    ("both", BY_RESULT),
    ("silent", BY_REQUEST["elicitation/create"]),
]
"""Backend and tool of all cells."""


class Asking:
    """The running mesh, and what its clients were asked."""

    def __init__(self, front: Balanced) -> None:
        self._front = front
        self._typescript = cache(self._all_with_typescript)

    def call(self, client: str, backend: str, ask: Ask) -> Seen:
        """What this client saw of the call."""
        sdk, _, era = client.partition("-")
        if sdk == "python":
            return python_sdk.visit_http(self._url(backend), API_KEY, era, Visit(tool=ask))
        return self._typescript(sdk.replace("typescript", "v"), era)[QUESTIONS.index((backend, ask))]

    def _all_with_typescript(self, sdk: str, era: str) -> list[Seen]:
        visits = [(self._url(backend), Visit(tool=ask)) for backend, ask in QUESTIONS]
        return typescript.visit_all(sdk, era, API_KEY, visits)

    def _url(self, backend: str) -> str:
        return f"{self._front.url}/mcp/b/{backend}"


@pytest.fixture(scope="module")
def asking(npm_packages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """The server of the conformance suite, in both eras and in one only; and one that may not ask."""
    directory = tmp_path_factory.mktemp("asking")
    with ExitStack() as stack:
        urls = {era: stack.enter_context(server(directory, era)) for era in SERVERS}
        entries = [_entry(era, urls[era], "[elicitation, sampling, roots]") for era in SERVERS]
        entries.append(_entry("silent", urls["legacy"], "[]"))
        front = stack.enter_context(balanced(directory, "backends:\n" + "".join(entries), TOOLMESH_DIRECT_TOOLS="1000"))
        front.wait_for_tools(*(f"{name}_test_simple_text" for name in (*SERVERS, "silent")))
        yield Asking(front)


def _entry(name: str, url: str, relay: str) -> str:
    return f"  - {{name: {name}, transport: http, url: '{url}', relay: {relay}}}\n"


@pytest.mark.parametrize("method", BY_REQUEST)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_server_of_the_2025_era_asks_a_client_of_any_era(asking: Asking, client: str, method: str) -> None:
    seen = asking.call(client, "legacy", BY_REQUEST[method])
    assert not seen.error, seen.error
    assert BY_REQUEST[method].said in seen.said
    assert seen.asked == [method]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_server_of_the_2026_era_asks_a_client_of_any_era(asking: Asking, client: str) -> None:
    seen = asking.call(client, "modern", BY_RESULT)
    assert not seen.error, seen.error
    assert BY_RESULT.said in seen.said
    assert sorted(seen.asked) == ["elicitation/create", "roots/list", "sampling/createMessage"]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_server_of_both_eras_asks_each_client_in_the_clients_own_way(asking: Asking, client: str) -> None:
    ask = BY_REQUEST["elicitation/create"] if client.endswith("legacy") else BY_RESULT
    seen = asking.call(client, "both", ask)
    assert not seen.error, seen.error
    assert ask.said in seen.said
    assert "elicitation/create" in seen.asked


@pytest.mark.parametrize("client", ["typescript1-legacy", "typescript2-2026-07-28"])
def test_a_client_hears_nothing_of_a_server_that_may_not_ask(asking: Asking, client: str) -> None:
    seen = asking.call(client, "silent", BY_REQUEST["elicitation/create"])
    assert seen.error
    assert seen.tools, "the call failed, not what was before it"
    assert seen.asked == []
