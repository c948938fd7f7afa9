"""Who is answered without the end of a call, and when (docs/guarantees.md, "Handles")."""

from typing import Any

import pytest

from edge.exchange import Exchange
from edge.handles.budget import BUDGET_META, TASKS, Budget, declares_tasks
from edge.outgoing import Outgoing
from edge.parse import Message
from shared.errors import InvalidParams
from shared.identity import Principal
from shared.messages import Client
from shared.sessions import Session
from shared.settings import Settings

SETTINGS = Settings(task_after_s=5, handle_after_s=45, handle_clients=("openai-mcp", "Cutter"))
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
INFO = "io.modelcontextprotocol/clientInfo"
TAKES: dict[str, Any] = {CAPABILITIES: {"extensions": {TASKS: {}}}}


def exchange(meta: Any = None, *, era: Any = "modern", agent: str = "", info: bytes | None = None) -> Exchange:
    session = None
    if info is not None:
        session = Session(digest="d", tenant="t", subject="s", version="2025-11-25", client=Client(info=info), created_ms=1)

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    return Exchange(
        principal=Principal(subject="s"),
        message=Message(era, "tools/call", 1, {} if meta is None else {"_meta": meta}),
        body=b"",
        headers={"user-agent": agent} if agent else {},
        backend=None,
        session=session,
        receive=nothing,
        send=nothing,
    )


def after_s(asked: Exchange, method: str = "tools/call") -> float | None:
    meta = asked.message.params.get("_meta") or {}
    outgoing = Outgoing(
        group="g",
        backend="b",
        method=method,
        subject="t",
        access="read",
        arguments=b"{}",
        meta=meta,
        compared={},
    )
    return Budget(SETTINGS).after_s(asked, outgoing)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (exchange(), None),
        (exchange({}), None),
        (exchange(TAKES), 5),
        (exchange(TAKES, era="legacy"), None),
        (exchange({BUDGET_META: 100}), 0.1),
        (exchange({BUDGET_META: 600_000}, era="legacy"), 600),
        (exchange({BUDGET_META: 6_000} | TAKES), 5),
        (exchange({BUDGET_META: 4_000} | TAKES), 4),
        (exchange(agent="openai-mcp/1.0.0 (ChatGPT)"), 45),
        (exchange(agent="OpenAI-MCP"), 45),
        (exchange(agent="CUTTER/2", era="legacy"), 45),
        (exchange(agent="Mozilla/5.0 openai-mcp"), None),
        (exchange({INFO: {"name": "openai-mcp"}}), 45),
        (exchange({INFO: {"name": "openai-mcp"}} | TAKES), 5),
        (exchange({INFO: {"name": "openai-mcp"}, BUDGET_META: 50_000}), 45),
        (exchange({INFO: {"name": "openai-mcp"}}, era="legacy"), None),
        (exchange({INFO: "openai-mcp"}), None),
        (exchange({INFO: {"name": 7}}), None),
        (exchange(era="legacy", info=b'{"name":"openai-mcp","version":"1"}'), 45),
        (exchange(era="legacy", info=b'{"name":"claude","version":"1"}'), None),
        (exchange(era="legacy", info=b'{"name":7}'), None),
        (exchange(era="legacy", info=b""), None),
    ],
)
def test_the_shortest_of_what_is_asked_and_what_is_known_counts(asked: Exchange, expected: float | None) -> None:
    assert after_s(asked) == expected


@pytest.mark.parametrize("budget", [0, 99, 600_001, -1, True, False, 100.0, "1000", [], {}, float("nan")])
def test_a_budget_that_is_none_is_refused(budget: Any) -> None:
    with pytest.raises(InvalidParams, match="budgetMs"):
        after_s(exchange({BUDGET_META: budget}))


@pytest.mark.parametrize("method", ["prompts/get", "resources/read", "completion/complete"])
def test_only_tool_calls_are_answered_without_their_end(method: str) -> None:
    assert after_s(exchange({BUDGET_META: "none"} | TAKES, agent="openai-mcp"), method) is None


@pytest.mark.parametrize(
    "capabilities",
    [
        None,
        [],
        "x",
        {},
        {"extensions": []},
        {"extensions": {}},
        {"extensions": {TASKS: None}},
        {"extensions": {TASKS: True}},
    ],
)
def test_a_client_takes_tasks_only_if_it_says_so_as_it_should(capabilities: Any) -> None:
    assert not declares_tasks(exchange({CAPABILITIES: capabilities}).message)
    assert declares_tasks(exchange(TAKES).message)


def test_no_client_is_known_to_cut_where_the_operator_names_none() -> None:
    assert not Budget(Settings(handle_clients=())).cuts(exchange(agent="openai-mcp"))
    assert not Budget(Settings(handle_clients=("",))).cuts(exchange(agent="openai-mcp"))
