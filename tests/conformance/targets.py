"""What the conformance suite is run against: the SDK's server itself, and the same server behind the mesh."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.balanced import balanced
from tests.conformance import suite
from tests.e2e.tasks_mesh import entry
from tests.mesh import Module, free_port, wait_until

_ENTRY = """backends:
  - name: conformance
    transport: http
    url: {url}
    relay: [elicitation, sampling, roots]
"""
_ENVIRONMENT = {"TOOLMESH_UPSTREAM_CHANGES_S": "0.2", "TOOLMESH_DIRECT_TOOLS": "1000"}
"""The suite changes two lists within a second and waits 1.5 s for word of it: the default of 1 s is close to that."""


@dataclass(frozen=True)
class Runs:
    """All runs, by revision of the specification."""

    direct: dict[str, suite.Outcome]
    mesh: dict[str, suite.Outcome]
    counts: list[int]
    """How many requests each edge got."""


@contextmanager
def server(directory: Path, era: str = "both") -> Iterator[str]:
    """The SDK's server with all that the suite asks for; gives its endpoint."""
    port = free_port()
    arguments = ["tests.upstreams.conformance", "--port", str(port), "--era", era]
    process = Module(arguments, directory / f"server-{era}.log")
    try:
        wait_until(lambda: "listening" in process.output(), "the server listens")
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()


def run_all(directory: Path) -> Runs:
    """Run both revisions against the server, and through two edges in round robin."""

    def both(url: str, name: str) -> dict[str, suite.Outcome]:
        """Both at a time: a run waits more than it works."""
        with ThreadPoolExecutor(len(suite.REVISIONS)) as pool:
            found = pool.map(lambda revision: suite.run(url, revision, directory / f"{name}-{revision}"), suite.REVISIONS)
            return dict(zip(suite.REVISIONS, found, strict=True))

    with server(directory) as url:
        direct = both(url, "direct")
        with balanced(directory, _ENTRY.format(url=url), **_ENVIRONMENT) as front:
            front.wait_for_tools("conformance_test_simple_text")
            behind = f"{front.url}/mcp/b/conformance"
            mesh = both(behind, "mesh")
            for revision, outcome in mesh.items():
                mesh[revision] = _in_peace(behind, outcome, direct[revision], directory)
            return Runs(direct, mesh, front.counts())


def _in_peace(url: str, outcome: suite.Outcome, direct: suite.Outcome, directory: Path) -> suite.Outcome:
    """The outcome, with the scenarios that came out worse run once more, each by itself.

    Some checks give a server 500 or 600 ms for an answer. On a machine that does something else, too, that says nothing
    about what is answered; and what is wrong in the answer comes out worse each time.
    """
    for scenario in sorted({name.split(":")[0] for name in outcome.worse_than(direct)}):
        where = directory / f"again-{outcome.revision}-{scenario}"
        outcome = outcome.with_another_run(suite.run_again(url, outcome.revision, scenario, where), scenario)
    return outcome


TASKS = (
    "tasks-lifecycle",
    "tasks-capability-negotiation",
    "tasks-wire-fields",
    "tasks-request-state-removal",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-dispatch-and-envelope",
    "tasks-required-task-error",
    "tasks-mrtr-composition",
)
"""Scenarios of the tasks extension, but for `tasks-status-notifications`, which the suite skips itself."""
_AT_A_TIME = 3


def run_tasks(directory: Path) -> tuple[dict[str, suite.Outcome], list[int]]:
    """Run the scenarios of the tasks extension through two edges in round robin, in front of a server that knows no tasks.

    Gives what each found, and how many requests each edge got.
    """
    port = free_port()
    process = Module(["tests.upstreams.tasks", "--port", str(port)], directory / "server-tasks.log")
    try:
        wait_until(lambda: "listening" in process.output(), "the server listens")
        backends = "backends:\n" + entry("tasks", port)
        with balanced(directory, backends, TOOLMESH_TASK_AFTER_S="0.3") as front, ThreadPoolExecutor(_AT_A_TIME) as pool:
            front.wait_for_tools("tasks_greet")
            url = f"{front.url}/mcp/b/tasks"
            found = pool.map(lambda scenario: suite.run_scenario(url, scenario, directory / scenario), TASKS)
            return dict(zip(TASKS, found, strict=True)), front.counts()
    finally:
        process.kill()
