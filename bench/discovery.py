"""Finding tools among 2,500: how long an answer of `discover_tools` takes, and how many bytes a list of tools has, with all
of them listed and with code mode."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urlsplit

from bench.connection import BadAnswer, Connection
from bench.figures import Figures, percentile
from bench.many_tools import definitions
from bench.mesh import Mesh, http_backend, running_mesh
from bench.row import Pair, Wanted
from bench.scenarios import Plan, Say
from bench.target import COUNTER, Target
from bench.upstreams import running_upstream

TOOLS = 2_500
COUNTS = (10, 100, 1_000, TOOLS)
"""How many tools the users of the bench may use."""
_QUESTIONS = (
    "create invoice",
    "list the open issues of a repository",
    "delete firewall rule",
    "who is a member of the group",
    "update customer name",
    "status of a pipeline",
    "backups",
    "something that is not there",
)
_PATTERNS = ("^many_shop_.*invoice", "create|update", r"\bfirewall\b")

ROWS: tuple[Wanted, ...] = (
    (f"`discover_tools(query)` over {TOOLS:,} tools, p50", "ms", "discover/query/p50_ms", "≤ 5 ms", 5.0),
    (f"`discover_tools(query)` over {TOOLS:,} tools, p99", "ms", "discover/query/p99_ms", None, 0.0),
    (f"`discover_tools(pattern)` over {TOOLS:,} tools, p50", "ms", "discover/pattern/p50_ms", None, 0.0),
    ("`discover_tools(query)`: an answer", "B", "discover/answer/bytes", None, 0.0),
    (f"a page of 200 of `tools/list` over {TOOLS:,} tools, all listed, p50", "ms", "listing/page_ms", "≤ 30 ms", 30.0),
)
PAIRS: tuple[Pair, ...] = tuple(
    (f"`tools/list` of who may use {count:,}: all listed, code mode", "B", f"listing/all/{count}", f"listing/short/{count}")
    for count in COUNTS
)


def measure_discovery(folder: Path, plan: Plan, figures: Figures, say: Say) -> None:
    """All of it. Raises BadAnswer."""
    with running_upstream(folder, "upstream", str(TOOLS)) as url:
        say(f"{TOOLS:,} tools, all listed")
        with _running(folder / "all", url, TOOLMESH_DIRECT_TOOLS=str(TOOLS + 10)) as mesh:
            _weigh(mesh, "all", figures)
            for _ in range(plan.rounds):
                _time_pages(mesh, figures)
        say(f"{TOOLS:,} tools, code mode")
        with _running(folder / "short", url) as mesh:
            _weigh(mesh, "short", figures)
            for _ in range(plan.rounds):
                _ask(mesh, plan.sequential_calls, figures)


@contextmanager
def _running(folder: Path, url: str, **environment: str) -> Iterator[Mesh]:
    folder.mkdir()
    probes: dict[str, dict[str, object]] = {"discover_tools": {"query": "probe"}, "many_echo": {"message": "probe"}}
    backends = [http_backend("many", url, "echo")]
    groups = ("default", "code")
    with running_mesh(folder, backends, probes, groups=groups, environment=environment, files=_files()) as mesh:
        yield mesh


def _files() -> Mapping[str, str]:
    """One user for each number of tools."""
    names = [f"many_{tool['name']}" for tool in definitions(TOOLS)]
    keys = [{"user_id": f"of-{count}", "key_sha256": hashlib.sha256(_key(count).encode()).hexdigest()} for count in COUNTS]
    rules = {
        f"of-{count}": {"allow": names[:count] if count < TOOLS else ["many_*"], "deny": ["many_echo", "many_sleep_ms"]}
        for count in COUNTS
    }
    return {"apikeys.yaml": json.dumps({"keys": keys}), "authorization.yaml": json.dumps({"users": rules})}


def _key(count: int) -> str:
    return f"the-key-of-who-may-use-{count}"


def _weigh(mesh: Mesh, how: str, figures: Figures) -> None:
    for count in COUNTS:
        figures.add(f"listing/{how}/{count}", _listed_bytes(mesh, count))


def _listed_bytes(mesh: Mesh, count: int) -> int:
    """Of all pages of the list, as they are sent."""
    return sum(size for size, _ in _pages(mesh, count))


def _time_pages(mesh: Mesh, figures: Figures) -> None:
    """From the request's first byte to the answer's last, over a connection that is open."""
    figures.add("listing/page_ms", percentile([seconds for _, seconds in _pages(mesh, TOOLS)], 0.5) * 1000)


def _pages(mesh: Mesh, count: int) -> Iterator[tuple[int, float]]:
    """Bytes and seconds of each page."""
    target = Target(name="list", url=mesh.url, tool="", arguments={}, api_key=_key(count))
    headers = {**target.headers(), "Mcp-Method": "tools/list"}
    del headers["Mcp-Name"]
    meta = json.loads(target.template("").replace(COUNTER, "1"))["params"]["_meta"]
    where = urlsplit(mesh.url)
    connection, cursor = HTTPConnection(where.netloc, timeout=30), ""
    with closing(connection):
        connection.connect()
        while True:
            asked = {"_meta": meta, **({"cursor": cursor} if cursor else {})}
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": asked}).encode()
            begun = time.perf_counter()
            connection.request("POST", where.path, body, headers)
            text = connection.getresponse().read()
            yield len(text), time.perf_counter() - begun
            cursor = json.loads(text)["result"].get("nextCursor", "")
            if not cursor:
                return


def _ask(mesh: Mesh, calls: int, figures: Figures) -> None:
    """One client, one question after the other."""
    times, sizes = _timed(mesh, "query", _QUESTIONS, calls)
    figures.add("discover/query/p50_ms", percentile(times, 0.5) * 1000)
    figures.add("discover/query/p99_ms", percentile(times, 0.99) * 1000)
    figures.add("discover/answer/bytes", percentile(sizes, 0.5))
    times, _ = _timed(mesh, "pattern", _PATTERNS, max(calls // 10, 2 * len(_PATTERNS)))
    figures.add("discover/pattern/p50_ms", percentile(times, 0.5) * 1000)


def _timed(mesh: Mesh, argument: str, values: tuple[str, ...], calls: int) -> tuple[list[float], list[float]]:
    connections = [Connection(mesh.target("discover", "discover_tools", **{argument: value})) for value in values]
    times, sizes = [], []
    try:
        for each in connections:
            each.call()
        if argument == "query" and "many_shop_create_invoice(" not in connections[0].answer:
            raise BadAnswer("A search did not find the tool that was meant.")
        for each in islice(cycle(connections), calls):
            times.append(each.call())
            sizes.append(float(len(each.answer.encode())))
    finally:
        for each in connections:
            each.__exit__()
    return times, sizes
