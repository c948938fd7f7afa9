"""The tasks extension, by the client that its makers publish (npm `@modelcontextprotocol/ext-tasks`; locked with the MCP
Inspector, which needs it), through two edges that take turns."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.balanced import Balanced, balanced
from tests.clients import node
from tests.e2e.tasks_mesh import entry, server
from tests.mesh import API_KEY, wait_until

pytestmark = pytest.mark.usefixtures("npm_packages")

_SCRIPT = Path(__file__).with_name("tasks.mjs")


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the client saw of one call."""

    kind: str
    status: str
    text: str
    error: str
    asked: list[str]


ANSWER = {"name": "Ada", "confirm": True, "word": "word"}
"""To all that is asked."""
CALLS: dict[str, tuple[dict[str, Any], Seen]] = {
    "greet": ({"name": "you"}, Seen("immediate", "completed", "Hello, you!", "", [])),
    "slow_compute": ({"seconds": 0.5, "label": "x"}, Seen("task", "completed", "computed x", "", [])),
    "confirm_delete": ({"filename": "f"}, Seen("task", "completed", f"deleted f: {ANSWER}", "", ["Delete f?"])),
    "twice_asked": ({}, Seen("task", "completed", "word and word", "", ["Word 1?", "Word 2?"])),
    "test_tool_with_task": ({}, Seen("task", "completed", "Hello, Ada!", "", ["What is your name?"])),
    "failing_job": ({}, Seen("task", "completed", "the job failed", "", [])),
    "protocol_error_job": ({}, Seen("task", "failed", "", "the job broke", [])),
}


@pytest.fixture(scope="module")
def front(npm_packages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    directory = tmp_path_factory.mktemp("tasks")
    process, port = server(directory, "slow")
    try:
        wait_until(lambda: "listening" in process.output(), "the server listens")
        quick = {"TOOLMESH_TASK_AFTER_S": "0.2", "TOOLMESH_TASK_POLL_S": "0.1"}
        with balanced(directory, "backends:\n" + entry("slow", port), **quick) as found:
            found.wait_for_tools("slow_greet")
            yield found
    finally:
        process.kill()


def seen_by_client(front: Balanced, calls: list[dict[str, Any]], path: str) -> list[Seen]:
    done = subprocess.run(
        node.program(_SCRIPT),
        input=msgspec.json.encode({"url": front.url + path, "key": API_KEY, "calls": calls, "answer": ANSWER}),
        cwd=node.HOME,
        env=node.environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return [msgspec.json.decode(line, type=Seen) for line in done.stdout.splitlines()]


def test_every_kind_of_call_comes_to_its_end_over_edges_that_take_turns(front: Balanced) -> None:
    calls = [{"name": f"slow_{name}", "arguments": arguments} for name, (arguments, _) in CALLS.items()]
    found = dict(zip(CALLS, seen_by_client(front, calls, "/mcp"), strict=True))
    assert found == {name: expected for name, (_, expected) in CALLS.items()}


def test_a_cancelled_call_ends_as_cancelled(front: Balanced) -> None:
    calls = [{"name": "slow_compute", "arguments": {"seconds": 30, "label": "stop"}, "cancel": True}]
    assert seen_by_client(front, calls, "/mcp/b/slow") == [Seen("task", "cancelled", "", "", [])]
