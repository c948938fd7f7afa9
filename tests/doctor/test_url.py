"""1: the doctor sees why nobody can come to a URL at all."""

import dataclasses
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.doctor import bends
from tests.doctor.bends import Bend
from tests.doctor.broken import BrokenHouse
from tests.doctor.examined import Doctor, assert_found, levels
from tests.mesh import free_port
from toolmesh.doctor.finding import Level
from toolmesh.doctor.report import Report

FAIL, WARN, PASS, SKIP = Level.FAIL, Level.WARN, Level.PASS, Level.SKIP


@pytest.mark.parametrize(
    ("issue", "check", "level", "words"),
    [
        pytest.param(
            lambda ca: ca.issue("over", until_days=-0.5, since_days=-90),
            "url.certificate",
            FAIL,
            ("It has expired", "Renew it now"),
            id="expired",
        ),
        pytest.param(
            lambda ca: ca.issue("early", until_days=90, since_days=1),
            "url.certificate",
            FAIL,
            ("not valid yet", "clock"),
            id="not valid yet",
        ),
        pytest.param(
            lambda ca: ca.issue("other", ["elsewhere.example"]),
            "url.certificate",
            FAIL,
            ("It is for another host", "`elsewhere.example`", "SNI"),
            id="of another host",
        ),
        pytest.param(
            lambda ca: ca.issue("stranger", trusted=False),
            "url.certificate",
            FAIL,
            ("It is not trusted", "CN=CA of a test", "a public authority"),
            id="signed by somebody else",
        ),
        pytest.param(
            lambda ca: ca.issue("nearly", until_days=13, since_days=-77),
            "url.expiry",
            FAIL,
            ("ends in 13 days", "Renew it now"),
            id="nearly over",
        ),
        pytest.param(
            lambda ca: ca.issue("soon", until_days=29, since_days=-61),
            "url.expiry",
            WARN,
            ("ends in 29 days", "See that it is renewed"),
            id="over soon",
        ),
        pytest.param(
            lambda ca: ca.issue("short", until_days=4, since_days=-2),
            "url.expiry",
            PASS,
            ("ends in 4 days",),
            id="short-lived and fresh",
        ),
    ],
)
def test_a_certificate_that_clients_do_not_trust_or_will_not_soon(
    doctor: Doctor,
    house: BrokenHouse,
    issue: Callable[[Authority], Path],
    check: str,
    level: Level,
    words: tuple[str, ...],
) -> None:
    with house.front.showing(issue(house.front.certificates.authority)):
        report = doctor.look("challenge")
    assert_found(report, check, level, *words)
    if check == "url.certificate":
        assert_found(report, "challenge.answered", SKIP, "no client speaks to a server with such a certificate")
        assert report.exit_code == 1


def test_a_chain_that_is_not_complete_or_of_an_authority_that_nobody_knows(doctor: Doctor) -> None:
    report = dataclasses.replace(doctor, trust=ssl.create_default_context()).look("url")
    assert_found(report, "url.certificate", FAIL, "not complete", "CN=CA of a test", "fullchain.pem")


def test_plain_http_is_refused_where_others_could_read_it(doctor: Doctor, house: BrokenHouse) -> None:
    # 0.0.0.0 is no loopback address by name, and leads to this machine.
    url = f"http://0.0.0.0:{house.front.plain_port}/mcp"
    report = doctor.look("url", url=url, local=False)
    assert_found(report, "url.https", FAIL, "can be read on the way", "TOOLMESH_ISSUER")
    assert_found(report, "url.public", FAIL, "0.0.0.0", "ChatGPT can't come", "public address")
    assert report.exit_code == 1


def test_plain_http_on_this_machine_is_for_local_development(doctor: Doctor, house: BrokenHouse) -> None:
    report = doctor.look("url", url=f"{house.front.plain_url}/mcp", local=False)
    assert levels(report, FAIL) == []
    assert_found(report, "url.https", WARN, "Local only")
    assert_found(report, "url.public", WARN, "Local only")
    assert report.of("url.certificate") == []


@pytest.mark.parametrize(("persona", "level"), [("claude", FAIL), ("chatgpt", WARN)])
def test_a_host_without_an_ipv4_address(doctor: Doctor, persona: str, level: Level) -> None:
    report = doctor.look("url", url=f"http://[::1]:{free_port()}/mcp", persona=persona)
    assert_found(report, "url.address", level, "no A record", "IPv4", "Give the name an A record")


def test_a_name_that_nobody_knows(doctor: Doctor) -> None:
    report = doctor.look("challenge", url="https://doctor.invalid/mcp")
    assert_found(report, "url.address", FAIL, "doctor.invalid has no address", "DNS record")
    assert_nothing_seen(report)


def test_a_port_at_which_nobody_listens(doctor: Doctor) -> None:
    port = free_port()
    report = doctor.look("challenge", url=f"https://localhost:{port}/mcp")
    assert_found(report, "url.http", FAIL, "connection refused", f"lets port {port} in")
    assert_nothing_seen(report)


def test_a_port_that_speaks_no_tls(doctor: Doctor, house: BrokenHouse) -> None:
    report = doctor.look("challenge", url=f"https://localhost:{house.front.plain_port}/mcp")
    assert_found(report, "url.certificate", FAIL, "TLS failed", "may speak plain HTTP")
    assert report.exit_code == 1


def test_a_server_that_closes_each_connection(doctor: Doctor) -> None:
    report = doctor.look("challenge", Bend("/mcp", "GET", bends.Dropped()))
    assert_found(report, "url.http", FAIL, "the connection was dropped", "See that the server runs")
    assert_nothing_seen(report)


def test_a_redirect_to_http_at_the_twin_of_the_url(doctor: Doctor, house: BrokenHouse) -> None:
    report = doctor.look("url", Bend("/mcp/", "*", bends.redirect(f"{house.front.plain_url}/mcp")))
    assert_found(report, "url.redirect", FAIL, "/mcp/ leads to", "(307)", "loses its token", "X-Forwarded-Proto")


def test_a_redirect_within_https_matters_at_the_url_itself(doctor: Doctor) -> None:
    report = doctor.look("url", Bend("/mcp/", "*", bends.redirect("/mcp", 308)))
    assert_found(report, "url.redirect", WARN, "/mcp/ leads to", "(308)", "whoever types this form")
    report = doctor.look("url", Bend("/mcp", "*", bends.redirect("/", 302)))
    assert_found(report, "url.redirect", FAIL, "/mcp leads to", "(302)", "without a redirect")


def assert_nothing_seen(report: Report) -> None:
    assert_found(report, "challenge.answered", SKIP, "nothing answers at the URL")
    assert report.exit_code == 2
