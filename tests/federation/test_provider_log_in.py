"""Log in elsewhere, at npm's oidc-provider: over any edge, bound to one browser, and worth what the mapping says now."""

from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from tests.federation.sso_house import BENT, CORP, GITHUB, Sso, text_of, ways_of
from tests.mesh import wait_until
from tests.oauth.person import OAuthClient, Person, query_of
from tests.oauth.traces import records

EXPIRED = "This page has expired, or belongs to another browser."


def changed(url: str, **parameters: str | None) -> str:
    """A URL with other parameters in its query; None takes one away."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()} | parameters
    return f"{url.partition('?')[0]}?{urlencode({name: value for name, value in query.items() if value is not None})}"


def assert_told(answer: httpx2.Response, status: int, text: str, ways: set[str] | None = None) -> None:
    """A page of ours that says so, on which one can go on."""
    assert (answer.status_code, answer.headers["cache-control"]) == (status, "no-store"), text_of(answer.text)
    assert text in text_of(answer.text)
    if ways is not None:
        assert set(ways_of(answer.text)) == ways


def test_every_step_may_be_at_another_edge_and_the_group_decides_what_is_there(sso: Sso, client: OAuthClient) -> None:
    a, b = sso.house.a.url, sso.house.b.url
    person = Person(a, sso.house.secrets)
    page = sso.arrive(person, client, a)
    assert list(ways_of(page.text)) == ["corp", "bent", "github"]
    assert "Log in with The Corp" in text_of(page.text)
    sent = sso.leave(person, page, "corp", b)
    query = {name: values[0] for name, values in parse_qs(urlsplit(sent.headers["location"]).query).items()}
    assert sent.headers["location"].startswith(f"{sso.corp.issuer}/authorize?")
    assert {"client_id": "mesh", "scope": "openid profile groups", "code_challenge_method": "S256"}.items() <= query.items()
    assert query["redirect_uri"] == f"{a}/auth/callback/corp"
    assert len({query[name] for name in ("state", "nonce", "code_challenge")}) == 3
    cookie = dict(person.http.cookies)
    arrived = person.get(sso.come_back(person, sent), a)
    assert arrived.headers["location"].startswith(f"{a}/consent?rid=")
    assert person.http.cookies["toolmesh"] != cookie["toolmesh"], "the browser gets another cookie"
    consent = person.get(arrived.headers["location"], b)
    assert "Ada Lovelace (The Corp)" in text_of(consent.text)
    assert "For 7 days at most; then you are asked again" in text_of(consent.text)
    code = query_of(person.decide(arrived, "allow", b))["code"]
    answer = client.exchange(code, a).json()
    assert sso.tools(answer["access_token"]) == sso.tools(answer["access_token"], 1) == ["echo_add"]
    again = client.refresh(answer["refresh_token"], b).json()
    assert sso.tools(again["access_token"]) == ["echo_add"]
    subject = f"{sso.corp.issuer}#ada"
    wait_until(
        lambda: (
            {("access", code, subject) for code in ("login", "consent", "token", "refresh")}
            <= {(each["phase"], each["code"], each.get("subject")) for each in records(sso.house)}
        ),
        "the audit knows who it was",
    )
    person.close()


def test_a_call_is_made_in_the_name_of_issuer_and_subject(sso: Sso, client: OAuthClient) -> None:
    bearer = sso.house.bearer(sso.tokens(client)["access_token"])
    answer = bearer.request("tools/call", {"name": "echo_add", "arguments": {"a": 2, "b": 3}})
    assert answer["result"]["content"][0]["text"] == "5"
    denied = bearer.request("tools/call", {"name": "echo_echo", "arguments": {"message": "x"}})
    assert "error" in denied
    bearer.close()
    wait_until(
        lambda: any(
            (each["phase"], each.get("subject"), each.get("tenant")) == ("outcome", f"{sso.corp.issuer}#ada", "acme")
            for each in records(sso.house)
        ),
        "the audit has the call",
    )


@pytest.mark.parametrize("what", ["state", "browser", "no browser", "head", "twice", "other provider"])
def test_only_who_was_sent_comes_back_and_only_once(what: str, sso: Sso, client: OAuthClient, person: Person) -> None:
    location = sso.come_back(person, sso.leave(person, sso.arrive(person, client), "corp"))
    stranger = sso.house.person()
    if what == "state":
        other = "s" * len(parse_qs(urlsplit(location).query)["state"][0])
        assert_told(person.get(changed(location, state=other)), 403, EXPIRED)
    elif what == "browser":
        sso.arrive(stranger, client)
        assert_told(stranger.get(location), 403, EXPIRED)
    elif what == "no browser":
        assert_told(stranger.get(location), 403, EXPIRED)
    elif what == "head":
        assert person.http.head(location).status_code == 403
    elif what == "other provider":
        with sso.fails("corp: the person came back to the callback of another provider"):
            assert_told(person.get(location.replace("/callback/corp", "/callback/github")), 400, "can't be trusted")
    stranger.close()
    answer = person.get(location)
    if what == "other provider":
        assert_told(answer, 403, EXPIRED)  # that was the one time
        return
    assert "/consent?" in answer.headers["location"]
    assert_told(person.get(location), 403, EXPIRED)


@pytest.mark.parametrize("issuer", [None, "https://evil.example"], ids=["missing", "of another"])
def test_an_answer_that_is_not_the_providers_is_not_taken(
    issuer: str | None, sso: Sso, client: OAuthClient, person: Person
) -> None:
    """RFC 9207: this provider says that it always sends `iss`."""
    location = sso.come_back(person, sso.leave(person, sso.arrive(person, client), "corp"))
    assert "iss" in parse_qs(urlsplit(location).query)
    with sso.fails("RFC 9207"):
        assert_told(person.get(changed(location, iss=issuer)), 400, "can't be trusted", {"corp", "bent", "github"})


def test_who_cancels_there_is_told_and_can_try_again_on_that_very_page(
    sso: Sso, client: OAuthClient, person: Person
) -> None:
    sent = sso.leave(person, sso.arrive(person, client), "corp")
    page = person.get(sent.headers["location"], sso.corp.issuer)
    aborted = person.get(f"{page.headers['location']}/abort", sso.corp.issuer)
    answer = person.get(aborted.headers["location"], sso.corp.issuer)
    with sso.fails("corp: the provider answered access_denied"):
        told = person.get(answer.headers["location"])
    assert_told(told, 403, "You were not logged in with The Corp: it was cancelled there.", {"corp", "bent", "github"})
    back = person.get(sso.come_back(person, sso.leave(person, told, "corp")))
    assert "/consent?" in back.headers["location"]


def test_who_is_not_allowed_is_told_as_whom_and_may_be_somebody_else(sso: Sso, client: OAuthClient, person: Person) -> None:
    with sso.fails("corp: the mapping does not let them in", f"{sso.corp.issuer}#eve"):
        told = sso.returned(person, client, login="eve")
    assert_told(told, 403, "You are Eve (The Corp), and that account may not come in here.", {"corp", "bent", "github"})
    assert f"to let in {sso.corp.issuer}#eve" in text_of(told.text)
    sent = sso.leave(person, told, "corp")
    assert parse_qs(urlsplit(sent.headers["location"]).query)["prompt"] == ["login"]
    arrived = person.get(sso.come_back(person, sent, "ada"))
    assert "Ada Lovelace" in text_of(person.get(arrived.headers["location"]).text)


def test_use_another_account_asks_the_provider_to_ask(sso: Sso, client: OAuthClient, person: Person) -> None:
    arrived = sso.returned(person, client)
    consent = person.get(arrived.headers["location"])
    (switch,) = [link for link in consent.text.split('"') if "/login?" in link]
    sent = sso.leave(person, person.get(switch.replace("&amp;", "&")), "corp")
    assert parse_qs(urlsplit(sent.headers["location"]).query)["prompt"] == ["login"]
    arrived = person.get(sso.come_back(person, sent, "bob"))
    assert "Bob (The Corp)" in text_of(person.get(arrived.headers["location"]).text)


def test_what_the_mapping_says_counts_at_once_also_for_who_is_connected(sso: Sso, client: OAuthClient) -> None:
    ada, bob = sso.tokens(client), sso.tokens(client, login="bob")
    assert (sso.tools(ada["access_token"]), sso.tools(bob["access_token"])) == (["echo_add"], [])
    try:
        sso.write(CORP.replace("ops: [adder]", "ops: [teller], staff: [adder]"), BENT, GITHUB)
        assert sso.tools(ada["access_token"], 1) == ["echo_add", "echo_time"]
        assert sso.tools(bob["access_token"], 1) == ["echo_add"]
        sso.write(CORP.replace("plan: none", "plan: none\n    blocked: [bob]"), BENT, GITHUB)
        assert sso.tools(bob["access_token"], 1) == 401
        assert sso.tools(ada["access_token"]) == ["echo_add"]
        sso.write(BENT, GITHUB)
        assert sso.tools(ada["access_token"], 1) == 401
    finally:
        sso.write(CORP, BENT, GITHUB)
    assert sso.tools(ada["access_token"], 1) == ["echo_add"]


def test_who_is_out_gets_no_new_token_and_that_ends_the_connection(sso: Sso, client: OAuthClient) -> None:
    bob = sso.tokens(client, login="bob")
    try:
        sso.write(CORP.replace("groups: [staff]", "groups: [ops]"), BENT, GITHUB)
        assert sso.tools(bob["access_token"], 1) == 401
        answer = client.refresh(bob["refresh_token"])
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    finally:
        sso.write(CORP, BENT, GITHUB)
    ada = sso.tokens(client)
    assert sso.tools(ada["access_token"], 1) == ["echo_add"]
    assert sso.tools(bob["access_token"]) == 401, "what ended stays ended"
    assert client.refresh(bob["refresh_token"]).status_code == 400


def test_a_provider_that_is_gone_between_two_steps_takes_nobody_in(sso: Sso, client: OAuthClient, person: Person) -> None:
    page = sso.arrive(person, client)
    location = sso.come_back(person, sso.leave(person, page, "corp"))
    try:
        sso.write(BENT)
        assert_told(person.get(location), 404, "This way to log in is not there any more.", {"bent"})
        assert_told(person.get(ways_of(page.text)["corp"]), 404, "This way to log in is not there any more.", {"bent"})
    finally:
        sso.write(CORP, BENT, GITHUB)


def test_while_the_provider_is_away_who_is_connected_stays_so_and_others_are_told(
    sso: Sso, client: OAuthClient, person: Person
) -> None:
    ada = sso.tokens(client)
    location = sso.come_back(person, sso.leave(person, sso.arrive(person, client), "corp"))
    sso.corp.stop()
    try:
        assert_told(person.get(location), 503, "The Corp can't be reached at the moment.", {"corp", "bent", "github"})
        again = client.refresh(ada["refresh_token"])
        assert again.status_code == 200
        assert sso.tools(again.json()["access_token"]) == ["echo_add"]
    finally:
        sso.corp.start()
    sso.tokens(client)


def test_a_link_of_another_site_begins_no_log_in(sso: Sso, client: OAuthClient, person: Person) -> None:
    way = ways_of(sso.arrive(person, client).text)["corp"]
    assert_told(person.get(way, **{"sec-fetch-site": "cross-site"}), 403, EXPIRED)
    stranger = sso.house.person()
    assert_told(stranger.get(way), 403, EXPIRED)
    stranger.close()
    assert_told(person.get(way.replace("/login/corp", "/login/nobody")), 404, "not there any more")
    assert person.get(way).status_code == 303


def test_the_page_names_providers_and_keeps_the_form_for_passwords(sso: Sso, client: OAuthClient, person: Person) -> None:
    page = sso.arrive(person, client)
    assert "or with a password" in text_of(page.text)
    answer = person.log_in(person.get(client.authorize_path()), "ada", "correct horse battery staple")
    assert "/consent?" in answer.headers["location"]
    policy = page.headers["content-security-policy"]
    assert sso.corp.issuer not in policy, "a link needs no place in form-action"
