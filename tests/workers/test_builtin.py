"""The built-in backend."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from shared.configuration import ECHO
from shared.errors import InvalidArguments, MeshError, UnknownTool
from shared.settings import Settings
from tests.upstreams.invocations import Caller
from workers.backends.builtin import open_backend
from workers.credentials import Credentials
from workers.vetting import vet

BACKEND = open_backend(ECHO, Settings(), Credentials({}))


def call(tool: str, arguments: bytes) -> dict[str, Any]:
    result: dict[str, Any] = msgspec.json.decode(asyncio.run(Caller(BACKEND).call(tool, arguments, access="read")))
    return result


def text(tool: str, arguments: bytes) -> str:
    result = call(tool, arguments)
    assert result["isError"] is False
    (block,) = result["content"]
    assert block["type"] == "text"
    return str(block["text"])


@pytest.mark.parametrize(
    ("message", "expected"), [('"hi"', "hi"), ('"h\\u00e4 \\ud83d\\ude00"', "hä 😀"), ('""', "(empty)"), ('" "', " ")]
)
def test_echo_returns_the_message(message: str, expected: str) -> None:
    assert text("echo", b'{"message":%b}' % message.encode()) == expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("2", "3", "5"),
        ("2.0", "3", "5"),
        ("0.5", "0.25", "0.75"),
        ("-1", "1", "0"),
        ("-0.5", "0.5", "0"),
        ("9007199254740993", "1", "9007199254740994"),
        ("123456789012345678901234567890", "1", "123456789012345678901234567891"),
        ("1e300", "1", "1e300"),
    ],
)
def test_add_returns_the_sum(a: str, b: str, expected: str) -> None:
    assert text("add", f'{{"a":{a},"b":{b}}}'.encode()) == expected


def test_time_is_rfc_3339_in_utc() -> None:
    told = text("time", b"{}")
    assert told.endswith("Z")
    assert abs(datetime.fromisoformat(told) - datetime.now(UTC)) < timedelta(minutes=1)


def test_every_tool_is_listed_fit_and_read_only() -> None:
    tools = asyncio.run(BACKEND.list_all()).tools
    assert [(t.name, t.access) for t in tools] == [("add", "read"), ("echo", "read"), ("time", "read")]
    for tool in tools:
        assert vet(tool.definition, Settings()) is None
        definition = msgspec.json.decode(tool.definition)
        assert definition["inputSchema"]["additionalProperties"] is False
        hints = {k: v for k, v in definition["annotations"].items() if k.endswith("Hint")}
        assert hints == {
            "readOnlyHint": True,
            "destructiveHint": False,
            "idempotentHint": True,
            "openWorldHint": False,
        }


@pytest.mark.parametrize(
    ("tool", "arguments", "error"),
    [
        ("nothing", b"{}", UnknownTool),
        ("echo", b"{}", InvalidArguments),
        ("echo", b'{"message":1}', InvalidArguments),
        ("add", b'{"a":"2","b":3}', InvalidArguments),
        ("add", b'{"a":true,"b":3}', InvalidArguments),
        ("time", b'{"zone":"UTC"}', InvalidArguments),
    ],
)
def test_what_does_not_fit_is_refused(tool: str, arguments: bytes, error: type[MeshError]) -> None:
    with pytest.raises(error):
        call(tool, arguments)
