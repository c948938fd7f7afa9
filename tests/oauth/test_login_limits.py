"""How often a password may be tried, on all edges together, and what a log-in that fails tells: nothing.

The house of these tests locks after 3 tries for an account from an address, 6 for an account, 12 from an address.
"""

import socket
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from shared import log_in_keys
from tests.client import Client
from tests.mesh import wait_until
from tests.oauth.house import PASSWORD, House
from tests.oauth.person import Form, OAuthClient, Person, form_of
from tests.oauth.traces import refused

WINDOW_S = 900


class Guesser:
    """One browser with one request of a client, that tries passwords from any address, at the edges in turn."""

    def __init__(self, at: House, client: OAuthClient, person: Person) -> None:
        self._urls = (at.a.url, at.b.url)
        self._tries = 0
        self._person = person
        self.form = form_of(person.get(person.get(client.authorize_path()).headers["location"]).text)

    def guess(self, username: str, password: str = "a wrong password", address: str = "192.0.2.1") -> httpx2.Response:
        self._tries += 1
        fields = {**self.form.fields, "username": username, "password": password}
        url = self._urls[self._tries % 2]
        return self._person.post(self.form.action, fields, url, **{"x-forwarded-for": address})


@pytest.fixture
def guesser(at: House, client: OAuthClient, person: Person) -> Guesser:
    return Guesser(at, client, person)


def counters(at: House) -> dict[bytes, int]:
    """How long each counter of failures still lives, in ms; -1: for ever."""
    with at.running.broker.client() as redis:
        return {key: redis.pttl(key) for key in redis.scan_iter(log_in_keys.failures("*", "*"))}


def assert_locked(answer: httpx2.Response) -> None:
    assert (answer.status_code, "set-cookie" in answer.headers) == (429, False)
    assert 0 < int(answer.headers["retry-after"]) <= WINDOW_S
    assert form_of(answer.text).names == ("csrf", "rid", "username", "password")


def test_an_account_is_locked_for_an_address_at_every_edge_even_for_the_right_password(at: House, guesser: Guesser) -> None:
    with refused(at, "login_failed", 3):
        assert [guesser.guess("ada").status_code for _ in range(3)] == [401] * 3
    with refused(at, "login_locked", 4):
        for password in ("a wrong password", PASSWORD, PASSWORD, PASSWORD):
            assert_locked(guesser.guess("ada", password))
    assert guesser.guess("ada", PASSWORD, "192.0.2.2").status_code == 303, "from elsewhere one comes in"


def test_another_account_is_not_locked_with_it(guesser: Guesser) -> None:
    assert [guesser.guess("ada").status_code for _ in range(4)] == [401] * 3 + [429]
    assert guesser.guess("bob", PASSWORD).status_code == 303


def test_an_account_is_locked_after_many_tries_from_many_addresses(at: House, guesser: Guesser) -> None:
    with refused(at, "login_failed", 6):
        assert [guesser.guess("ada", address=f"192.0.2.{n}").status_code for n in range(6)] == [401] * 6
    with refused(at, "login_locked"):
        assert_locked(guesser.guess("ada", PASSWORD, "192.0.2.99"))


def test_an_address_is_locked_after_many_tries_for_many_accounts(at: House, guesser: Guesser) -> None:
    assert [guesser.guess(f"user-{n}").status_code for n in range(12)] == [401] * 12
    with refused(at, "login_locked"):
        assert_locked(guesser.guess("ada", PASSWORD))
    assert guesser.guess("ada", PASSWORD, "192.0.2.2").status_code == 303


def test_an_address_of_ipv6_is_its_network(guesser: Guesser) -> None:
    assert [guesser.guess("ada", address=f"2001:db8::{n}").status_code for n in range(4)] == [401] * 3 + [429]
    assert guesser.guess("ada", address="2001:db8:0:1::1").status_code == 401


def test_an_address_that_the_client_makes_up_is_not_believed(guesser: Guesser) -> None:
    """The proxy appends the address that it saw; what stands before it is the client's word."""
    answers = [guesser.guess("ada", address=f"203.0.113.{n}, 192.0.2.1") for n in range(4)]
    assert [answer.status_code for answer in answers] == [401] * 3 + [429]


def test_many_tries_at_once_are_no_way_around(at: House, client: OAuthClient, guesser: Guesser) -> None:
    people = [at.person() for _ in range(8)]
    guessers = [Guesser(at, client, person) for person in people]
    with ThreadPoolExecutor(len(people)) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(lambda each: each.guess("ada"), guessers))
    assert statuses == [401] * 3 + [429] * 5
    for person in people:
        person.close()


def test_a_lock_ends_by_itself_and_tries_do_not_lengthen_it(at: House, guesser: Guesser) -> None:
    for _ in range(3):
        guesser.guess("ada")
    before = counters(at)
    assert len(before) == 3
    assert all(0 < left <= WINDOW_S * 1000 for left in before.values())
    for _ in range(5):
        assert_locked(guesser.guess("ada"))
    after = counters(at)
    assert all(after[key] <= left for key, left in before.items())
    with at.running.broker.client() as redis:
        for key in after:
            redis.pexpire(key, 1)
    wait_until(lambda: not counters(at), "the window is over")
    assert guesser.guess("ada", PASSWORD).status_code == 303


@pytest.fixture(scope="module")
def quick(at: House) -> Client:
    """A third edge, that forgets failures after a second and waits half of one for a form."""
    return at.running.start_edge(TOOLMESH_ISSUER=at.url, TOOLMESH_LOGIN_FAILURE_WINDOW="1", TOOLMESH_BODY_READ_S="0.5")


def test_a_form_that_does_not_come_is_not_waited_for(at: House, quick: Client) -> None:
    port = int(quick.url.rpartition(":")[2])
    head = f"POST /login HTTP/1.1\r\nHost: {at.url[7:]}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    with refused(at, "login_refused"), socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(f"{head}Content-Length: 100\r\n\r\nusername=".encode())
        assert line.recv(4096).startswith(b"HTTP/1.1 408 ")


def test_a_window_is_as_long_as_the_operator_says(at: House, quick: Client, client: OAuthClient, person: Person) -> None:
    form = form_of(person.get(person.get(client.authorize_path()).headers["location"], quick.url).text)

    def guess(password: str) -> int:
        fields = {**form.fields, "username": "ada", "password": password}
        return person.post(form.action, fields, quick.url).status_code

    guess("a wrong password")
    assert all(0 < left <= 1000 for left in counters(at).values())
    wait_until(lambda: guess("a wrong password") == 429, "the account is locked")
    wait_until(lambda: guess(PASSWORD) == 303, "the lock is over")


def test_the_right_password_takes_the_wrong_ones_before_it_back(client: OAuthClient, at: House, guesser: Guesser) -> None:
    assert [guesser.guess("ada").status_code for _ in range(2)] == [401] * 2
    assert guesser.guess("ada", PASSWORD).status_code == 303
    person = at.person()
    again = Guesser(at, client, person)
    assert [again.guess("ada").status_code for _ in range(4)] == [401] * 3 + [429]
    person.close()


def test_whoever_may_not_come_in_sees_the_same(at: House, guesser: Guesser) -> None:
    """Nobody learns whether there is such a user, or whether a disabled one had that password."""
    tries = [
        ("ada", "a wrong password"),
        ("nobody", PASSWORD),
        ("out", PASSWORD),
        ("out", "a wrong password"),
        ("bare", PASSWORD),
        ("ada", ""),
        ("ada", "x" * 3000),
        ("ada\x00", PASSWORD),
        ("Ada", PASSWORD),
        (" ada", PASSWORD),
        ("", ""),
    ]
    with refused(at, "login_failed", len(tries)):
        answers = [guesser.guess(name, password, f"198.51.100.{n}") for n, (name, password) in enumerate(tries)]
    shown = {(answer.status_code, nameless(answer, guesser.form), frozenset(answer.headers)) for answer in answers}
    assert len(shown) == 1
    assert {answer.status_code for answer in answers} == {401}
    assert "set-cookie" not in answers[0].headers
    assert PASSWORD not in answers[0].text


def nameless(answer: httpx2.Response, form: Form) -> str:
    """The page without what the person typed as name, which stands in it again; and where the cursor is."""
    head, _, rest = answer.text.partition('name="username" type="text" value="')
    assert rest, answer.text
    return head + rest.partition('"')[2].replace(" autofocus", "")


def test_more_log_ins_than_an_edge_can_check_are_told_to_come_again_and_count_for_nothing(
    at: House, client: OAuthClient, guesser: Guesser
) -> None:
    limits = {f"TOOLMESH_LOGIN_MAX_FAILURES_PER_{of}": "1000" for of in ("USER", "USER_IP", "IP")}
    busy = at.running.start_edge(
        TOOLMESH_ISSUER=at.url, TOOLMESH_PASSWORD_CHECKS_MAX="1", TOOLMESH_PASSWORD_QUEUE_MAX="1", **limits
    )
    people = [at.person() for _ in range(12)]
    forms = [form_of(each.get(each.get(client.authorize_path()).headers["location"]).text) for each in people]

    def log_in(person: Person, form: Form) -> httpx2.Response:
        return person.post(form.action, {**form.fields, "username": "ada", "password": "wrong"}, busy.url)

    with ThreadPoolExecutor(len(people)) as pool:
        pending = pool.map(log_in, people, forms)
        assert busy.get("/livez").status_code == 200
        answers = list(pending)
    checked = [answer for answer in answers if answer.status_code == 401]
    refused_ones = [answer for answer in answers if answer.status_code == 503]
    assert checked
    assert refused_ones
    assert len(checked) + len(refused_ones) == len(answers)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused_ones)
    with at.running.broker.client() as redis:
        counts = {int(redis.get(key) or 0) for key in counters(at)}
    assert counts == {len(checked)}
    for person in people:
        person.close()
