"""Results of every shape, and how a client puts their pages together again."""

import json
from typing import Any

import msgspec
from hypothesis import strategies as st

from edge.exchange import Exchange
from edge.outgoing import Outgoing
from edge.paging.page import NOTE_CHARS_MAX, Page
from edge.paging.pager import Pager
from edge.paging.pieces import Parts
from edge.parse import Era, Message
from edge.running import Running
from edge.waiter import Waiter
from shared.identity import Principal
from shared.messages import Client, ToolCall
from shared.sessions import Session
from shared.settings import Settings
from tests.contract.hop import RING

ADA = Principal(subject="ada")
CALL_ID = "0123456789abcdef0123456789abcdef"
CHATGPT = "openai-mcp/1.0.0 (ChatGPT)"
BUDGETS = ("openai-mcp=2000", "claude=5000")

_CHARACTERS = st.sampled_from('ab ,\n\r\u0301é漢👩\u200d👧🏽🇩🇪ᄀ\u1161\t"\\{}')
TEXTS = st.one_of(
    st.text(_CHARACTERS, max_size=400),
    st.builds(lambda text, times: text * times, st.text(_CHARACTERS, min_size=1, max_size=40), st.integers(1, 300)),
    st.text(max_size=60),
)
_BASE64 = st.sampled_from(["", "AAAA", "QUJD" * 2_000])
_TEXT = st.builds(lambda text: {"type": "text", "text": text}, TEXTS)
_NOTED = st.builds(lambda text: {"type": "text", "text": text, "annotations": {"priority": 0.5}}, TEXTS)
_IMAGE = st.builds(lambda data: {"type": "image", "data": data, "mimeType": "image/png"}, _BASE64)
_AUDIO = st.builds(lambda data: {"type": "audio", "data": data, "mimeType": "audio/wav"}, _BASE64)
_LINK = st.builds(
    lambda chars: {"type": "resource_link", "uri": "note://7", "name": "n", "description": "d" * chars},
    st.integers(0, 3_000),
)
_RESOURCE = st.builds(
    lambda text: {"type": "resource", "resource": {"uri": "note://7", "mimeType": "text/plain", "text": text}}, TEXTS
)
_BLOB = st.builds(lambda data: {"type": "resource", "resource": {"uri": "note://7", "blob": data}}, _BASE64)
BLOCKS = st.one_of(_TEXT, _TEXT, _NOTED, _IMAGE, _AUDIO, _LINK, _RESOURCE, _BLOB, st.just({"type": "new", "x": 1.50}))
CONTENTS = st.lists(BLOCKS, max_size=8)


def body(content: Any, **members: Any) -> bytes:
    """A result, as JSON."""
    return json.dumps({"content": content, **members}, ensure_ascii=False).encode()


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def written(blocks: list[Any]) -> list[Any]:
    """Blocks of a page as a client reads them."""
    return [json.loads(msgspec.json.encode(block)) for block in blocks]


def together(pages: list[tuple[Page, bool]]) -> list[Any]:
    """The blocks of all pages; the second member says whether a page begins inside of a block."""
    found: list[Any] = []
    for page, inside in pages:
        blocks = written(page.blocks)
        if inside:
            _join(found[-1], blocks.pop(0))
        found += blocks
    return found


def _join(block: dict[str, Any], more: dict[str, Any]) -> None:
    held, added = (block["resource"], more["resource"]) if block["type"] == "resource" else (block, more)
    assert {**held, "text": ""} == {**added, "text": ""}
    held["text"] += added["text"]


def seen(blocks: list[Any]) -> int:
    """Characters that a model sees of these blocks; what is base64 it does not."""
    count = 0
    for block in blocks:
        if block["type"] == "text":
            count += len(block["text"])
            continue
        inner = block.get("resource", {})
        shown = {name: value for name, value in block.items() if name != "data"}
        if inner:
            shown["resource"] = {name: value for name, value in inner.items() if name not in ("blob", "text")}
        count += len(inner.get("text", "")) + len(json.dumps(shown, ensure_ascii=False, separators=(",", ":")))
    return count


def is_oversized(page: Page, parts: Parts, budget: int) -> bool:
    """Whether it is a single block that can't be cut."""
    return len(page.blocks) == 1 and page.chars > budget - NOTE_CHARS_MAX


def pager(*budgets: str) -> Pager:
    return Pager(RING, Settings(result_chars_max=budgets or BUDGETS))


def exchange(
    agent: str = CHATGPT, *, name: str = "", era: Era = "modern", principal: Principal = ADA, method: str = "tools/call"
) -> Exchange:
    """A request of a client that calls itself so."""

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    info = {"name": name, "version": "1"}
    meta = {"_meta": {"io.modelcontextprotocol/clientInfo": info}} if name and era == "modern" else {}
    session = None
    if name and era == "legacy":
        client = Client(info=json.dumps(info).encode(), era="legacy")
        session = Session(digest="d", tenant="t", subject="s", version="2025-11-25", client=client, created_ms=1)
    return Exchange(
        principal=principal,
        message=Message(era, method, 1, {"name": "b_t", **meta}),
        body=b"",
        headers={"user-agent": agent} if agent else {},
        backend=None,
        session=session,
        receive=nothing,
        send=nothing,
    )


def running(method: str = "tools/call") -> Running:
    """A call that is over."""
    call = ToolCall(
        call_id=CALL_ID,
        queue="q",
        backend="notes",
        tool="t",
        definition="",
        access="read",
        principal=ADA,
        arguments=b"{}",
        deadline_ms=1,
        reply="e",
        method=method,
    )
    outgoing = Outgoing(
        group="default", backend="notes", method=method, subject="t", access="read", arguments=b"{}", meta={}, compared={}
    )
    return Running(call, outgoing, Waiter(CALL_ID, "default", "notes", 1), 0.0)
