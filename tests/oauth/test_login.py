"""The log-in form: whom it lets in, from which pages, and what cookie a browser holds (RFC 9700 section 4.7)."""

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import httpx2
import pytest

from tests.oauth.house import OWNER_PASSWORD, PASSWORD, House
from tests.oauth.person import ODD_NAME, ODD_PASSWORD, Form, OAuthClient, Person, form_of
from tests.oauth.traces import refused

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def form(client: OAuthClient, person: Person) -> Form:
    """The log-in form of a request of `client`, in the browser of `person`."""
    return form_of(person.get(person.get(client.authorize_path()).headers["location"]).text)


@pytest.fixture
def stranger(at: House) -> Iterator[Person]:
    """Another browser."""
    found = at.person()
    yield found
    found.close()


def send(person: Person, body: bytes, kind: str = FORM, **headers: str) -> httpx2.Response:
    return person.http.post(f"{person.url}/login", content=body, headers={"content-type": kind, **headers})


def cookie(person: Person) -> str:
    """What the browser holds."""
    (found,) = person.http.cookies.jar
    return found.value or ""


def leads_to(answer: httpx2.Response) -> str:
    assert answer.status_code == 303, answer.text
    return urlsplit(answer.headers["location"]).path


@pytest.mark.parametrize(
    ("username", "password"),
    [("ada", PASSWORD), ("owner", OWNER_PASSWORD), (ODD_NAME, ODD_PASSWORD)],
    ids=["ada", "owner", "odd"],
)
def test_a_user_comes_in_whatever_the_name_and_password_are_made_of(
    person: Person, form: Form, username: str, password: str
) -> None:
    assert set(form.names) == {"csrf", "rid", "username", "password"}
    answer = person.post(form.action, {**form.fields, "username": username, "password": password})
    assert leads_to(answer) == "/consent"
    assert username.replace('"', "&#34;") in person.get(answer.headers["location"]).text


def test_a_form_is_read_as_browsers_write_it(person: Person, form: Form) -> None:
    """Bytes that Chromium sends for it: blanks as +, `*-._` as they are, everything else as UTF-8 behind percent signs."""
    name, password = b"j%C3%BCrgen+%22j%22+%5C+%E2%9C%93", b"p%C3%A4ssw%C3%B6rd+%22%5C+%E2%9C%93%2B%25%26%3D+"
    assert [unquote_plus(each.decode()) for each in (name, password)] == [ODD_NAME, ODD_PASSWORD]
    body = urlencode(form.fields).encode() + b"&username=" + name + b"&password=" + password
    answer = send(person, body, f"{FORM}; charset=UTF-8", origin="null", **{"sec-fetch-site": "same-origin"})
    assert leads_to(answer) == "/consent"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param(lambda body: (body + b"&username=bob", FORM), 400, id="a name twice"),
        pytest.param(lambda body: (body + b"&password=", FORM), 400, id="a password twice, once empty"),
        pytest.param(lambda body: (body + b"&rid=x", FORM), 400, id="a request twice"),
        pytest.param(lambda body: (body.replace(b"username=ada", b"username=%ff"), FORM), 400, id="no UTF-8"),
        pytest.param(lambda body: (body.replace(b"username=ada", b"username=\xc3\xa4"), FORM), 400, id="no ASCII"),
        pytest.param(lambda body: (body + b"&x=1" * 70, FORM), 400, id="too many fields"),
        pytest.param(lambda body: (body + b"&y=" + b"x" * 9000, FORM), 400, id="too long a field"),
        pytest.param(lambda body: (body + b"&y=" + b"x" * 17_000, FORM), 413, id="too long a form"),
        pytest.param(lambda body: (body, "text/plain"), 400, id="plain text"),
        pytest.param(lambda body: (b"{}", "application/json"), 400, id="JSON"),
        pytest.param(lambda body: (body, f"multipart/form-data; boundary={'x' * 20}"), 400, id="multipart"),
        pytest.param(lambda body: (b"", FORM), 403, id="nothing"),
    ],
)
def test_a_form_that_can_not_be_read_gets_a_page(
    at: House, person: Person, form: Form, change: Callable[[bytes], tuple[bytes, str]], status: int
) -> None:
    body, kind = change(urlencode({**form.fields, "username": "ada", "password": PASSWORD}).encode())
    with refused(at, "login_refused"):
        answer = send(person, body, kind)
    assert (answer.status_code, answer.headers.get("location"), answer.headers.get("set-cookie")) == (status, None, None)


def foreign_tokens(at: House, client: OAuthClient, person: Person, form: Form, stranger: Person) -> list[dict[str, Any]]:
    """Fields that are not those of the form, each with what is wrong about them."""
    second = form_of(person.get(person.get(client.authorize_path()).headers["location"]).text)
    others = form_of(stranger.get(stranger.get(client.authorize_path()).headers["location"]).text)
    return [
        {"csrf": None},
        {"csrf": ""},
        {"csrf": "0" * 64},
        {"csrf": form.fields["csrf"][:-1]},
        {"csrf": form.fields["csrf"].upper() + "é"},
        {"csrf": second.fields["csrf"]},
        {"csrf": others.fields["csrf"]},
        {"rid": None},
        {"rid": "x" * 32},
        {"rid": "x" * 5000},
        {"rid": second.fields["rid"]},
        others.fields,
    ]


def test_only_the_form_that_this_browser_was_shown_logs_in(
    at: House, client: OAuthClient, person: Person, form: Form, stranger: Person
) -> None:
    own = {**form.fields, "username": "ada", "password": PASSWORD}
    wrong = foreign_tokens(at, client, person, form, stranger)
    headers: list[dict[str, str]] = [
        {"origin": "https://evil.example"},
        {"origin": at.b.url},
        {"origin": f"{at.url}.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": at.url, "sec-fetch-site": "cross-site"},
        {"cookie": ""},
        {"cookie": "toolmesh=" + "x" * 43},
        {"cookie": "toolmesh=short"},
        {"cookie": f"toolmesh={cookie(stranger)}"},
    ]
    with refused(at, "login_refused", len(wrong) + len(headers) + 1):
        answers = [
            person.post(form.action, {k: v for k, v in {**own, **change}.items() if v is not None}) for change in wrong
        ]
        answers += [person.post(form.action, own, **more) for more in headers]
        answers.append(stranger.post(form.action, own))
    seen = [(answer.status_code, answer.headers.get("location"), answer.headers.get("set-cookie")) for answer in answers]
    assert seen == [(403, None, None)] * len(answers)
    assert leads_to(person.post(form.action, own, origin=at.url, **{"sec-fetch-site": "same-origin"})) == "/consent"


def test_a_browser_gets_another_cookie_when_somebody_logs_in(at: House, client: OAuthClient, person: Person) -> None:
    """A cookie that was there before, whoever put it there, opens nothing (session fixation)."""
    planted = "p" * 43
    person.http.cookies.set("toolmesh", planted, domain="127.0.0.1", path="/")
    waiting = person.get(client.authorize_path())
    answer = person.log_in(waiting, "ada", PASSWORD)
    person.http.cookies.delete("toolmesh", domain="127.0.0.1", path="/")
    renewed = answer.cookies["toolmesh"]
    assert renewed != planted
    thief = at.person()
    thief.http.cookies.set("toolmesh", planted, domain="127.0.0.1", path="/")
    with refused(at, "consent_refused"):
        assert thief.get(answer.headers["location"]).status_code == 403
    with refused(at, "login_refused"):
        assert thief.get(waiting.headers["location"]).status_code == 403
    assert leads_to(thief.get(client.authorize_path())) == "/login"
    thief.close()


def test_who_logs_in_as_somebody_else_is_no_longer_the_one_before(at: House, client: OAuthClient, person: Person) -> None:
    answer = person.log_in(person.get(client.authorize_path()), "ada", PASSWORD)
    former, page = cookie(person), person.get(answer.headers["location"]).text
    switch = re.search(r'href="([^"]*)">Use another account', page)
    assert switch is not None
    form = form_of(person.get(switch[1]).text)
    answer = person.post(form.action, {**form.fields, "username": "bob", "password": PASSWORD})
    assert "<bdi>bob</bdi>" in person.get(answer.headers["location"]).text
    with refused(at, "consent_refused"):  # the form that was shown to ada
        adas = form_of(page)
        assert person.post(adas.action, {**adas.fields, "decision": "allow"}).status_code == 403
    assert leads_to(person.get(client.authorize_path(), cookie=f"toolmesh={former}")) == "/login"


def test_a_cookie_that_is_not_ours_is_replaced(client: OAuthClient, person: Person) -> None:
    for value in ("", "short", "x" * 44, "ü" * 43, "a" * 42 + "="):
        answer = person.http.get(person.url + client.authorize_path(), headers={b"cookie": f"toolmesh={value}".encode()})
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", answer.cookies["toolmesh"]), value


def test_the_cookie_is_for_this_host_and_no_script(at: House, client: OAuthClient) -> None:
    secure = at.running.start_edge(TOOLMESH_ISSUER="https://mesh.example", TOOLMESH_ALLOWED_HOSTS=at.url[7:])
    client = OAuthClient(at.url, client.client_id, resource="https://mesh.example/mcp")
    attributes = "Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"
    for edge, name, more in ((at.a, "toolmesh", ""), (secure, "__Host-toolmesh", "; Secure")):
        person = Person(edge.url, at.secrets)
        answer = person.get(client.authorize_path(resource=None))
        given = answer.headers["set-cookie"]
        assert re.fullmatch(rf"{name}=[A-Za-z0-9_-]{{43}}; {attributes}{more}", given)
        kept = {"cookie": given.partition(";")[0]}  # over plain HTTP no browser sends it back
        page = person.get(answer.headers["location"], **kept)
        assert page.headers.get("strict-transport-security") == ("max-age=31536000" if more else None)
        form = form_of(page.text)
        answer = person.post(form.action, {**form.fields, "username": "ada", "password": PASSWORD}, **kept)
        assert leads_to(answer) == "/consent"
        assert re.fullmatch(rf"{name}=[A-Za-z0-9_-]{{43}}; {attributes}{more}", answer.headers["set-cookie"])
        assert answer.headers["set-cookie"] != given
        person.close()


def test_any_edge_takes_any_step(at: House, client: OAuthClient, person: Person) -> None:
    a, b = at.a.url, at.b.url
    form = form_of(person.get(person.get(client.authorize_path(), b).headers["location"], a).text)
    answer = person.post(form.action, {**form.fields, "username": "ada", "password": PASSWORD}, b)
    page = form_of(person.get(answer.headers["location"], a).text)
    answer = person.post(page.action, {**page.fields, "decision": "allow"}, b)
    code = dict(parse_qsl(urlsplit(answer.headers["location"]).query))["code"]
    assert client.exchange(code, a).status_code == 200
