"""Log in with GitHub, at a server that behaves as GitHub documents it: known by number, in by organization and team."""

from typing import Any

import pytest

from tests.federation.github_like import CLIENT, GitHubLike
from tests.federation.sso_house import BENT, CORP, GITHUB, Sso, text_of
from tests.mesh import wait_until
from tests.oauth.person import OAuthClient, Person
from tests.oauth.traces import records

ALL = ["echo_add", "echo_echo", "echo_time"]


@pytest.fixture
def github(sso: Sso) -> GitHubLike:
    """The site, with octo of acme/core."""
    found = sso.github
    found.user = {"login": "octo", "id": 583231}
    found.orgs, found.teams, found.emails = ["acme"], [("acme", "core")], []
    found.sends_issuer, found.denies = True, False
    found.asked.clear()
    return found


@pytest.mark.parametrize("sends_issuer", [True, False], ids=["with iss", "without iss"])
def test_a_person_is_known_by_number_and_by_their_teams(
    sends_issuer: bool, sso: Sso, client: OAuthClient, github: GitHubLike
) -> None:
    github.sends_issuer = sends_issuer
    assert sso.tools(sso.tokens(client, "github")["access_token"]) == ALL
    query = github.queries[-1]
    assert {"client_id": CLIENT, "scope": "read:org", "code_challenge_method": "S256"}.items() <= query.items()
    assert github.asked == [
        "/api/v3/user",
        "/api/v3/user/orgs?per_page=100&page=1",
        "/api/v3/user/teams?per_page=100&page=1",
    ]
    subject = f"{github.url}#583231"
    wait_until(
        lambda: ("login", subject) in {(each["code"], each.get("subject")) for each in records(sso.house)},
        "the audit knows the number",
    )


def test_another_person_of_the_same_name_is_another_person(
    sso: Sso, client: OAuthClient, github: GitHubLike, person: Person
) -> None:
    """Names on GitHub are given up and taken anew; numbers are not."""
    try:
        sso.write(CORP, BENT, GITHUB.replace("groups: [acme]", "subjects: ['583231']"))
        github.orgs, github.teams = [], []
        assert sso.returned(person, client, "github").status_code == 303
        github.user = {"login": "octo", "id": 583232}
        answer = sso.returned(person, client, "github")
        assert (answer.status_code, f"{github.url}#583232" in text_of(answer.text)) == (403, True)
    finally:
        sso.write(CORP, BENT, GITHUB)


def test_who_is_in_none_of_the_organizations_is_not_let_in(
    sso: Sso, client: OAuthClient, github: GitHubLike, person: Person
) -> None:
    github.orgs, github.teams = ["acme-fans"], [("other", "acme")]
    answer = sso.returned(person, client, "github")
    assert (answer.status_code, "octo (GitHub)" in text_of(answer.text)) == (403, True)


def test_all_organizations_count_however_many_pages_they_fill(sso: Sso, client: OAuthClient, github: GitHubLike) -> None:
    github.orgs = [*(f"org-{number}" for number in range(150)), "acme"]
    assert sso.tools(sso.tokens(client, "github")["access_token"]) == ALL
    assert [path for path in github.asked if "orgs" in path] == [
        f"/api/v3/user/orgs?per_page=100&page={page}" for page in (1, 2)
    ]


def test_only_the_primary_address_counts_and_only_when_it_is_verified(
    sso: Sso, client: OAuthClient, github: GitHubLike, person: Person
) -> None:
    def is_in(*emails: dict[str, Any]) -> bool:
        github.emails = list(emails)
        return sso.returned(person, client, "github").status_code == 303

    good = {"email": "octo@acme.example", "primary": True, "verified": True}
    try:
        sso.write(CORP, BENT, GITHUB.replace("groups: [acme]", "domains: [acme.example]"))
        assert is_in(good)
        assert github.queries[-1]["scope"] == "read:org user:email"
        assert not is_in(good | {"verified": False})
        assert not is_in(good | {"primary": False})
        assert not is_in(good | {"email": "octo@evil.example"})
        assert not is_in()
        assert is_in({"email": "octo@home.example", "primary": False, "verified": True}, good)
    finally:
        sso.write(CORP, BENT, GITHUB)


@pytest.mark.parametrize(
    ("member", "value", "reason"),
    [
        pytest.param("user", {"login": "octo"}, "did not say who it is", id="no number"),
        pytest.param("user", {"login": "octo", "id": "583231"}, "did not say who it is", id="a number as text"),
        pytest.param("user", [], "did not say who it is", id="no object"),
        pytest.param("denies", True, "access_denied", id="denied"),
        pytest.param("url", "https://evil.example", "RFC 9207", id="iss of another"),
    ],
)
def test_what_is_no_answer_of_github_lets_nobody_in(
    member: str, value: Any, reason: str, sso: Sso, client: OAuthClient, github: GitHubLike, person: Person
) -> None:
    url = github.url
    setattr(github, member, value)
    try:
        with sso.fails(reason):
            answer = sso.returned(person, client, "github")
    finally:
        github.url = url
    assert answer.status_code in (400, 403)
