"""8 and 14: the doctor logs in as a client of this machine, and sees what is wrong with the tokens on the way."""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest
from multidict import CIMultiDict

from tests.doctor import bends
from tests.doctor.behind import DISCOVERY, look_behind
from tests.doctor.bends import Answer, Asked, Bend
from tests.doctor.examined import Doctor, assert_found, levels, shown
from tests.doctor.logging_in import LoggingIn
from tests.mesh import free_port
from toolmesh.doctor.bounds import Bounds
from toolmesh.doctor.examine import examine
from toolmesh.doctor.finding import Level
from toolmesh.doctor.group import Group
from toolmesh.doctor.groups import CHECKS, GROUPS
from toolmesh.doctor.persona import PERSONAS
from toolmesh.doctor.report import Report
from toolmesh.doctor.visit import Visit
from toolmesh.doctor.wanted import Wanted

FAIL, WARN, PASS, SKIP = Level.FAIL, Level.WARN, Level.PASS, Level.SKIP
METADATA = "/.well-known/oauth-authorization-server"
TOKEN = (*DISCOVERY, "token")
WHOLE = (*TOKEN, "renewal", "leaving")
CODE = bends.fields(grant_type="authorization_code")
REFRESH = bends.fields(grant_type="refresh_token")


def log_in(doctor: Doctor, *changes: Bend, nouns: tuple[str, ...] = WHOLE, **options: Any) -> Report:
    """With ada at the browser."""
    person = LoggingIn(doctor.broken, doctor.trust)
    return look_behind(doctor, nouns, *changes, open_url=person.open_url, **options)


def of(report: Report, *nouns: str) -> set[str]:
    """The checks of these groups that found something."""
    return {finding.check for finding in report.findings if finding.check.partition(".")[0] in nouns}


def denied(error: str, status: int = 400) -> bends.Instead:
    """As a token endpoint refuses."""
    return bends.Instead(status, json.dumps({"error": error}).encode())


def test_a_house_in_order_passes_every_check_of_a_log_in(doctor: Doctor) -> None:
    report = log_in(doctor)
    wrong = [finding for finding in report.findings if finding.level is not PASS]
    assert wrong == [], shown(report)
    groups = [group for group in GROUPS if group.noun in ("token", "renewal")]
    assert of(report, "token", "renewal") == {check for group in groups for check in group.checks}


def test_a_whole_visit_with_a_log_in_finds_nothing_wrong(doctor: Doctor) -> None:
    report = log_in(doctor, nouns=tuple(group.noun for group in GROUPS))
    assert levels(report, FAIL) == levels(report, WARN) == [], shown(report)
    assert set(levels(report, SKIP)) == {"url.public", "stream.lasts"}


def test_nothing_that_is_secret_is_in_the_report(doctor: Doctor) -> None:
    before = len(doctor.broken.front.asked)
    person = LoggingIn(doctor.broken, doctor.trust)
    said = shown(look_behind(doctor, WHOLE, open_url=person.open_url))
    asked = doctor.broken.front.asked[before:]
    sent = {value for each in asked if each.path in ("/token", "/revoke") for value in each.form.values()}
    secrets = {value for value in sent if len(value) > 30 and not value.startswith(("http", "urn:", "tmc_"))}
    assert len(secrets) > 5
    assert [secret for secret in secrets if secret in said] == []
    came = parse_qs(urlsplit(person.came_back_to[0]).query)
    assert came["code"][0] not in said
    assert came["state"][0] not in said


def test_the_browser_is_sent_with_pkce_and_the_resource(doctor: Doctor) -> None:
    person = LoggingIn(doctor.broken, doctor.trust)
    look_behind(doctor, TOKEN, open_url=person.open_url)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(person.opened[0]).query).items()}
    assert asked["resource"] == doctor.broken.front.mcp_url
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"].split() == ["tools:read", "tools:write", "offline_access"]
    assert asked["redirect_uri"].startswith("http://127.0.0.1:")


def test_without_a_log_in_what_needs_none_is_looked_at(doctor: Doctor) -> None:
    report = look_behind(doctor, (*TOKEN, "renewal"), token="")
    assert of(report, "token") == {"token.methods", "token.unknown", "token.log_in", "token.time"}
    assert_found(report, "token.log_in", SKIP, "--login")
    assert_found(report, "renewal.answered", SKIP, "--login")


def test_a_method_that_is_listed_and_refused_is_named(doctor: Doctor) -> None:
    refuses = Bend("/token", "POST", denied("invalid_client", 401), lambda asked: "client_assertion" in asked.form)
    drops = Bend("/token", "POST", bends.Sent("authorization", None), lambda asked: "authorization" in asked.headers)
    report = look_behind(doctor, TOKEN, refuses, drops, token="")
    found = [finding.said for finding in report.of("token.methods") if finding.level is FAIL]
    assert len(found) == 2, shown(report)
    assert "private_key_jwt" in found[0]
    assert "client_secret_basic" in found[1]
    assert [finding.said for finding in report.of("token.methods") if finding.level is PASS] == [
        "Clients can authenticate by none, client_secret_post."
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(denied("invalid_grant", 401), ("401", "400 and `invalid_grant`"), id="401"),
        pytest.param(denied("invalid_request"), ("400 `invalid_request`",), id="another error"),
        pytest.param(bends.page(503), ("503",), id="a page"),
    ],
)
def test_a_dead_refresh_token_that_is_not_said_to_be_dead_is_seen(
    doctor: Doctor, change: bends.Change, words: tuple[str, ...]
) -> None:
    report = look_behind(doctor, TOKEN, Bend("/token", "POST", change, REFRESH), token="")
    assert_found(report, "token.unknown", FAIL, *words)


@pytest.mark.parametrize(
    ("bounds", "level"),
    [(Bounds(brisk_s=0.2), WARN), (Bounds(brisk_s=0.1, late_s=0.2), FAIL)],
    ids=["slow", "too slow"],
)
def test_a_slow_token_endpoint_is_seen(doctor: Doctor, bounds: Bounds, level: Level) -> None:
    slow = Bend("/token", "POST", bends.Delayed(0.3), REFRESH)
    assert_found(look_behind(doctor, TOKEN, slow, token="", bounds=bounds), "token.time", level, "token endpoint")


def test_a_token_endpoint_that_never_answers_is_seen(doctor: Doctor) -> None:
    never = Bend("/token", "POST", bends.Delayed(30), REFRESH)
    report = look_behind(doctor, TOKEN, never, token="", bounds=Bounds(request_s=1.0))
    assert_found(report, "token.time", FAIL, "no answer in time", "10 s")


def test_a_person_who_refuses_is_no_riddle(doctor: Doctor) -> None:
    person = LoggingIn(doctor.broken, doctor.trust, decision="deny")
    report = look_behind(doctor, TOKEN, open_url=person.open_url)
    assert_found(report, "token.log_in", FAIL, "`access_denied`", "run it again")
    assert_found(report, "token.iss", PASS)


@pytest.mark.parametrize(
    "endpoint", ["file:///etc/passwd", "http://elsewhere.example/a", "https://a.example/\x1b[2J", "https://["]
)
def test_no_browser_is_sent_to_what_is_no_page_of_the_web(doctor: Doctor, endpoint: str) -> None:
    person = LoggingIn(doctor.broken, doctor.trust)
    elsewhere = Bend(METADATA, "GET", bends.with_members(authorization_endpoint=endpoint))
    report = look_behind(doctor, TOKEN, elsewhere, open_url=person.open_url)
    assert_found(report, "token.log_in", FAIL, "no browser is sent there")
    assert person.opened == []
    assert "\x1b" not in shown(report)


def test_a_person_who_never_comes_back_is_not_waited_for_forever(doctor: Doctor) -> None:
    report = look_behind(doctor, TOKEN, open_url=lambda url: None, bounds=Bounds(person_s=0.5))
    assert_found(report, "token.log_in", FAIL, "Nobody came back", "Run it again")


def test_a_visit_that_is_ended_leaves_no_log_in_behind(doctor: Doctor) -> None:
    person = LoggingIn(doctor.broken, doctor.trust)
    before = len(doctor.broken.front.asked)

    async def interrupted() -> Visit:
        reached = asyncio.Event()

        async def wait(visit: Visit, report: Report) -> None:
            reached.set()
            await asyncio.Event().wait()

        groups = [*(group for group in GROUPS if group.noun in TOKEN), Group("clock", "", wait, {})]
        url, wanted = doctor.broken.front.mcp_url, Wanted(log_in=True, local=True)
        async with Visit(url, doctor.persona("claude"), wanted, trust=doctor.trust, open_url=person.open_url) as visit:
            going = asyncio.create_task(examine(visit, Report(CHECKS), groups))
            await asyncio.wait_for(reached.wait(), 30)
            going.cancel()
            assert isinstance((await asyncio.gather(going, return_exceptions=True))[0], asyncio.CancelledError)
            return visit

    token = asyncio.run(interrupted()).token
    assert [asked.path for asked in doctor.broken.front.asked[before:]][-1] == "/revoke"
    assert_found(look_behind(doctor, ("mcp",), token=token), "mcp.let_in", FAIL, "invalid_token")


def test_the_time_of_a_person_is_not_the_visits() -> None:
    async def wait() -> float:
        async with Visit("http://127.0.0.1:1/mcp", PERSONAS["generic"]) as visit:
            async with asyncio.timeout(0.2) as visit.timeout:
                await visit.of_person(asyncio.sleep(0.4))
                return visit.waited_s

    assert asyncio.run(wait()) >= 0.4


class Forged(LoggingIn):
    """Comes back with other parameters than the server gave."""

    changes: dict[str, str | None]

    def come_back(self, location: str) -> None:
        parts = urlsplit(location)
        found = {name: values[0] for name, values in parse_qs(parts.query).items()} | self.changes
        query = urlencode({name: value for name, value in found.items() if value is not None})
        super().come_back(urlunsplit(parts._replace(query=query)))


@pytest.mark.parametrize(
    ("changes", "check", "words", "used"),
    [
        pytest.param({"state": "another"}, "token.state", ("another state", "RFC 6749"), False, id="another state"),
        pytest.param({"state": None}, "token.state", ("no state",), False, id="no state"),
        pytest.param({"iss": "https://other.example"}, "token.iss", ("`https://other.example`",), False, id="another iss"),
        pytest.param({"iss": None}, "token.iss", ("came without", "authorization_response_iss"), True, id="no iss"),
        pytest.param({"code": None, "error": "server_error"}, "token.log_in", ("`server_error`",), False, id="an error"),
        pytest.param({"code": "invented"}, "token.exchange", ("`invalid_grant`", "server's log"), True, id="another code"),
    ],
)
def test_what_comes_back_with_the_browser_is_looked_at_before_its_code_is_used(
    doctor: Doctor, changes: dict[str, str | None], check: str, words: tuple[str, ...], used: bool
) -> None:
    person = Forged(doctor.broken, doctor.trust)
    person.changes = changes
    before = len(doctor.broken.front.asked)
    report = look_behind(doctor, TOKEN, open_url=person.open_url)
    assert_found(report, check, FAIL, *words)
    came = parse_qs(urlsplit(person.came_back_to[0]).query).get("code", [""])[0]
    redeemed = [asked for asked in doctor.broken.front.asked[before:] if asked.form.get("code") == came]
    assert bool(redeemed) is used


def test_a_server_without_iss_that_promises_none_is_let_be(doctor: Doctor) -> None:
    person = Forged(doctor.broken, doctor.trust)
    person.changes = {"iss": None}
    silent = Bend(METADATA, "GET", bends.without("authorization_response_iss_parameter_supported"))
    assert_found(look_behind(doctor, TOKEN, silent, open_url=person.open_url), "token.iss", SKIP)


def tokens(**changes: Any) -> bends.Edited:
    """An answer with tokens, with other members; None leaves one out."""

    def edit(said: dict[str, Any]) -> dict[str, Any]:
        return (
            {name: value for name, value in (said | changes).items() if value is not None} if "error" not in said else said
        )

    return bends.Edited(edit)


@pytest.mark.parametrize(
    ("change", "check", "level", "words"),
    [
        pytest.param(tokens(refresh_token=None), "token.refresh_token", FAIL, ("offline_access",), id="no refresh token"),
        pytest.param(tokens(expires_in=None), "token.lifetime", WARN, ("expires_in",), id="no life"),
        pytest.param(tokens(expires_in=60), "token.lifetime", WARN, ("60 s", "10 minutes"), id="a short life"),
        pytest.param(tokens(token_type="mac"), "token.exchange", FAIL, ("`mac`",), id="no Bearer token"),
        pytest.param(bends.Header("cache-control", None), "token.no_store", WARN, ("no-store",), id="stored by proxies"),
    ],
)
def test_what_is_wrong_with_the_answer_with_tokens(
    doctor: Doctor, change: bends.Change, check: str, level: Level, words: tuple[str, ...]
) -> None:
    report = log_in(doctor, Bend("/token", "POST", change, CODE), nouns=(*TOKEN, "renewal"))
    assert_found(report, check, level, *words)


def test_a_client_that_the_server_knows_needs_no_registration(doctor: Doctor) -> None:
    port = free_port()
    known = doctor.broken.house.client(redirect_uris=["http://127.0.0.1/callback"])
    closed = Bend(METADATA, "GET", bends.without("registration_endpoint"))
    report = log_in(doctor, closed, nouns=(*TOKEN, "renewal"), client_id=known.client_id, callback_port=port)
    assert_found(report, "token.methods", SKIP, "can't register")
    assert_found(report, "token.exchange", PASS)
    assert_found(report, "renewal.revoke", PASS)


def test_where_clients_cant_register_it_says_what_to_give(doctor: Doctor) -> None:
    closed = Bend(METADATA, "GET", bends.without("registration_endpoint"))
    assert_found(log_in(doctor, closed, nouns=TOKEN), "token.log_in", SKIP, "--client-id", "http://127.0.0.1/callback")
    refuses = Bend("/register", "POST", denied("invalid_redirect_uri"))
    assert_found(log_in(doctor, refuses, nouns=TOKEN), "token.log_in", FAIL, "invalid_redirect_uri", "--client-id")


class Rotation:
    """A server that takes each refresh token once. `ends`: a second time ends the whole log-in."""

    def __init__(self, *, ends: bool) -> None:
        self._ends = ends
        self._seen: set[str] = set()
        self._over = False

    def answer(self, asked: Asked) -> Answer | None:
        token = asked.form["refresh_token"]
        self._over = self._over or (self._ends and token in self._seen)
        refused = self._over or token in self._seen
        self._seen.add(token)
        body = json.dumps({"error": "invalid_grant"}).encode()
        return Answer(400, CIMultiDict({"content-type": "application/json"}), body) if refused else None


@pytest.mark.parametrize(("ends", "after"), [(False, PASS), (True, FAIL)], ids=["refused", "ended"])
def test_strict_rotation_is_called_by_its_name(doctor: Doctor, ends: bool, after: Level) -> None:
    report = log_in(doctor, Bend("/token", "POST", bends.Computed(Rotation(ends=ends).answer), REFRESH))
    assert_found(report, "renewal.refresh", PASS)
    assert_found(report, "renewal.twice", FAIL, "Strict rotation", "two planes", "TOOLMESH_REFRESH_GRACE_S")
    assert_found(report, "renewal.after", after)


def test_a_refresh_token_that_gives_nothing_is_seen(doctor: Doctor) -> None:
    broken = Bend("/token", "POST", denied("invalid_grant"), REFRESH)
    report = log_in(doctor, broken, nouns=(*TOKEN, "renewal"))
    assert_found(report, "renewal.refresh", FAIL, "`invalid_grant`", "outlive")
    assert report.of("renewal.twice") == []


def test_a_renewed_token_that_is_not_let_in_is_seen(doctor: Doctor) -> None:
    other = Bend("/token", "POST", tokens(access_token="another-token"), REFRESH)
    assert_found(log_in(doctor, other, nouns=(*TOKEN, "renewal")), "renewal.refresh", FAIL, "not let in", "audience")


def test_a_log_in_that_can_not_be_ended_is_seen(doctor: Doctor) -> None:
    refused = log_in(doctor, Bend("/revoke", "POST", denied("invalid_client", 401)), nouns=(*TOKEN, "renewal"))
    assert_found(refused, "renewal.revoke", FAIL, "401 `invalid_client`", "RFC 7009")
    ignored = log_in(doctor, Bend("/revoke", "POST", bends.Instead(200, b"")), nouns=(*TOKEN, "renewal"))
    assert_found(ignored, "renewal.revoke", WARN, "still let in", "3600 s")
    assert_found(ignored, "renewal.dead", FAIL, "revoked refresh token")
    unoffered = Bend(METADATA, "GET", bends.without("revocation_endpoint"))
    assert_found(log_in(doctor, unoffered, nouns=(*TOKEN, "renewal")), "renewal.revoke", SKIP, "no revocation_endpoint")


def test_a_code_that_is_good_twice_is_seen(doctor: Doctor) -> None:
    said = json.dumps({"access_token": "a-second-token", "token_type": "Bearer", "expires_in": 3600}).encode()
    codes: list[str] = []

    def taken(asked: Asked) -> Answer | None:
        code = asked.form["code"]
        codes.append(code)
        twice = codes.count(code) > 1
        return Answer(200, CIMultiDict({"content-type": "application/json"}), said) if twice else None

    report = log_in(doctor, Bend("/token", "POST", bends.Computed(taken), CODE), nouns=(*TOKEN, "renewal"))
    assert_found(report, "renewal.code", FAIL, "a code that was used already", "200")
