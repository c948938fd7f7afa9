"""What log-ins and tokens cost: renewing, checking a token with each call, and a crowd that logs in at once."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

from bench.bearer import measure_check
from bench.connection import BadAnswer, Connection
from bench.external import measure_external
from bench.figures import Figures, percentile
from bench.mesh import Mesh, running_mesh
from bench.person import OAuthClient, Page, Web, hidden_fields, log_in, register
from bench.row import Wanted
from bench.scenarios import Plan, Say
from bench.target import COUNTER
from edge.identities.passwords import hash_password

CROWD = 200
"""People who log in at once, every second one with a wrong password."""
PARALLEL = 50
"""Clients that renew at once, each a connection of its own."""
_BLOCK = 50
"""Calls with the key, and then with the token: few, so that the machine's moods meet both."""
_USER, _PASSWORD, _WRONG = "ada", "correct horse battery staple", "wrong horse"
_POLL_S = 0.005
_CROWD_S = 90.0
_NO_LIMITS = {
    "TOOLMESH_LOGIN_MAX_FAILURES_PER_USER_IP": "0",
    "TOOLMESH_LOGIN_MAX_FAILURES_PER_USER": "0",
    "TOOLMESH_LOGIN_MAX_FAILURES_PER_IP": "0",
    "TOOLMESH_AUTHORIZATIONS_PER_MIN_MAX": "1000000",
}
"""Every password is to be looked at: a lock would spare the edge the work."""


ROWS: tuple[Wanted, ...] = (
    ("`/token` refresh, one client, p50", "ms", "log_in/refresh/p50_ms", "≤ 3 ms", 3.0),
    ("`/token` refresh, one client, p99", "ms", "log_in/refresh/p99_ms", None, 0.0),
    (f"`/token` refresh, {PARALLEL} clients at once", "per s", "log_in/refresh_parallel/per_s", None, 0.0),
    ("CPU of the edge per refresh", "µs", "log_in/refresh_parallel/edge_us", None, 0.0),
    ("CPU of the check of an access token", "µs", "log_in/check_token/us", "≤ 300 µs", 300.0),
    ("CPU of the check of an API key", "µs", "log_in/check_key/us", None, 0.0),
    ("CPU of the check of another server's token, remembered", "µs", "log_in/check_jwt/us", "≤ 300 µs", 300.0),
    ("CPU of the check of another server's token, new, RS256", "µs", "log_in/check_new_rs256/us", None, 0.0),
    ("CPU of the check of another server's token, new, ES256", "µs", "log_in/check_new_es256/us", None, 0.0),
    ("CPU of the edge per echo call: token less key", "µs", "log_in/bearer/added_us", "≤ 300 µs", 300.0),
    (f"log-ins, {CROWD} at once", "per s", "log_in/crowd/per_s", None, 0.0),
    (f"`/livez` during {CROWD} log-ins at once, p50", "ms", "log_in/crowd/livez_p50_ms", None, 0.0),
    (f"`/livez` during {CROWD} log-ins at once, p99", "ms", "log_in/crowd/livez_p99_ms", "≤ 250 ms", 250.0),
)


def measure_log_ins(folder: Path, plan: Plan, figures: Figures, say: Say) -> None:
    """All of it, in a mesh of its own. Raises BadAnswer."""
    with running_door(folder) as mesh, Web(mesh.url) as web:
        client = register(web, mesh.url)
        log_in(web, client, _USER, _PASSWORD)
        grants = [client.connect(web) for _ in range(PARALLEL)]
        for number in range(plan.rounds):
            say(f"log-ins, round {number + 1} of {plan.rounds}")
            measure_refresh(web, client, grants[0], plan.refreshes, figures)
            measure_parallel_refresh(mesh, client, grants, plan.refreshes, figures)
            measure_bearer(mesh, grants[1]["access_token"], plan.bearer_pairs, figures)
            measure_check(mesh, grants[1]["access_token"], folder / "config", plan.checks, figures)
            measure_external(plan.checks, figures)
            measure_crowd(mesh, client, figures)


@contextmanager
def running_door(folder: Path) -> Iterator[Mesh]:
    """A mesh with a user who may use everything."""
    files = {
        "users.yaml": f"users:\n  - {{username: {_USER}, password_hash: '{hash_password(_PASSWORD)}', plan: pro}}\n",
        "authorization.yaml": "plans: {pro: {allow: ['**']}}\n",
    }
    probes = {"echo_echo": {"message": "probe"}}
    with running_mesh(folder, [], probes, edge_environment=_NO_LIMITS, files=files) as mesh:
        yield mesh


def measure_refresh(web: Web, client: OAuthClient, grant: dict[str, str], calls: int, figures: Figures) -> None:
    """One client renews, one time after the other. `grant` holds the newest tokens afterwards."""
    times = []
    for number in range(calls + 10):
        begun = time.perf_counter()
        grant.update(client.refresh(web, grant["refresh_token"]))
        if number >= 10:
            times.append(time.perf_counter() - begun)
    figures.add("log_in/refresh/p50_ms", percentile(times, 0.5) * 1000)
    figures.add("log_in/refresh/p99_ms", percentile(times, 0.99) * 1000)


def measure_parallel_refresh(
    mesh: Mesh, client: OAuthClient, grants: Sequence[dict[str, str]], calls: int, figures: Figures
) -> None:
    """All of them renew at the same time, again and again."""
    each = max(2, calls // 20)
    before_s = mesh.edge.cpu_s()
    with ExitStack() as stack:
        webs = [stack.enter_context(Web(mesh.url)) for _ in grants]

        def renew(web: Web, grant: dict[str, str]) -> None:
            for _ in range(each):
                grant.update(client.refresh(web, grant["refresh_token"]))

        taken_s = at_once([partial(renew, web, grant) for web, grant in zip(webs, grants, strict=True)])
    figures.add("log_in/refresh_parallel/per_s", each * len(grants) / taken_s)
    figures.add("log_in/refresh_parallel/edge_us", (mesh.edge.cpu_s() - before_s) / (each * len(grants)) * 1e6)


def measure_bearer(mesh: Mesh, token: str, pairs: int, figures: Figures) -> None:
    """Processor time of the edge for an echo call with the API key and with an access token, in turns."""
    key = mesh.target("echo with an API key", "echo_echo", message=f"{COUNTER}!")
    with Connection(key) as by_key, Connection(replace(key, api_key=token)) as by_token:
        _used_us(mesh, by_key)
        _used_us(mesh, by_token)
        seen = [(_used_us(mesh, by_key), _used_us(mesh, by_token)) for _ in range(pairs)]
    figures.add("log_in/echo_key/edge_us", median(key_us for key_us, _ in seen))
    figures.add("log_in/echo_token/edge_us", median(token_us for _, token_us in seen))
    # Of each pair by itself: what others do to the machine meanwhile hits both of a pair, and few of them.
    figures.add("log_in/bearer/added_us", median(token_us - key_us for key_us, token_us in seen))


def _used_us(mesh: Mesh, connection: Connection) -> float:
    before_ns = mesh.edge.cpu_ns()
    for _ in range(_BLOCK):
        connection.call()
    return (mesh.edge.cpu_ns() - before_ns) / _BLOCK / 1000


def measure_crowd(mesh: Mesh, client: OAuthClient, figures: Figures) -> None:
    """Many log in at once, and come again where they are told to; how long does `/livez` take meanwhile?"""
    with ExitStack() as stack:
        people = []
        for number in range(CROWD):
            web = stack.enter_context(Web(mesh.url))
            _, path = client.ask(web)
            password = _WRONG if number % 2 else _PASSWORD
            fields = {**hidden_fields(web.get(path)), "username": _USER, "password": password}
            people.append((web, fields, 401 if number % 2 else 303))
        probe = stack.enter_context(Web(mesh.url))
        over = threading.Event()
        times: list[float] = []

        def poll() -> None:
            while not over.wait(_POLL_S):
                begun = time.perf_counter()
                if probe.get("/livez").status != 200:
                    raise BadAnswer("/livez does not answer")
                times.append(time.perf_counter() - begun)

        with ThreadPoolExecutor(1) as beside:
            polling = beside.submit(poll)
            try:
                taken_s = at_once([partial(come_in, *person) for person in people])
            finally:
                over.set()
            polling.result(30)
    figures.add("log_in/crowd/per_s", CROWD / taken_s)
    figures.add("log_in/crowd/livez_p50_ms", percentile(times, 0.5) * 1000)
    figures.add("log_in/crowd/livez_p99_ms", percentile(times, 0.99) * 1000)


def come_in(web: Web, fields: dict[str, str], wanted: int) -> Page:
    """Log in, and again as long as there are too many. Raises BadAnswer for any other answer than the wanted one."""
    until = time.monotonic() + _CROWD_S
    while True:
        answer = web.post("/login", fields)
        if answer.status == wanted:
            return answer
        if answer.status != 503 or not answer.retry_after_s or time.monotonic() > until:
            raise BadAnswer(f"a log-in that should be answered {wanted} was answered {answer.status}")
        time.sleep(answer.retry_after_s)


def at_once(jobs: Sequence[Callable[[], object]]) -> float:
    """Do all of it at the same time; seconds until the last one is done. Raises what one of them raises."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        begun = time.perf_counter()
        for done in [pool.submit(job) for job in jobs]:
            done.result(_CROWD_S + 60)
        return time.perf_counter() - begun
