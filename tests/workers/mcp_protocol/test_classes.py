"""The class of a listed tool, from annotations that are not what they should be: never more than `write`."""

import asyncio

import msgspec
import pytest

from shared.configuration import BackendEntry
from shared.messages import CallClass
from shared.settings import Settings
from workers.backends.mcp_protocol.listing import Lister

ENTRY = BackendEntry(name="up", transport="http", url="http://127.0.0.1:9/mcp", annotations="trust")
FINE = b'{"name":"fine","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}'


def classes(annotations: bytes) -> dict[str, CallClass]:
    """Of a listing with one tool that has them, and one that is fine."""
    tool = b'{"name":"odd","inputSchema":{"type":"object"},"annotations":' + annotations + b"}"

    async def ask(method: str, params: bytes) -> tuple[bytes, bool]:
        return b'{"tools":[' + tool + b"," + FINE + b"]}", True

    listing = asyncio.run(Lister(ENTRY, Settings()).list_all(ask, b""))
    return {found.name: found.access for found in listing.offer.tools}


@pytest.mark.parametrize(
    "annotations",
    [
        b"null",
        b"[]",
        b'"readOnlyHint"',
        b"{}",
        b'{"readOnlyHint":"true"}',
        b'{"readOnlyHint":1}',
        b'{"readOnlyHint":null,"idempotentHint":true}',
        b'{"title":"\xff","readOnlyHint":true}',
        b'{"readonlyhint":true}',
    ],
)
def test_what_is_not_clear_is_a_write_and_hides_no_other_tool(annotations: bytes) -> None:
    assert classes(annotations) == {"odd": "write", "fine": "read"}


def test_other_members_do_not_matter() -> None:
    annotations = msgspec.json.encode({"title": "T", "x": [1], "idempotentHint": True})
    assert classes(annotations)["odd"] == "idempotent"
