"""Agents of others that come themselves, as their makers publish them, and log in: discovery, registration or document,
their person's browser, tokens, calls, at two edges that take turns behind one https URL."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.chatgpt.programs import Program, environment, send_back
from tests.chatgpt.stage import Stage
from tests.clients import node, python_sdk
from tests.clients.visit import Ask, Seen, Visit
from tests.mesh import WAIT_S, free_port

pytestmark = pytest.mark.usefixtures("npm_packages")

HELLO = Visit(tool=Ask(name="up_echo", arguments={"message": "hello from afar"}, said="hello from afar"))
SCRIPT = Path(__file__).parent / "typescript.mjs"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a program keeps its files."""
    found = tmp_path / "home"
    found.mkdir()
    return found


@contextmanager
def visiting(at: Stage, home: Path, said: Path, *options: str) -> Iterator[Any]:
    """A client on the stdio of mcp-remote, which speaks into a file; gives the future of what the client saw."""
    said.touch()
    command = [*node.command("mcp-remote", "dist/proxy.js"), *options]
    whole = ["/bin/sh", "-c", f"exec \"$@\" 2>'{said}'", "sh", *command]
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(python_sdk.visit_stdio, whole, environment(at, home), HELLO)


def test_mcp_remote_logs_in_and_the_next_time_needs_nobody(at: Stage, home: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with visiting(at, home, first, f"{at.url}/mcp") as seen:
        send_back(at, first)
        assert_greeted(seen.result(WAIT_S))
    with visiting(at, home, second, f"{at.url}/mcp", "--protocol", "auto") as seen:
        assert_greeted(seen.result(WAIT_S))
    assert "Please authorize" not in second.read_text()


def test_mcp_remote_goes_back_to_the_older_transport_where_there_is_no_other(at: Stage, home: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    with visiting(at, home, said, f"{at.url}/sse") as seen:
        send_back(at, said)
        assert_greeted(seen.result(WAIT_S))
    assert "SSEClientTransport" in said.read_text()


def assert_greeted(seen: Seen) -> None:
    assert (seen.error, seen.said) == ("", "hello from afar")
    assert "mesh_wait" in seen.tools


def test_the_inspectors_command_line_logs_in(at: Stage, home: Path, tmp_path: Path) -> None:
    said = tmp_path / "inspector"
    options = ["--callback-url", f"http://127.0.0.1:{free_port()}/oauth/callback", "--protocol-era", "auto"]
    call = ["--method", "tools/call", "--tool-name", "up_echo", "--tool-args-json", '{"message":"hello from afar"}']
    program = Program(inspector(at, *options, *call), environment(at, home), said)
    try:
        send_back(at, said)
        program.says("hello from afar")
        program.end()
    finally:
        program.kill()


def inspector(at: Stage, *options: str) -> list[str]:
    """Its command line at `/mcp`."""
    command = node.command("@modelcontextprotocol/inspector", "clients/launcher/build/index.js")
    return [*command, "--cli", "--server-url", f"{at.url}/mcp", "--transport", "http", "--format", "json", *options]


@pytest.mark.parametrize(("sdk", "way"), [("v1", "registered"), ("v2", "document")])
def test_the_typescript_sdk_logs_in_and_renews(at: Stage, home: Path, tmp_path: Path, sdk: str, way: str) -> None:
    callback, said, document = "http://127.0.0.1:14141/callback", tmp_path / "said", ""
    if way == "document":
        path = f"/typescript/{sdk}.json"
        document = at.documents.publish(path, redirect_uris=["http://127.0.0.1/callback"])
    before = at.documents.times(f"/typescript/{sdk}.json")
    program = Program(node.program(SCRIPT), environment(at, home), said, node.HOME)
    try:
        asked = {"sdk": sdk, "url": f"{at.url}/mcp", "redirect": callback, "document": document or None}
        program.tell(json.dumps(asked))
        program.tell(send_back(at, said, to_program=False))
        program.says("text hello\n")
        at.expire(*re.findall(r"token (\S+)", said.read_text()))
        program.tell("hello again")
        program.says("text hello again\n")
        program.end()
    finally:
        program.kill()
    assert len(re.findall("authorize http", said.read_text())) == 1, "nobody is asked again"
    assert len(re.findall(r"token (\S+)", said.read_text())) == 2
    assert (at.documents.times(f"/typescript/{sdk}.json") > before) == (way == "document")
