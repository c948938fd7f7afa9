"""An edge where nobody logs in with a password: straight to the one provider, or to a choice of several."""

from collections.abc import Iterator

import pytest

from tests.federation.sso_house import BENT, CORP, Sso, text_of, ways_of
from tests.oauth.house import OWNER_PASSWORD
from tests.oauth.person import OAuthClient, Person, query_of
from tests.oauth.traces import written

NO_PASSWORDS = "Nobody logs in with a password here."


@pytest.fixture(scope="module")
def third(sso: Sso) -> Iterator[str]:
    """The URL of a further edge of the house, under its public URL, with passwords off and one provider."""
    file = sso.file.with_name("only.yaml")
    file.write_text("providers:" + CORP.format(corp=sso.corp.issuer))
    edge = sso.house.running.start_edge(
        TOOLMESH_ISSUER=sso.house.url,
        TOOLMESH_ALLOWED_HOSTS=sso.house.url.removeprefix("http://"),
        TOOLMESH_PASSWORD_LOGIN="off",
        TOOLMESH_IDENTITY_PROVIDERS_CONFIG=str(file),
    )
    yield edge.url
    process, _ = sso.house.running.edges.pop()
    process.stop()
    assert [secret for secret in sso.house.secrets if secret in process.output()] == []


def test_one_goes_straight_there_and_sees_no_page_of_ours_before_the_consent(
    sso: Sso, client: OAuthClient, person: Person, third: str
) -> None:
    answer = person.get(client.authorize_path(), third)
    sent = person.get(answer.headers["location"], third)
    assert sent.headers["location"].startswith(f"{sso.corp.issuer}/authorize?")
    arrived = person.get(sso.come_back(person, sent), third)
    code = query_of(person.decide(arrived, "allow", third))["code"]
    assert client.exchange(code, third).status_code == 200


def test_who_could_not_be_logged_in_is_told_and_not_sent_round_again(
    sso: Sso, client: OAuthClient, person: Person, third: str
) -> None:
    sent = person.get(person.get(client.authorize_path(), third).headers["location"], third)
    told = person.get(sso.come_back(person, sent, "eve"), third)
    assert (told.status_code, list(ways_of(told.text))) == (403, ["corp"])
    assert "may not come in here" in text_of(told.text)
    assert "password" not in text_of(told.text).lower()
    back = person.get(sso.come_back(person, sso.leave(person, told, "corp", third)), third)
    assert "/consent?" in back.headers["location"]


def test_who_wants_another_account_is_shown_the_way_instead_of_being_logged_in_as_before(
    sso: Sso, client: OAuthClient, person: Person, third: str
) -> None:
    sent = person.get(person.get(client.authorize_path(), third).headers["location"], third)
    arrived = person.get(sso.come_back(person, sent), third)
    consent = person.get(arrived.headers["location"], third)
    (switch,) = [link for link in consent.text.split('"') if "/login?" in link]
    page = person.get(switch.replace("&amp;", "&"), third)
    assert (page.status_code, list(ways_of(page.text))) == (200, ["corp"])


def test_no_password_is_taken_whoever_sends_one(sso: Sso, client: OAuthClient, person: Person, third: str) -> None:
    page = sso.arrive(person, client)
    fields = dict.fromkeys(("csrf", "rid"), "")
    for name in fields:
        fields[name] = page.text.partition(f'name="{name}" value="')[2].partition('"')[0]
    before = written(sso.house)
    answer = person.post("/login", {**fields, "username": "owner", "password": OWNER_PASSWORD}, third)
    assert (answer.status_code, NO_PASSWORDS in text_of(answer.text)) == (403, True)
    assert [name[2] for name in (written(sso.house) - before).elements()] == ["login_failed"]


def test_with_several_providers_one_chooses(sso: Sso, client: OAuthClient, person: Person, third: str) -> None:
    file = sso.file.with_name("only.yaml")
    before = file.read_text()
    process, _ = sso.house.running.edges[-1]
    try:
        for text, ways in ((before + BENT.format(bent=sso.bent.issuer), ["corp", "bent"]), ("providers: []\n", [])):
            sso.rewrite(file, text, process)
            answer = person.get(client.authorize_path(), third)
            page = person.get(answer.headers["location"], third)
            assert (page.status_code, list(ways_of(page.text))) == (200, ways)
            assert "password" not in page.text.lower()
        assert "Nobody can log in here at the moment." in text_of(page.text)
    finally:
        sso.rewrite(file, before, process)
