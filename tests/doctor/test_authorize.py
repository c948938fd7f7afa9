"""7: what can be wrong with the way to the log-in."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlencode

import pytest
from multidict import CIMultiDict

from tests.doctor import bends
from tests.doctor.bends import Answer, Asked, Bend
from tests.doctor.examined import Doctor, assert_found, shown
from toolmesh.doctor.finding import Level

FAIL, WARN, PASS, SKIP = Level.FAIL, Level.WARN, Level.PASS, Level.SKIP
PATH = "/authorize"


def asked_for(asked: Asked) -> dict[str, str]:
    """The parameters of an authorization request."""
    return {name: values[0] for name, values in parse_qs(asked.query).items()}


def to_client(**told: str) -> bends.Change:
    """The client is told that, with its state."""

    def answer(asked: Asked) -> Answer:
        sent = asked_for(asked)
        query = urlencode({"state": sent["state"], **told})
        return Answer(302, CIMultiDict({"location": f"{sent['redirect_uri']}?{query}"}))

    return bends.Computed(answer)


def lacks(name: str) -> Callable[[Asked], bool]:
    return lambda asked: name not in asked_for(asked)


def has(name: str, text: str) -> Callable[[Asked], bool]:
    return lambda asked: text in asked_for(asked).get(name, "")


WRONG = {
    "authorize.pkce": lacks("code_challenge"),
    "authorize.plain": has("code_challenge_method", "plain"),
    "authorize.resource": has("resource", "doctor.invalid"),
    "authorize.response_type": has("response_type", "token"),
}
"""Check → the request that it sends."""


@pytest.mark.parametrize("check", WRONG)
def test_a_wrong_request_that_is_not_refused(doctor: Doctor, check: str) -> None:
    shown_page = Bend(PATH, "GET", bends.page(200, "<html>Log in"), WRONG[check])
    report = doctor.look("authorize", shown_page)
    level = WARN if check == "authorize.resource" else FAIL
    assert_found(report, check, level, "is not refused: a page is shown for it")
    assert_found(report, "authorize.state", PASS, "3 refusals")
    report = doctor.look("authorize", Bend(PATH, "GET", to_client(code="a-secret-code", iss="x"), WRONG[check]))
    assert_found(report, check, FAIL, "answered as if it were a good one")
    assert "a-secret-code" not in shown(report)


@pytest.mark.parametrize("check", WRONG)
def test_a_wrong_request_that_is_refused_so_that_the_client_does_not_hear_or_understand(doctor: Doctor, check: str) -> None:
    report = doctor.look("authorize", Bend(PATH, "GET", bends.page(400), WRONG[check]))
    assert_found(report, check, WARN, "the client never hears of it", "`state` and `iss`")
    report = doctor.look("authorize", Bend(PATH, "GET", to_client(error="no"), WRONG[check]))
    assert_found(report, check, WARN, "`no`, which clients may not understand")


def test_codes_that_anybody_can_have_sent(doctor: Doctor) -> None:
    foreign = has("redirect_uri", "doctor.invalid")
    report = doctor.look("authorize", Bend(PATH, "GET", to_client(error="invalid_request"), foreign))
    assert_found(report, "authorize.redirect_uri", FAIL, "anybody can have codes sent", "character by character")
    report = doctor.look("authorize", Bend(PATH, "GET", bends.page(200), foreign))
    assert_found(report, "authorize.redirect_uri", WARN, "is answered 200, not refused (400)")


def test_a_state_that_is_lost(doctor: Doctor) -> None:
    change = bends.Replaced("location", "state=[^&]*", "state=other")
    report = doctor.look("authorize", Bend(PATH, "GET", change))
    assert_found(report, "authorize.state", FAIL, "4 of 4 refusals", "the client gives up")


def test_an_issuer_that_is_lost_or_another(doctor: Doctor) -> None:
    lost = Bend(PATH, "GET", bends.Replaced("location", "[?&]iss=[^&]*", ""))
    report = doctor.look("authorize", lost)
    assert_found(report, "authorize.iss", FAIL, "4 of 4 refusals lack `iss`", "response missing required issuer")
    slash = Bend(PATH, "GET", bends.Replaced("location", "iss=([^&]*)", r"iss=\1%2F"))
    report = doctor.look("authorize", slash)
    assert_found(report, "authorize.iss", FAIL, "clients take that for an attack")
    unpromised = bends.without("authorization_response_iss_parameter_supported")
    report = doctor.look("authorize", lost, Bend("/.well-known/oauth-authorization-server", "GET", unpromised))
    assert_found(report, "authorize.iss", SKIP)


def test_one_refusal_without_the_issuer_is_enough(doctor: Doctor) -> None:
    change = bends.Replaced("location", "[?&]iss=[^&]*", "")
    report = doctor.look("authorize", Bend(PATH, "GET", change, WRONG["authorize.plain"]))
    assert_found(report, "authorize.iss", FAIL, "1 of 4 refusals lack `iss`")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(bends.Instead(502, b"", "text/plain"), ("does not reach the server",), id="502"),
        pytest.param(to_client(error="server_error"), ("`server_error`", "log"), id="refused"),
        pytest.param(to_client(code="a-secret-code"), ("without anybody being asked",), id="given to anybody"),
    ],
)
def test_no_page_for_the_person(doctor: Doctor, change: bends.Change, words: tuple[str, ...]) -> None:
    proper = Bend(PATH, "GET", change, lambda asked: not any(is_sent(asked) for is_sent in WRONG.values()))
    report = doctor.look("authorize", proper)
    assert_found(report, "authorize.page", FAIL, *words)
    assert_found(report, "authorize.opener", SKIP)


def test_a_log_in_at_somebody_elses(doctor: Doctor) -> None:
    report = doctor.look("authorize", Bend(PATH, "GET", bends.redirect("https://idp.example/login?x=1", 302)))
    assert_found(report, "authorize.page", PASS, "`https://idp.example/login`")


def test_redirects_without_an_end(doctor: Doctor) -> None:
    report = doctor.look("authorize", Bend(PATH, "GET", bends.redirect(PATH, 302)))
    assert_found(report, "authorize.answered", FAIL, "redirected 5 times, and there was no end")


@pytest.mark.parametrize(("persona", "level"), [("chatgpt", FAIL), ("claude", WARN)])
def test_a_page_that_loses_touch_with_its_opener(doctor: Doctor, persona: str, level: Level) -> None:
    bend = Bend("/login", "GET", bends.Header("cross-origin-opener-policy", "same-origin"))
    report = doctor.look("authorize", bend, persona=persona)
    assert_found(report, "authorize.opener", level, "ChatGPT opens it in a popup", "leave that one away")


def test_a_page_that_others_can_show_inside_their_own(doctor: Doctor) -> None:
    bare = (
        Bend("/login", "GET", bends.Header("content-security-policy", "default-src 'self'")),
        Bend("/login", "GET", bends.Header("x-frame-options", None)),
    )
    report = doctor.look("authorize", *bare)
    assert_found(report, "authorize.framing", WARN, "click on it unseen", "frame-ancestors 'none'")
