"""The question whether a client may, and the answer: asked each time, bound to one person, one request and one browser
(MCP, "Consent UI Requirements"; RFC 9700, sections 4.7 and 4.16)."""

from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest

from shared import log_in_keys
from tests.mesh import wait_until
from tests.oauth.house import PASSWORD, House
from tests.oauth.person import CALLBACK, Form, OAuthClient, Person, form_of, query_of
from tests.oauth.traces import assert_in_no_log, jobs, refused

ALLOW, DENY = {"decision": "allow"}, {"decision": "deny"}


def asked(person: Person, client: OAuthClient, username: str = "ada", **changes: object) -> Form:
    """The question, of a new request."""
    answer = person.get(client.authorize_path(**changes))
    if "/login" in answer.headers["location"]:
        answer = person.log_in(answer, username, PASSWORD)
    return form_of(person.get(answer.headers["location"]).text)


def codes(at: House) -> int:
    """How many codes wait to be redeemed."""
    with at.running.broker.client() as redis:
        return sum(1 for _ in redis.scan_iter(log_in_keys.authorization_code("*")))


def is_to_client(answer: httpx2.Response) -> bool:
    return answer.headers.get("location", "").startswith(CALLBACK)


@pytest.fixture
def form(person: Person, client: OAuthClient) -> Form:
    """The question of `client`, in the browser of `person`, for ada."""
    return asked(person, client)


@pytest.fixture
def stranger(at: House) -> Iterator[Person]:
    """Another browser."""
    found = at.person()
    yield found
    found.close()


def test_who_allows_it_sends_a_code_with_state_and_issuer(
    at: House, person: Person, client: OAuthClient, form: Form
) -> None:
    assert set(form.names) == {"csrf", "rid", "decision"}
    answer = person.post(form.action, {**form.fields, **ALLOW})
    assert (answer.status_code, is_to_client(answer), answer.text) == (303, True, "")
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
    found = query_of(answer)
    issuer = at.a.get("/.well-known/oauth-authorization-server").json()["issuer"]
    assert found == {"code": found["code"], "state": client.state, "iss": issuer}
    assert client.exchange(found["code"]).status_code == 200
    assert_in_no_log(at, found["code"], client.state, client.verifier, PASSWORD, *form.fields.values())


def test_who_denies_it_sends_that_and_nothing_else(at: House, person: Person, client: OAuthClient, form: Form) -> None:
    before = codes(at)
    with refused(at, "consent_denied"):
        answer = person.post(form.action, {**form.fields, **DENY})
    found = query_of(answer)
    assert (found["error"], found["state"], found["iss"]) == ("access_denied", client.state, at.url)
    assert (is_to_client(answer), "code" in found, codes(at)) == (True, False, before)
    with refused(at, "consent_refused"):
        assert person.post(form.action, {**form.fields, **ALLOW}).status_code == 403


def test_only_the_form_that_this_person_was_shown_decides(
    at: House, person: Person, client: OAuthClient, form: Form, stranger: Person
) -> None:
    own = {**form.fields, **ALLOW}
    second = asked(person, client)  # another request of the same client, in the same browser
    third = asked(person, at.client())
    waiting = stranger.get(client.authorize_path())
    login = form_of(stranger.get(waiting.headers["location"]).text)
    others = asked(stranger, client, "bob")
    before, jobs_before = codes(at), jobs(at)
    changes: list[tuple[dict[str, str], dict[str, str]]] = [
        *(({"csrf": token}, {}) for token in ("", "0" * 64, form.fields["csrf"][:-1], "é" * 64)),
        *(({"csrf": each.fields["csrf"]}, {}) for each in (second, third, login, others)),
        *(({"rid": rid}, {}) for rid in ("", "x" * 32, second.fields["rid"], others.fields["rid"])),
        (others.fields, {}),
        *(({}, {"origin": origin}) for origin in ("https://evil.example", at.b.url, "https://client.example")),
        *(({}, {"sec-fetch-site": site}) for site in ("cross-site", "same-site")),
        *(({}, {"cookie": cookie}) for cookie in ("", f"toolmesh={'x' * 43}")),
    ]
    with refused(at, "consent_refused", len(changes) + 1):
        answers = [person.post(form.action, {**own, **fields}, **headers) for fields, headers in changes]
        answers.append(stranger.post(form.action, own))
    assert [(each.status_code, each.headers.get("location")) for each in answers] == [(403, None)] * len(answers)
    assert (codes(at), jobs(at)) == (before, jobs_before)
    assert "code" in query_of(person.post(form.action, own))


@pytest.mark.parametrize("decision", [None, "", "yes", "ALLOW", "allow ", "true"])
def test_what_is_no_decision_decides_nothing(at: House, person: Person, form: Form, decision: str | None) -> None:
    fields = form.fields if decision is None else {**form.fields, "decision": decision}
    with refused(at, "consent_refused"):
        assert person.post(form.action, fields).status_code == 400
    assert "code" in query_of(person.post(form.action, {**form.fields, **ALLOW}))


def test_two_decisions_in_one_form_are_none(at: House, person: Person, form: Form) -> None:
    body = urlencode([*form.fields.items(), ("decision", "deny"), ("decision", "allow")]).encode()
    with refused(at, "consent_refused"):
        kind = {"content-type": "application/x-www-form-urlencoded"}
        assert person.http.post(f"{person.url}/consent", content=body, headers=kind).status_code == 400


def test_nothing_but_the_form_decides(at: House, person: Person, form: Form) -> None:
    before = codes(at)
    query = urlencode({**form.fields, **ALLOW})
    answer = person.get(f"/consent?{query}")
    assert (answer.status_code, form_of(answer.text).fields) == (200, form.fields), "it is asked, and not taken as decided"
    assert person.http.head(f"{person.url}/consent?{query}").text == ""
    for path in ("/authorize", "/login", "/consent"):
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", *(["POST"] if path == "/authorize" else [])):
            answer = person.http.request(method, f"{person.url}{path}?{query}", data={**form.fields, **ALLOW})
            assert (answer.status_code, "GET" in answer.headers["allow"]) == (405, True), (method, path)
            assert "set-cookie" not in answer.headers
    assert codes(at) == before
    assert "code" in query_of(person.post(form.action, {**form.fields, **ALLOW}))


def test_a_request_belongs_to_the_browser_that_brought_it(
    at: House, person: Person, client: OAuthClient, stranger: Person
) -> None:
    """Who gets hold of the address of a page, from a history or over a shoulder, sees and does nothing with it."""
    waiting = person.get(client.authorize_path()).headers["location"]
    stranger.get(client.authorize_path())  # has a cookie of its own
    with refused(at, "login_refused"):
        assert stranger.get(waiting).status_code == 403
    asking = person.log_in(httpx2.Response(303, headers={"location": waiting}), "ada", PASSWORD).headers["location"]
    asked(stranger, client, "bob")  # is logged in as somebody
    with refused(at, "consent_refused"):
        assert stranger.get(asking).status_code == 403
    assert person.get(asking).status_code == 200


def test_it_is_asked_again_each_time(at: House, person: Person, client: OAuthClient) -> None:
    """Nothing is remembered that another client of the same name, or the same with another wish, could use."""
    first = at.client(redirect_uris=[CALLBACK, f"{CALLBACK}/2"])
    first.code(person, "ada", PASSWORD)
    namesake = at.client(client_name="A test client")
    again: list[tuple[OAuthClient, dict[str, str]]] = [
        (first, {}),
        (first, {"redirect_uri": f"{CALLBACK}/2"}),
        (first, {"scope": "tools:read tools:write offline_access"}),
        (first, {"resource": f"{at.url}/mcp/b/echo"}),
        (namesake, {}),
    ]
    for other, changes in again:
        answer = person.get(other.authorize_path(**changes))
        assert urlsplit(answer.headers["location"]).path == "/consent", "logged in, and asked"
        assert set(form_of(person.get(answer.headers["location"]).text).names) == {"csrf", "rid", "decision"}


@pytest.mark.parametrize("change", ["removed", "disabled"])
def test_who_may_not_come_in_any_more_decides_nothing(at: House, person: Person, form: Form, change: str) -> None:
    users = at.running.config / "users.yaml"
    before, codes_before = users.read_text(), codes(at)
    ada = next(line for line in before.splitlines() if "username: ada" in line)
    users.write_text(before.replace(ada, ada.replace("{", "{disabled: true, ") if change == "disabled" else ""))
    try:
        with refused(at, "consent_refused"):
            wait_until(lambda: person.get(f"/consent?rid={form.fields['rid']}").status_code == 303, "the edge has read it")
        with refused(at, "consent_refused"):
            answer = person.post(form.action, {**form.fields, **ALLOW})
        assert urlsplit(answer.headers["location"]).path == "/login"
        with refused(at, "login_failed"):
            assert person.log_in(answer, "ada", PASSWORD).status_code == 401
        assert codes(at) == codes_before
    finally:
        users.write_text(before)
    wait_until(lambda: person.get(f"/consent?rid={form.fields['rid']}").status_code == 200, "ada is back")
    assert "code" in query_of(person.post(form.action, {**form.fields, **ALLOW}))


def test_a_request_that_is_over_can_not_be_decided(at: House, person: Person, client: OAuthClient, form: Form) -> None:
    with at.running.broker.client() as redis:
        lives = [redis.pttl(key) for key in redis.scan_iter(log_in_keys.authorization_request("*"))]
        assert all(0 < left <= 600_000 for left in lives)
        for key in list(redis.scan_iter(log_in_keys.authorization_request("*"))):
            redis.delete(key)
    with refused(at, "consent_refused"):
        assert person.post(form.action, {**form.fields, **ALLOW}).status_code == 403
    with refused(at, "consent_refused"):
        assert person.get(f"/consent?rid={form.fields['rid']}").status_code == 403


def test_a_client_that_is_gone_gets_no_answer(at: House, person: Person) -> None:
    client = at.client()
    form = asked(person, client)
    with at.running.broker.client() as redis:
        redis.delete(log_in_keys.registered_client(client.client_id))
    with refused(at, "consent_refused"):
        answer = person.post(form.action, {**form.fields, **ALLOW})
    assert (answer.status_code, answer.headers.get("location")) == (400, None)
