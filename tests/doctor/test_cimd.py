"""6: what keeps the client's own document from being taken."""

import dataclasses

import pytest

from tests.doctor import bends
from tests.doctor.bends import Bend
from tests.doctor.examined import Doctor, assert_found
from tests.oauth.documents import Documents
from toolmesh.doctor.finding import Level

FAIL, WARN, PASS, SKIP = Level.FAIL, Level.WARN, Level.PASS, Level.SKIP


def test_a_document_that_the_server_can_not_fetch(doctor: Doctor, documents: Documents) -> None:
    missing = dataclasses.replace(doctor, document=documents.url("/oauth/missing.json"))
    report = missing.look("cimd")
    assert_found(report, "cimd.fetched", FAIL, "the server can't fetch it", "egress", "`client document not fetched`")


def test_a_document_of_a_host_that_is_not_taken(doctor: Doctor) -> None:
    foreign = dataclasses.replace(doctor, document="https://elsewhere.example/client.json")
    report = foreign.look("cimd")
    assert_found(report, "cimd.fetched", FAIL, "no document of that host", "TOOLMESH_CLIENT_DOCUMENT_HOSTS")


def test_a_document_that_is_refused_for_what_it_says(doctor: Doctor, documents: Documents) -> None:
    odd = documents.publish("/oauth/odd.json", client_name=["no", "name"])
    report = dataclasses.replace(doctor, document=odd).look("cimd")
    assert_found(report, "cimd.fetched", FAIL, "the server does not take it", "plural")


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        pytest.param(bends.Instead(429, b""), WARN, ("too many requests",), id="too many"),
        pytest.param(bends.Instead(502, b"", "text/plain"), FAIL, ("does not take it", "/readyz"), id="502"),
    ],
)
def test_an_answer_that_says_nothing_of_the_document(
    doctor: Doctor, change: bends.Change, level: Level, words: tuple[str, ...]
) -> None:
    report = doctor.look("cimd", Bend("/authorize", "GET", change))
    assert_found(report, "cimd.fetched", level, *words)


def test_a_client_that_is_known_and_refused(doctor: Doctor) -> None:
    location = "https://chatgpt.com/connector_platform_oauth_redirect?error=access_denied&error_description=not%20today"
    report = doctor.look("cimd", Bend("/authorize", "GET", bends.redirect(location, 302)))
    assert_found(report, "cimd.fetched", FAIL, "`access_denied`", "`not today`")


def test_a_server_that_takes_no_documents(doctor: Doctor) -> None:
    change = bends.with_members(client_id_metadata_document_supported=False)
    report = doctor.look("cimd", Bend("/.well-known/oauth-authorization-server", "GET", change))
    assert_found(report, "cimd.fetched", SKIP, "the client registers")
