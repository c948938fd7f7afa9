"""A person who clicks twice: the browser sends the form twice and shows the second answer alone. It is the first one's
again, and nobody but that browser gets it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from shared import log_in_keys
from tests.mesh import wait_until
from tests.oauth.house import PASSWORD, House
from tests.oauth.person import CALLBACK, Form, OAuthClient, Person, form_of, query_of
from tests.oauth.test_consent import ALLOW, DENY, asked, codes
from tests.oauth.traces import records, refused

TWICE = [ALLOW, DENY]


@pytest.fixture
def login(person: Person, client: OAuthClient) -> Form:
    """The log-in form of a request of `client`."""
    return form_of(person.get(person.get(client.authorize_path()).headers["location"]).text)


@pytest.fixture
def stranger(at: House) -> Iterator[Person]:
    """Another browser."""
    found = at.person()
    yield found
    found.close()


def cookie(person: Person) -> str:
    (found,) = person.http.cookies.jar
    return found.value or ""


def filled(form: Form, username: str = "ada", password: str = PASSWORD) -> dict[str, str]:
    return {**form.fields, "username": username, "password": password}


def told(answer: httpx2.Response) -> tuple[int, str | None, str | None]:
    return answer.status_code, answer.headers.get("location"), answer.headers.get("set-cookie")


def counted(at: House, code: str, client: OAuthClient) -> int:
    """How often the audit has that of a client."""
    return sum(r["code"] == code and r["caller_id"] == client.client_id for r in records(at))


# The log-in.


def test_who_logs_in_twice_is_led_on_to_the_same_place(at: House, person: Person, login: Form) -> None:
    """The second form is sent before the browser has seen the first answer, with the cookie that it had."""
    former = cookie(person)
    first = person.post(login.action, filled(login))
    assert (first.status_code, "/consent?" in first.headers["location"]) == (303, True)
    for url in (at.b.url, at.a.url):
        person.http.cookies.clear()
        second = person.post(login.action, filled(login), url, cookie=f"toolmesh={former}")
        assert told(second) == told(first)
    form = form_of(person.get(second.headers["location"]).text)
    assert "code" in query_of(person.post(form.action, {**form.fields, **ALLOW}))


def test_who_has_the_new_cookie_already_is_led_on_too(person: Person, login: Form) -> None:
    """The browser took the cookie of the first answer, and went on with the second click all the same."""
    first = person.post(login.action, filled(login))
    second = person.post(login.action, filled(login))
    assert told(second) == (303, first.headers["location"], None)
    assert person.get(second.headers["location"]).status_code == 200


def test_who_logs_in_at_two_edges_at_once_is_in_one_session(at: House, person: Person, login: Form) -> None:
    former = cookie(person)
    with ThreadPoolExecutor(2) as pool:
        headers = {"cookie": f"toolmesh={former}"}
        urls = (at.a.url, at.b.url)
        answers = list(pool.map(lambda url: httpx2.post(f"{url}/login", data=filled(login), headers=headers), urls))
    assert len({told(answer) for answer in answers}) == 1
    person.http.cookies.clear()
    person.http.cookies.set("toolmesh", answers[0].cookies["toolmesh"], domain="127.0.0.1", path="/")
    assert person.get(answers[0].headers["location"]).status_code == 200


def test_a_former_cookie_opens_nothing_without_the_password(
    at: House, person: Person, client: OAuthClient, login: Form
) -> None:
    """Whoever planted it, or saw it, and sends the form at once (session fixation)."""
    former = cookie(person)
    answer = person.post(login.action, filled(login))
    thief = at.person()
    sent = {"cookie": f"toolmesh={former}"}
    with refused(at, "login_failed"):
        assert told(thief.post(login.action, filled(login, password="a wrong password"), **sent)) == (401, None, None)
    with refused(at, "login_refused", 3):
        assert told(thief.post(login.action, filled(login, "bob"), **sent)) == (403, None, None)
        assert told(thief.post(login.action, {**filled(login), "csrf": "0" * 64}, **sent)) == (403, None, None)
        assert thief.get(f"/login?rid={login.fields['rid']}", **sent).status_code == 403
    with refused(at, "consent_refused"):
        assert thief.get(answer.headers["location"], **sent).status_code == 403
    thief.close()
    assert person.get(answer.headers["location"]).status_code == 200, "the person is where they were"


def test_another_browser_is_not_led_on(
    at: House, person: Person, login: Form, client: OAuthClient, stranger: Person
) -> None:
    stranger.get(client.authorize_path())
    person.post(login.action, filled(login))
    with refused(at, "login_refused", 2):
        assert told(stranger.post(login.action, filled(login))) == (403, None, None)
        bobs = form_of(stranger.get(stranger.get(client.authorize_path()).headers["location"]).text)
        stolen = {**filled(bobs, "bob"), "rid": login.fields["rid"]}
        assert told(stranger.post(bobs.action, stolen)) == (403, None, None)


def test_the_session_of_one_account_is_not_that_of_another(at: House, person: Person, login: Form) -> None:
    """Somebody who types another name into the form that they send again is not logged in as either by that."""
    former = cookie(person)
    person.post(login.action, filled(login))
    with refused(at, "login_refused", 2):
        assert told(person.post(login.action, filled(login, "bob"))) == (403, None, None)
        now = cookie(person)
        person.http.cookies.clear()
        assert told(person.post(login.action, filled(login, "bob"), cookie=f"toolmesh={former}")) == (403, None, None)
    person.http.cookies.set("toolmesh", now, domain="127.0.0.1", path="/")
    assert "<bdi>ada</bdi>" in person.get(f"/consent?rid={login.fields['rid']}").text


# The decision.


@pytest.mark.parametrize("decision", TWICE, ids=["allow", "deny"])
def test_a_decision_counts_once_however_often_it_is_sent(
    at: House, person: Person, client: OAuthClient, decision: dict[str, str]
) -> None:
    form = asked(person, client)
    before, consents = codes(at), counted(at, "consent", client)
    with ThreadPoolExecutor(10) as pool:
        urls = [at.a.url, at.b.url] * 5
        answers = list(pool.map(lambda url: person.post(form.action, {**form.fields, **decision}, url), urls))
    answers.append(person.post(form.action, {**form.fields, **decision}))
    assert len({told(answer) for answer in answers}) == 1
    found = query_of(answers[0])
    allowed = decision is ALLOW
    assert ("code" in found, found.get("error")) == (allowed, None if allowed else "access_denied")
    assert codes(at) == before + allowed
    if allowed:
        wait_until(lambda: counted(at, "consent", client) == consents + 1, "it is recorded, once")
        assert client.exchange(found["code"]).status_code == 200


@pytest.mark.parametrize("decision", TWICE, ids=["allow", "deny"])
def test_the_other_decision_is_not_taken_any_more(
    at: House, person: Person, client: OAuthClient, decision: dict[str, str]
) -> None:
    form = asked(person, client)
    location = person.post(form.action, {**form.fields, **decision}).headers["location"]
    before = codes(at)
    with refused(at, "consent_refused"):
        other = DENY if decision is ALLOW else ALLOW
        assert told(person.post(form.action, {**form.fields, **other})) == (403, None, None)
    assert codes(at) == before
    assert person.post(form.action, {**form.fields, **decision}).headers["location"] == location


def test_a_code_that_was_redeemed_is_not_sent_again(at: House, person: Person, client: OAuthClient) -> None:
    """The client would redeem it again, which ends what it got."""
    form = asked(person, client)
    code = query_of(person.post(form.action, {**form.fields, **ALLOW}))["code"]
    tokens = client.exchange(code).json()
    again = person.post(form.action, {**form.fields, **ALLOW})
    assert (again.status_code, "location" in again.headers, code in again.text) == (200, False, False)
    assert "The program that sent you here has its answer." in again.text
    assert client.refresh(tokens["refresh_token"]).status_code == 200


def test_nobody_else_gets_the_answer(at: House, person: Person, client: OAuthClient, stranger: Person) -> None:
    form = asked(person, client)
    own = {**form.fields, **ALLOW}
    person.post(form.action, own)
    others = asked(stranger, client, "bob")
    second = asked(person, client)
    changes: list[tuple[dict[str, str], dict[str, str]]] = [
        *(({"csrf": token}, {}) for token in ("", "0" * 64, second.fields["csrf"], others.fields["csrf"])),
        *(({"rid": rid}, {}) for rid in ("", "x" * 32)),
        *(({"decision": decision}, {}) for decision in ("", "yes")),
        *(({}, {"cookie": value}) for value in ("", f"toolmesh={'x' * 43}")),
        ({}, {"origin": "https://evil.example"}),
    ]
    with refused(at, "consent_refused", len(changes) + 2):
        answers = [person.post(form.action, {**own, **fields}, **headers) for fields, headers in changes]
        answers.append(stranger.post(form.action, own))
        answers.append(stranger.post(form.action, {**own, "csrf": others.fields["csrf"]}))
    assert [told(answer) for answer in answers] == [(403, None, None)] * len(answers)


def test_after_a_while_the_form_has_expired(at: House, person: Person, client: OAuthClient) -> None:
    form = asked(person, client)
    person.post(form.action, {**form.fields, **ALLOW})
    with at.running.broker.client() as redis:
        (key,) = kept = list(redis.scan_iter(log_in_keys.decided_request("*")))[-1:]
        assert all(0 < redis.pttl(each) <= 10_000 for each in kept)
        for each in redis.scan_iter(log_in_keys.decided_request("*")):
            redis.delete(each)
        assert not redis.exists(key)
    with refused(at, "consent_refused"):
        assert person.post(form.action, {**form.fields, **ALLOW}).status_code == 403


def test_what_is_kept_of_a_decision_holds_no_secret(at: House, person: Person, client: OAuthClient) -> None:
    """Who can read the broker finds no code and no cookie in it."""
    form = asked(person, client)
    code = query_of(person.post(form.action, {**form.fields, **ALLOW}))["code"]
    found: dict[str, Any] = {}
    with at.running.broker.client() as redis:
        for key in redis.scan_iter(log_in_keys.decided_request("*")):
            found[key.decode()] = redis.get(key)
    said = repr(found)
    assert client.state in said, "it can be read"
    assert code not in said
    assert code[27:] not in said
    assert cookie(person) not in said
    assert form.fields["csrf"] not in said
    assert CALLBACK in said
