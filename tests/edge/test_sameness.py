"""When two calls are the same call, and when they only look alike."""

from typing import Any

import pytest

from edge.exchange import Exchange
from edge.outgoing import Outgoing
from edge.parse import Message
from edge.sameness import same_as
from shared.errors import InvalidParams
from shared.identity import Principal
from shared.messages import CallClass, Client
from shared.queue import NEVER_THE_SAME, Same
from shared.sessions import Session

OWNER = Principal(subject="owner", owner=True, caller_id="key-1")
KEY = "toolmesh/idempotencyKey"


def session(digest: str) -> Session:
    return Session(digest=digest, tenant="default", subject="owner", version="2025-11-25", client=Client(), created_ms=1)


def same(
    *,
    principal: Principal = OWNER,
    endpoint: str | None = None,
    of: Session | None = None,
    headers: dict[str, str] | None = None,
    arguments: Any = None,
    access: CallClass = "write",
    meta: dict[str, Any] | None = None,
    tool: str = "act",
    method: str = "tools/call",
    inputs: bytes = b"",
) -> Same:
    async def silent(*_: Any) -> Any:
        """Nobody speaks."""

    exchange = Exchange(
        principal=principal,
        message=Message("legacy", method, 1, {}),
        body=b"",
        headers=headers or {},
        backend=endpoint,
        session=of,
        receive=silent,
        send=silent,
    )
    outgoing = Outgoing(
        group="default",
        backend="up",
        method=method,
        subject=tool,
        access=access,
        arguments=b"{}",
        meta=meta or {},
        compared=arguments if arguments is not None else {"a": 1, "b": [1, 2]},
        inputs=inputs,
    )
    return same_as(exchange, outgoing)


def test_the_order_of_members_does_not_matter() -> None:
    assert same(arguments={"b": [1, 2], "a": 1}) == same()


@pytest.mark.parametrize(
    "other",
    [
        {"arguments": {"a": 1, "b": [2, 1]}},
        {"arguments": {"a": "1", "b": [1, 2]}},
        {"tool": "other"},
        {"endpoint": "up"},
        {"principal": Principal(subject="ada", caller_id="key-1")},
        {"principal": Principal(subject="owner", tenant="else", caller_id="key-1")},
        {"principal": Principal(subject="owner", owner=True, caller_id="key-2")},
        {"of": session("a" * 32)},
        {"meta": {"openai/session": "a conversation"}},
        {"inputs": b'{"inputResponses":{}}'},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_differs_in_one_thing_is_another_call(other: dict[str, Any]) -> None:
    assert same(**other).key != same().key


def test_conversations_are_kept_apart_and_what_tells_about_the_person_does_not_matter() -> None:
    one = {"openai/session": "one", "openai/userLocation": "here"}
    assert same(meta=one).key == same(meta={"openai/session": "one"}).key
    assert same(meta=one).key != same(meta={"openai/session": "two"}).key
    assert same(of=session("a" * 32)).key != same(of=session("b" * 32)).key


def test_writes_can_be_found_from_their_start_and_others_once_that_is_noted() -> None:
    assert same(access="write").how == "keep"
    assert same(access="read").how == same(access="idempotent").how == "look"


def test_other_methods_are_never_joined() -> None:
    assert same(method="resources/read") is NEVER_THE_SAME


def test_a_key_of_the_clients_own_stands_for_everything_but_principal_and_tool() -> None:
    given = same(meta={KEY: "k"})
    assert given.how == "own"
    assert same(headers={"idempotency-key": '"k"'}) == given
    assert same(headers={"idempotency-key": "k"}, meta={KEY: "k"}) == given
    assert (
        same(meta={KEY: "k"}, of=session("a" * 32), principal=Principal(subject="owner", caller_id="key-2")).key
        == given.key
    )
    assert same(meta={KEY: "k"}, arguments={"other": 1}).key == given.key
    assert same(meta={KEY: "k"}, arguments={"other": 1}).arguments != given.arguments
    assert same(meta={KEY: "k"}, tool="other").key != given.key
    assert same(meta={KEY: "k"}, principal=Principal(subject="ada")).key != given.key
    assert same(meta={KEY: "k2"}).key != given.key


@pytest.mark.parametrize("key", ["", "x" * 129, 7, None, "a\nb", ["k"]])
def test_a_key_that_is_none_is_refused(key: Any) -> None:
    if key is None:
        assert same(meta={KEY: key}).how == "keep", "null says nothing"
        return
    with pytest.raises(InvalidParams):
        same(meta={KEY: key})


def test_a_header_that_contradicts_the_body_is_refused() -> None:
    with pytest.raises(InvalidParams, match="different"):
        same(headers={"idempotency-key": "one"}, meta={KEY: "two"})
