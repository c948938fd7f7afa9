"""Where an answer may go: only to an address that the client registered, letter by letter (RFC 9700, section 2.1)."""

from typing import Any

import pytest

from tests.oauth.house import House
from tests.oauth.person import CALLBACK, OAuthClient, Person
from tests.oauth.traces import refused

WEB = "https://c.example/cb"
NUMBER = "http://127.0.0.1:3000/cb"
NAME = "http://localhost:3000/cb"
SIX = "http://[::1]:3000/cb"
APP = "com.example.app:/cb"

FOREIGN = {
    WEB: [
        f"{WEB}/../evil",
        f"{WEB}/",
        f"{WEB}?x=1",
        f"{WEB}?",
        f"{WEB}#f",
        f"{WEB}#",
        "https://c.example/CB",
        "https://C.example/cb",
        "HTTPS://c.example/cb",
        "https://c.example/%63b",
        "https://c.example/%2e%2e/cb",
        "https://c.example/./cb",
        "https://c.example//cb",
        "https://c.example@evil.example/cb",
        "https://evil@c.example/cb",
        "https://c.example.evil.example/cb",
        "https://c.example\\@evil.example/cb",
        "https://c.example\\.evil.example/cb",
        "//evil.example/cb",
        "/cb",
        "cb",
        f"{WEB}\x00",
        "https://c.example/c\tb",
        f"{WEB}\n",
        f" {WEB}",
        f"{WEB} ",
        "https://с.example/cb",  # noqa: RUF001 (a Cyrillic letter that looks like ours)
        "https://xn--e1a4c.example/cb",
        "http://c.example/cb",
        "https://c.example:8443/cb",
        "https://c.example:443/cb",
        "https://c.example./cb",
        "javascript:alert(1)",
        "data:text/html,hello",
    ],
    NUMBER: [
        "http://127.0.0.1:51004/other",
        "http://127.0.0.1:51004/cb/",
        "http://127.0.0.1:51004/cb?x=1",
        "http://127.0.0.1:51004/cb#f",
        "http://127.0.0.1.nip.io:3000/cb",
        "http://localhost:3000/cb",
        "http://[::1]:3000/cb",
        "http://127.0.0.2:3000/cb",
        "http://127.1:3000/cb",
        "http://2130706433:3000/cb",
        "http://0x7f000001:3000/cb",
        "http://[::ffff:127.0.0.1]:3000/cb",
        "http://127.0.0.1:3000@evil.example/cb",
        "http://evil@127.0.0.1:3000/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.1:-1/cb",
        "http://127.0.0.1:3a/cb",
        "http://127.0.0.1:3000:3000/cb",
        "https://127.0.0.1:3000/cb",
    ],
    NAME: [
        "http://127.0.0.1:3000/cb",
        "http://localhost.evil.example:3000/cb",
        "http://localhost:3000/",
        "https://localhost/cb",
    ],
    SIX: [
        "http://[::2]:3000/cb",
        "http://[0:0:0:0:0:0:0:1]:3000/cb",
        "http://[::1].evil.example/cb",
        "http://127.0.0.1/cb",
    ],
    APP: ["com.example.app://cb", "com.example.app:/cb/x", "com.example.other:/cb", "COM.example.app:/cb"],
}

OWN = [
    (WEB, WEB),
    (NUMBER, "http://127.0.0.1:51004/cb"),
    (NUMBER, "http://127.0.0.1/cb"),
    (NAME, "http://localhost:51004/cb"),
    (SIX, "http://[::1]:51004/cb"),
    (APP, APP),
]


@pytest.fixture(scope="module")
def clients(at: House) -> dict[str, OAuthClient]:
    """Each with one redirect URI."""
    return {uri: at.client(redirect_uris=[uri]) for uri in FOREIGN}


@pytest.mark.parametrize("registered", FOREIGN)
def test_another_address_gets_a_page_and_no_redirect(
    at: House, person: Person, clients: dict[str, OAuthClient], registered: str
) -> None:
    client, foreign = clients[registered], FOREIGN[registered]
    with refused(at, "authorize_refused", len(foreign)):
        answers = [(uri, person.get(client.authorize_path(redirect_uri=uri))) for uri in foreign]
    seen = {
        uri: (answer.status_code, "location" in answer.headers, "set-cookie" in answer.headers) for uri, answer in answers
    }
    assert seen == dict.fromkeys(foreign, (400, False, False))
    for uri, answer in answers:
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "invalid_request" in answer.text
        assert uri.strip() not in answer.text or uri in ("cb", "/cb"), "nothing of what was sent is quoted"


@pytest.mark.parametrize(("registered", "presented"), OWN)
def test_an_own_address_is_taken_of_loopback_at_any_port(
    person: Person, clients: dict[str, OAuthClient], registered: str, presented: str
) -> None:
    answer = person.get(clients[registered].authorize_path(redirect_uri=presented))
    assert answer.status_code == 303, answer.text
    assert "/login?rid=" in answer.headers["location"]


@pytest.mark.parametrize("count", [1, 2])
def test_the_address_is_always_named_even_where_a_client_has_but_one(at: House, person: Person, count: int) -> None:
    client = at.client(redirect_uris=[f"{CALLBACK}/{number}" for number in range(count)])
    for value in (None, ""):
        with refused(at, "authorize_refused"):
            answer = person.get(client.authorize_path(redirect_uri=value))
        assert (answer.status_code, "location" in answer.headers) == (400, False)


def test_one_of_several_addresses_is_enough_and_one_of_another_client_is_not(at: House, person: Person) -> None:
    client = at.client(redirect_uris=[f"{CALLBACK}/1", f"{CALLBACK}/2"])
    assert person.get(client.authorize_path(redirect_uri=f"{CALLBACK}/2")).status_code == 303
    at.client(redirect_uris=[f"{CALLBACK}/3"])
    with refused(at, "authorize_refused"):
        assert person.get(client.authorize_path(redirect_uri=f"{CALLBACK}/3")).status_code == 400


def test_unknown_clients_all_get_the_same_page(at: House, person: Person, clients: dict[str, OAuthClient]) -> None:
    known = clients[WEB]
    ids = [
        None,
        "",
        "tmc_unknown",
        known.client_id[:-1],
        known.client_id + "x",
        known.client_id.upper(),
        "../../x",
        "*",
        "x" * 4000,
    ]
    with refused(at, "authorize_refused", len(ids)):
        answers = [person.get(known.authorize_path(client_id=each)) for each in ids]
    wrong_address = person.get(known.authorize_path(redirect_uri="https://evil.example/cb"))
    assert {(answer.status_code, answer.text) for answer in answers} == {(400, wrong_address.text)}
    assert not any("location" in answer.headers for answer in answers)


def test_what_else_is_wrong_does_not_turn_a_foreign_address_into_a_redirect(
    at: House, person: Person, clients: dict[str, OAuthClient]
) -> None:
    wrong: list[dict[str, Any]] = [
        {"response_type": "token"},
        {"response_type": None},
        {"code_challenge": None},
        {"scope": "admin"},
        {"resource": "https://other.example/mcp"},
        {"response_mode": "fragment"},
        {"request": "x"},
        {"prompt": "none"},
    ]
    with refused(at, "authorize_refused", len(wrong)):
        answers = [
            person.get(clients[WEB].authorize_path(redirect_uri="https://evil.example/cb", **change)) for change in wrong
        ]
    assert [(answer.status_code, answer.headers.get("location")) for answer in answers] == [(400, None)] * len(wrong)
