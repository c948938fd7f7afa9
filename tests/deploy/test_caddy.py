"""deploy/Caddyfile in front of two edges, as an operator has it: https, log-ins, streams, and edges that come and go."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.sync_api import expect

from tests.browser.chromium import started
from tests.browser.redirect_target import listening
from tests.browser.visit import visit
from tests.client import TRUST, Client
from tests.deploy.caddy import HOSTS, Front, behind_caddy, snippet
from tests.e2e.upstream import upstream
from tests.mesh import API_KEY, Mesh, mesh, wait_until
from tests.oauth.house import PASSWORD, write_users
from tests.oauth.person import Person, register

_REGISTRATIONS = 6
_SILENT_S = 17
_RULES = "plans:\n  pro: {allow: ['**']}\n"


@dataclass
class Scene:
    """Caddy, the mesh behind it, and a call that has been silent since the scene began."""

    front: Front
    client: Client
    silent: Future[str]


@pytest.fixture(scope="module")
def scene(caddy: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("caddy")
    settings = {
        "TOOLMESH_STREAM_AFTER_S": "1",
        "TOOLMESH_CANCEL_GRACE_S": "0.5",
        "TOOLMESH_REGISTRATIONS_PER_MIN_MAX": str(_REGISTRATIONS),
    }
    with upstream(directory) as up, mesh(directory, "backends:\n" + up.entry(), **settings) as running:
        _prepare(running)
        with behind_caddy(running, directory) as front, ThreadPoolExecutor(1) as beside:
            client = front.client()
            running.wait_for_tools(client, "up_sleep")
            yield Scene(front, client, beside.submit(_silent, front.client()))


def _prepare(running: Mesh) -> None:
    write_users(running.config)
    (running.config / "authorization.yaml").write_text(_RULES)
    running.start_worker()


def _silent(client: Client) -> str:
    """What comes of a call that says nothing for longer than the time between two keep-alives."""
    with client.stream("up_sleep", {"ms": _SILENT_S * 1000}) as answer:
        return "".join(answer.iter_text())


def test_a_person_logs_in_through_it_and_the_client_calls_with_the_token(scene: Scene) -> None:
    client = register(scene.front.url)
    person = Person(scene.front.url)
    code = client.code(person, "ada", PASSWORD)
    assert [(cookie.name, cookie.secure) for cookie in person.http.cookies.jar] == [("__Host-toolmesh", True)]
    person.close()
    tokens = client.exchange(code).json()
    with_token = scene.front.client(tokens["access_token"])
    assert with_token.text("up_add", {"a": 2, "b": 3}) == "5"
    assert client.refresh(tokens["refresh_token"]).status_code == 200


def test_in_a_browser_the_pages_work_over_https(scene: Scene, chromium: str) -> None:
    with started(chromium) as browser, visit(browser) as person, listening("127.0.0.1") as target:
        client = register(scene.front.url, redirect_uris=[target.uri], client_name="Claude Code")
        person.page.goto(scene.front.url + client.authorize_path())
        person.page.get_by_label("User name").fill("ada")
        person.page.get_by_label("Password").fill(PASSWORD)
        person.page.get_by_role("button", name="Log in").click()
        expect(person.page.get_by_role("heading", level=1)).to_have_text("Allow Claude Code to use your tools?")
        cookies = person.page.context.cookies()
        assert [(each["name"], each["secure"], each["sameSite"]) for each in cookies] == [("__Host-toolmesh", True, "Lax")]
        person.page.get_by_role("button", name="Allow").click()
        answer = target.answer()
        assert (answer["iss"], answer["state"]) == (scene.front.url, client.state)
        assert client.exchange(answer["code"]).status_code == 200
        assert person.complaints == []
        assert person.hosts == {urlsplit(scene.front.url).netloc, urlsplit(target.uri).netloc}


def test_events_come_through_while_the_call_runs(scene: Scene) -> None:
    with scene.client.stream("up_slow_progress", {"steps": 3, "step_ms": 500}, progressToken="p") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        arrived = [chunk for chunk in answer.iter_text() if chunk.strip()]
    assert "step 1 of 3" in arrived[0]
    assert "3 steps" not in arrived[0], "the events were held back until the call had ended"
    assert "3 steps" in arrived[-1]


@pytest.mark.parametrize("timeout_s", [0.5, 2], ids=["before it answers", "in mid-stream"])
def test_a_client_that_closes_its_connection_cancels_its_call(timeout_s: float, scene: Scene, tmp_path: Path) -> None:
    cancelled = tmp_path / "cancelled"
    arguments = {"ms": 60_000, "cancelled_path": str(cancelled)}
    body = scene.client.body("tools/call", {"name": "up_sleep", "arguments": arguments})
    headers = scene.client.headers("tools/call", "up_sleep")
    with httpx2.Client(trust_env=False, timeout=timeout_s, verify=TRUST) as impatient, pytest.raises(httpx2.ReadTimeout):
        impatient.post(scene.client.mcp_url, content=body, headers=headers)
    wait_until(cancelled.exists, "the call was cancelled")


def test_large_bodies_pass_and_too_large_ones_are_refused(scene: Scene) -> None:
    big = "x" * 4_000_000
    assert scene.client.text("up_echo", {"message": big}) == big
    body = scene.client.body("tools/call", {"name": "up_echo", "arguments": {"message": "x" * 6_000_000}})
    # On a connection of its own, which may be of no use afterwards (docs/deploy.md).
    answer = scene.front.client().post(body, scene.client.headers("tools/call", "up_echo"))
    assert answer.status_code == 413


def test_the_endpoint_answers_with_and_without_a_slash_at_its_end(scene: Scene) -> None:
    for path in ("/mcp", "/mcp/"):
        answer = scene.client.post(scene.client.body("tools/list"), scene.client.headers("tools/list"), path)
        assert (answer.status_code, answer.history) == (200, [])


def test_who_names_another_host_is_refused(scene: Scene) -> None:
    assert scene.client.get("/readyz", host="evil.example").status_code == 421


def test_plain_http_leads_to_https_with_method_body_and_path_and_the_same_request_works_there(scene: Scene) -> None:
    """308, not 301: a client that follows it sends the same POST. Nothing is asked of an edge before."""
    body, headers = scene.client.body("tools/list"), scene.client.headers("tools/list")
    with httpx2.Client(trust_env=False, verify=TRUST) as http:
        answer = http.post(f"http://localhost:{scene.front.http}/mcp?x=1", content=body, headers=headers)
        # The port is that of https: what is in front of Caddy maps it, here as under compose.
        assert (answer.status_code, answer.headers["location"]) == (308, "https://localhost/mcp?x=1")
        assert answer.next_request is not None
        assert (answer.next_request.method, answer.next_request.read()) == ("POST", body)
        there = http.post(f"{scene.front.url}/mcp?x=1", content=body, headers=headers)
    assert there.json()["result"]["tools"]


def _is_refused(url: str, address: str) -> bool:
    """Whether that address has registered too much, whatever it says of itself."""
    transport = httpx2.HTTPTransport(verify=TRUST, local_address=address, trust_env=False)
    with httpx2.Client(transport=transport, trust_env=False) as http:
        for number in range(2 * _REGISTRATIONS + 1):  # the minute may end in between
            forged = {"x-forwarded-for": f"203.0.113.{number}"}
            answer = http.post(f"{url}/register", json={"redirect_uris": ["https://client.example/"]}, headers=forged)
            if answer.status_code == 429:
                return True
            assert answer.status_code == 201, answer.text
    return False


def test_an_address_is_who_connects_to_caddy_and_nobody_can_say_another_one(scene: Scene) -> None:
    assert _is_refused(scene.front.url, "127.0.0.5"), "what the client itself says of its address is not believed"
    transport = httpx2.HTTPTransport(verify=TRUST, local_address="127.0.0.6", trust_env=False)
    with httpx2.Client(transport=transport, trust_env=False) as http:
        answer = http.post(f"{scene.front.url}/register", json={"redirect_uris": ["https://client.example/"]})
    assert answer.status_code == 201, "the edges count who connects to Caddy, and not Caddy itself"
    assert _is_refused(f"http://{HOSTS[0]}:{scene.front.edge_port}", "127.0.0.7"), "only the trusted proxy is believed"


def test_a_stream_that_is_silent_between_two_keep_alives_is_not_cut(scene: Scene) -> None:
    """It has run since the scene began, and has to be over before the edges are replaced."""
    answer = scene.silent.result()
    assert answer.count(": ") >= 2
    assert "slept" in answer


def test_edges_are_replaced_one_after_the_other_and_no_call_fails(scene: Scene) -> None:
    for host in HOSTS:
        with ThreadPoolExecutor(5) as beside:
            slow = [beside.submit(scene.client.text, "up_sleep", {"ms": 1500 + n}) for n in range(4)]
            replaced = beside.submit(_replace, scene.front, host)
            called = 0
            while not replaced.done():
                assert scene.client.text("up_add", {"a": called, "b": 1}) == str(called + 1)
                called += 1
            replaced.result()
            assert called > 1
            assert [call.result() for call in slow] == ["slept"] * 4


def _replace(front: Front, host: str) -> None:
    front.stop_edge(host)
    front.start_edge(host)


def test_the_key_of_this_house_is_not_in_the_log_of_caddy(scene: Scene) -> None:
    assert API_KEY not in scene.front.log.read_text()


def test_a_caddy_of_ones_own_goes_on_with_the_edge_that_is_there(scene: Scene) -> None:
    front = scene.front
    text = snippet(front.edge_port, front.own_https)
    with front.caddy("own", text, HTTPS_PORT=str(front.own_https)) as client:
        assert client.text("up_add", {"a": 1, "b": 1}) == "2"
        assert client.get("/readyz", host="evil.example").status_code == 421
        front.stop_edge(HOSTS[0])
        for number in range(10):
            assert client.text("up_add", {"a": number, "b": 1}) == str(number + 1)
