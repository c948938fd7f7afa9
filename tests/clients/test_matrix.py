"""Others' clients by others' servers by era, through two edges that take turns.

Each cell lists the tools and calls one; with progress, prompts and resources where the server has them. At
`/mcp/b/{backend}` names are the server's own, at `/mcp` they carry its name.
"""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.balanced import Balanced, balanced
from tests.clients import python_sdk, remote, typescript
from tests.clients.backends import VISITS, servers
from tests.clients.inspector import Inspector
from tests.clients.visit import Seen, Visit, check
from tests.mesh import API_KEY

pytestmark = pytest.mark.usefixtures("npm_packages")

LEGACY, MODERN = "2025-11-25", "2026-07-28"
BACKENDS = list(VISITS)
DOORS = {"own": "/mcp/b/{}", "all": "/mcp", "sse": "/sse"}
SDKS = {
    "python-legacy": LEGACY,
    "python-2026-07-28": MODERN,
    "python-auto": MODERN,
    "typescript1-legacy": LEGACY,
    "typescript2-legacy": LEGACY,
    "typescript2-2026-07-28": MODERN,
    "typescript2-auto": MODERN,
}
"""Clients with their era, and the version that they have to agree on with the mesh."""


class Matrix:
    """The running mesh, and what its visitors saw."""

    def __init__(self, front: Balanced, visits: dict[str, Visit], home: Path) -> None:
        self.front = front
        self.visits = visits
        self.home = home
        self.typescript: Callable[[str, str, str], dict[str, Seen]] = cache(self._typescript)

    def url(self, door: str, backend: str) -> str:
        return self.front.url + DOORS[door].format(backend)

    def visit(self, door: str, backend: str) -> Visit:
        """What to do at a backend, by its names at that door."""
        own = self.visits[backend]
        return own if door == "own" else own.prefixed(backend)

    def _typescript(self, sdk: str, era: str, door: str) -> dict[str, Seen]:
        """All backends with one process: half a second each would be most of the time of the whole matrix."""
        visits = [(self.url(door, backend), self.visit(door, backend)) for backend in BACKENDS]
        kind = "sse" if door == "sse" else "http"
        return dict(zip(BACKENDS, typescript.visit_all(sdk, era, API_KEY, visits, kind), strict=True))


@pytest.fixture(scope="module")
def matrix(npm_packages: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """All servers behind one mesh."""
    directory = tmp_path_factory.mktemp("matrix")
    with servers(directory) as started, balanced(directory, started.backends, TOOLMESH_DIRECT_TOOLS="1000") as front:
        front.wait_for_tools(*(f"{name}_{visit.tool.name}" for name, visit in started.visits.items()))
        yield Matrix(front, started.visits, directory)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("client", "door"),
    [(client, "own") for client in SDKS]
    + [(client, "all") for client in ("python-legacy", "python-auto", "typescript1-legacy", "typescript2-auto")],
)
def test_an_sdk_uses_every_server_on_two_edges(matrix: Matrix, client: str, door: str, backend: str) -> None:
    sdk, _, era = client.partition("-")
    visit = matrix.visit(door, backend)
    if sdk == "python":
        seen = python_sdk.visit_http(matrix.url(door, backend), API_KEY, era, visit)
    else:
        seen = matrix.typescript(sdk.replace("typescript", "v"), era, door)[backend]
    check(visit, seen, SDKS[client], last_step_may_be_late=sdk != "python")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspectors_command_line_calls_a_tool_of_every_server(matrix: Matrix, era: str, backend: str) -> None:
    tool = matrix.visits[backend].tool
    assert tool.said in Inspector(matrix.url("own", backend), API_KEY, era, matrix.home).call(tool)


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspectors_command_line_lists_and_reads_what_a_server_has(matrix: Matrix, era: str) -> None:
    visit = matrix.visits["npm-stdio"]
    assert visit.prompt
    assert visit.resource
    looking = Inspector(matrix.url("own", "npm-stdio"), API_KEY, era, matrix.home)
    assert visit.tool.name in looking.names("tools")
    assert visit.prompt.name in looking.names("prompts")
    assert visit.prompt.said in looking.prompt(visit.prompt)
    assert visit.resource.name in looking.names("resources", "uri")
    assert visit.resource.said in looking.read(visit.resource)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("protocol", ["legacy", "auto"])
def test_a_client_behind_mcp_remote_uses_every_server_on_two_edges(matrix: Matrix, protocol: str, backend: str) -> None:
    command = remote.command(matrix.url("own", backend), API_KEY, protocol)
    seen = python_sdk.visit_stdio(command, remote.environment(matrix.home), matrix.visits[backend])
    check(matrix.visits[backend], seen, LEGACY)


@pytest.mark.parametrize(
    ("client", "backend"),
    [(client, backend) for client in ("python", "typescript1", "typescript2") for backend in BACKENDS]
    + [("mcp-remote", backend) for backend in ("echo", "python", "npm-stdio")],
)
def test_a_client_of_the_old_transport_uses_every_server_on_two_edges(matrix: Matrix, client: str, backend: str) -> None:
    url, visit = matrix.url("sse", backend), matrix.visit("sse", backend)
    if client == "python":
        seen = python_sdk.visit_sse(url, API_KEY, visit)
    elif client == "mcp-remote":
        command = remote.command(url, API_KEY, "legacy", "sse-only")
        seen = python_sdk.visit_stdio(command, remote.environment(matrix.home), visit)
    else:
        seen = matrix.typescript(client.replace("typescript", "v"), "legacy", "sse")[backend]
    check(visit, seen, LEGACY, last_step_may_be_late=client != "python")
