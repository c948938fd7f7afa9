"""5 and the end: what keeps clients from registering, and that the doctor leaves none behind where it can."""

import json
from typing import Any

import pytest
from multidict import CIMultiDict

from tests.doctor import bends
from tests.doctor.bends import Answer, Asked, Bend
from tests.doctor.broken import BrokenHouse
from tests.doctor.examined import Doctor, assert_found, levels, shown
from toolmesh.doctor.bounds import Bounds
from toolmesh.doctor.finding import Level
from toolmesh.doctor.persona import PERSONAS
from toolmesh.doctor.registration import CLIENT_NAME

FAIL, WARN, PASS, SKIP = Level.FAIL, Level.WARN, Level.PASS, Level.SKIP
REGISTER = "/register"
METADATA = "/.well-known/oauth-authorization-server"
STABLE, OWN = PERSONAS["chatgpt"].redirect_uris


def test_what_is_sent_is_what_the_clients_send(doctor: Doctor, house: BrokenHouse) -> None:
    before = len(house.front.asked)
    doctor.look("registration")
    sent = [asked.message for asked in house.front.asked[before:] if asked.path == REGISTER]
    assert [each["redirect_uris"] for each in sent] == [
        [STABLE, OWN],
        ["https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback"],
        ["http://127.0.0.1:33418/callback"],
    ]
    assert {each["client_name"] for each in sent} == {CLIENT_NAME}
    assert {each["token_endpoint_auth_method"] for each in sent} == {"none"}


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        pytest.param(bends.Instead(404, b"{}"), FAIL, ("nothing of the kind", "https redirect URIs"), id="404"),
        pytest.param(bends.Instead(500, b"{}"), FAIL, ("the server failed",), id="500"),
        pytest.param(
            bends.Instead(400, b'{"error": "invalid_client_metadata", "error_description": "no \\u001b[31mred"}'),
            FAIL,
            ("`invalid_client_metadata`", "`no [31mred`"),
            id="refused",
        ),
        pytest.param(bends.Status(200), WARN, ("answered 200", "201 belongs"), id="200"),
        pytest.param(bends.without("client_id"), FAIL, ("without a client_id",), id="no client id"),
        pytest.param(bends.with_members(redirect_uris=[STABLE]), FAIL, (f"lacks `{OWN}`",), id="a redirect URI less"),
        pytest.param(bends.page(201), FAIL, ("it is a web page",), id="a website"),
        pytest.param(
            bends.Instead(429, b"{}", headers={"retry-after": "30"}), WARN, ("`30`", "PER_MIN_MAX"), id="too many"
        ),
    ],
)
def test_chatgpt_can_not_register(doctor: Doctor, change: bends.Change, level: Level, words: tuple[str, ...]) -> None:
    report = doctor.look("registration", Bend(REGISTER, "POST", change))
    assert_found(report, "registration.chatgpt", level, *words)


def test_what_matters_to_others_is_a_warning(doctor: Doctor) -> None:
    def refuses(asked: Asked) -> bool:
        return any("127.0.0.1" in uri for uri in asked.message["redirect_uris"])

    bend = Bend(REGISTER, "POST", bends.Instead(400, b'{"error": "invalid_redirect_uri"}'), refuses)
    report = doctor.look("registration", bend)
    assert levels(report, FAIL) == [], shown(report)
    assert_found(report, "registration.loopback", WARN, "`invalid_redirect_uri`")
    for persona in ("codex", "vscode", "generic"):
        report = doctor.look("registration", bend, persona=persona)
        assert_found(report, "registration.loopback", FAIL, "`invalid_redirect_uri`")
    report = doctor.look("registration", Bend(REGISTER, "POST", bends.Instead(400, b"{}")), persona="claude")
    assert levels(report, FAIL) == ["registration.claude"], shown(report)


def test_the_redirect_uri_that_is_refused_is_named(doctor: Doctor) -> None:
    bend = Bend(
        REGISTER,
        "POST",
        bends.Instead(400, b'{"error": "invalid_redirect_uri"}'),
        lambda asked: OWN in asked.message["redirect_uris"],
    )
    report = doctor.look("registration", bend)
    assert_found(report, "registration.chatgpt", FAIL, f"It refuses `{OWN}`, and takes the other")


@pytest.mark.parametrize(
    ("bounds", "level"), [(Bounds(brisk_s=0.01, late_s=0.02), FAIL), (Bounds(brisk_s=0.01), WARN)], ids=["late", "slow"]
)
def test_a_registration_that_takes_its_time(doctor: Doctor, bounds: Bounds, level: Level) -> None:
    report = doctor.look("registration", Bend(REGISTER, "POST", bends.Delayed(0.1)), bounds=bounds)
    assert_found(report, "registration.time", level, "10 s")


def test_registration_that_is_off(doctor: Doctor) -> None:
    report = doctor.look("authorize", Bend(METADATA, "GET", bends.without("registration_endpoint")))
    assert_found(report, "registration.open", SKIP, "bring a metadata document")
    assert_found(report, "authorize.iss", PASS)  # asked with the document's client
    neither = bends.without("registration_endpoint", "client_id_metadata_document_supported")
    report = doctor.look("leaving", Bend(METADATA, "GET", neither))
    assert_found(report, "registration.open", FAIL, "TOOLMESH_CLIENT_REGISTRATION=open", "toolmesh client add")
    assert_found(report, "authorize.answered", SKIP, "no client to ask with")
    assert_found(report, "leaving.clients", SKIP)


def test_clients_go_by_themselves_or_are_taken_away(doctor: Doctor, house: BrokenHouse) -> None:
    report = doctor.look("leaving")
    assert_found(report, "leaving.clients", PASS, "TOOLMESH_CLIENT_UNUSED_S")

    def managed(said: dict[str, Any]) -> dict[str, Any]:
        url = f"{house.url}/register/{said['client_id']}"
        return said | {"registration_client_uri": url, "registration_access_token": f"rat-{said['client_id']}"}

    deleted: dict[str, str | None] = {}

    def delete(asked: Asked) -> Answer | None:
        if asked.method == "DELETE":
            deleted[asked.path] = asked.headers.get("authorization")
            return Answer(204, CIMultiDict())
        return None

    managing = Bend(REGISTER, "POST", bends.Edited(managed))
    report = doctor.look("leaving", managing, Bend("*", "DELETE", bends.Computed(delete)))
    assert_found(report, "leaving.clients", PASS, "taken away again")
    assert deleted
    assert all(bearer == f"Bearer rat-{path.rpartition('/')[2]}" for path, bearer in deleted.items())
    assert "rat-" not in shown(report)
    report = doctor.look("leaving", managing, Bend("*", "DELETE", bends.Status(403)))
    assert_found(report, "leaving.clients", WARN, "could not be taken away", "by hand")


def test_where_to_delete_a_client_is_believed_of_the_server_itself_alone(doctor: Doctor, house: BrokenHouse) -> None:
    elsewhere = bends.with_members(
        registration_client_uri=f"http://localhost:{house.front.plain_port}/gone", registration_access_token="rat-secret"
    )
    report = doctor.look("leaving", Bend(REGISTER, "POST", elsewhere))
    assert_found(report, "leaving.clients", WARN)
    assert "/gone" not in [asked.path for asked in house.front.asked]
    assert "rat-secret" not in json.dumps(report.as_json())
