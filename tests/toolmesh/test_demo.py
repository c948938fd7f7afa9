"""The demo API that ships with ToolMesh, and the DADL file that describes it: every tool, through the real runtime."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.configuration import BackendEntry
from tests.mesh import ROOT, Module, free_port, wait_until
from tests.toolmesh.command import refused, toolmesh
from tests.upstreams.started import run
from tests.workers.rest.opened import opened
from toolmesh.demo.start import plan_demo

TOKEN = "the-token-of-the-test"
DADL = (ROOT / "config" / "dadl" / "desk.dadl").read_text(encoding="utf-8")
CREDENTIALS = {"CREDENTIAL_DESK_TOKEN": TOKEN}
ENTRY = BackendEntry(name="desk", transport="rest", dadl="desk.dadl")


@dataclass
class Demo:
    """A running one."""

    process: Module
    url: str

    def ask(self, method: str, path: str, **how: Any) -> httpx2.Response:
        headers: dict[str, Any] = {"Authorization": f"Bearer {TOKEN}"} | how.pop("headers", {})
        return httpx2.request(method, f"{self.url}{path}", headers=headers, trust_env=False, **how)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    port = free_port()
    log = tmp_path_factory.mktemp("demo") / "demo.log"
    process = Module(["toolmesh", "demo", "--port", str(port)], log, {"PATH": "/usr/bin:/bin", "DEMO_TOKEN": TOKEN})
    running = Demo(process, f"http://127.0.0.1:{port}/v1")
    try:
        wait_until(lambda: answers(running), "the demo answers")
        yield running
    finally:
        process.kill()


def answers(demo: Demo) -> bool:
    assert demo.process.running, demo.process.output()
    try:
        return demo.ask("GET", "/status").status_code == 200
    except httpx2.TransportError:
        return False


def test_the_whole_file_works_on_the_whole_api(demo: Demo, tmp_path: Path) -> None:
    async def test() -> None:
        async with opened(tmp_path, DADL, demo.url, environment=CREDENTIALS) as caller:
            given = {"title": "It smokes", "site": "Leipzig", "sku": "PDU-16"}
            made = json.loads(await caller.text("create_ticket", given))
            assert made["status"] == "open"
            number = made["id"]
            listed = json.loads(await caller.text("list_tickets", {"site": "Leipzig", "status": "open"}, access="read"))
            assert made in listed
            assert {ticket["site"] for ticket in listed} == {"Leipzig"}
            await caller.text("comment_ticket", {"id": number, "text": "The fire brigade is here."})
            changed = json.loads(await caller.text("set_ticket_status", {"id": number, "status": "waiting"}))
            assert changed["status"] == "waiting"
            got = json.loads(await caller.text("get_ticket", {"id": number}, access="read"))
            assert got["comments"] == ["The fire brigade is here."]
            await caller.call("delete_ticket", {"id": number})
            gone = json.loads(await caller.call("get_ticket", {"id": number}, access="read"))
            assert gone["isError"] is True
            assert gone["content"][0]["text"] == "[not_found] HTTP 404: There is no such ticket."

    run(test)


def test_a_list_is_read_to_its_end_page_by_page(demo: Demo, tmp_path: Path) -> None:
    async def test() -> None:
        with httpx2.Client(headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False) as client:
            for number in range(60):
                client.post(f"{demo.url}/tickets", json={"title": f"Number {number}", "site": "Hamburg"})
        async with opened(tmp_path, DADL, demo.url, environment=CREDENTIALS) as caller:
            listed = json.loads(await caller.text("list_tickets", {}, access="read"))
        assert len(listed) >= 67
        assert len({ticket["id"] for ticket in listed}) == len(listed)

    run(test)


def test_the_same_key_makes_one_ticket(demo: Demo) -> None:
    body = {"title": "Once", "site": "Hamburg"}
    made = [demo.ask("POST", "/tickets", json=body, headers={"Idempotency-Key": "k"}).json()["id"] for _ in range(2)]
    assert made[0] == made[1]
    assert demo.ask("POST", "/tickets", json=body).json()["id"] != made[0]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("GET", "/tickets/x", None, 404, "no such ticket"),
        ("GET", "/tickets/" + "9" * 400, None, 404, "no such ticket"),
        ("GET", "/tickets?status=lost", None, 422, "open, waiting, closed"),
        ("GET", "/tickets?page=0", None, 422, "whole numbers"),
        ("GET", "/tickets?per_page=101", None, 422, "at most 100"),
        ("POST", "/tickets", b"[]", 400, "JSON object"),
        ("POST", "/tickets", b"{", 400, "JSON object"),
        ("POST", "/tickets", b"[" * 60_000, 400, "JSON object"),
        ("POST", "/tickets", b'{"title": "", "site": "x"}', 422, "`title`"),
        ("POST", "/tickets", b" " * 70_000, 413, "at most"),
        ("PUT", "/tickets/201/status", b'{"status": "lost"}', 422, "`status`"),
        ("PATCH", "/tickets/201", None, 405, "Method Not Allowed"),
        ("GET", "/elsewhere", None, 404, "Not Found"),
    ],
)
def test_what_is_wrong_is_said(demo: Demo, method: str, path: str, body: bytes | None, status: int, says: str) -> None:
    answer = demo.ask(method, path, content=body)
    assert answer.status_code == status
    assert says in answer.json()["error"]["message"]


def test_nobody_gets_anything_without_the_token(demo: Demo) -> None:
    for shown in ("", "Bearer", f"Bearer {TOKEN}x", TOKEN, "Bearer ä"):
        answer = demo.ask("GET", "/tickets", headers={"Authorization": shown.encode()})
        assert answer.status_code == 401
        assert "token" in answer.json()["error"]["message"]


def test_it_does_not_start_without_a_token() -> None:
    assert "DEMO_TOKEN is not set" in refused(toolmesh("demo"))
    assert "DEMO_TOKEN is not set" in refused(toolmesh("demo", DEMO_TOKEN="abc"))


def test_up_starts_it_for_its_own_file_unless_somebody_says_where_that_api_is() -> None:
    planned = plan_demo([ENTRY], [], {})
    assert planned is not None
    assert planned.entry == ENTRY
    told = planned.told({"TOOLMESH_BACKEND_URLS": "notes=https://n.example"})
    assert told["TOOLMESH_BACKEND_URLS"] == f"notes=https://n.example,desk=http://127.0.0.1:{planned.port}/v1"
    own = planned.environment({"PATH": "/bin", "TOOLMESH_X": "1", "CREDENTIAL_X": "2", "REDIS_URL": "3"}, [ENTRY])
    assert own == {"PATH": "/bin", "DEMO_TOKEN": told["CREDENTIAL_DESK_TOKEN"]}
    assert told["CREDENTIAL_DESK_TOKEN"] not in repr(planned)
    assert plan_demo([ENTRY], ["desk=http://elsewhere.example"], {}) is None
    assert plan_demo([BackendEntry(name="desk", transport="rest", dadl="own.dadl")], [], {}) is None
    given = plan_demo([ENTRY], [], {"CREDENTIAL_DESK_TOKEN": "the-operators"})
    assert given is not None
    assert given.told({})["CREDENTIAL_DESK_TOKEN"] == "the-operators"
