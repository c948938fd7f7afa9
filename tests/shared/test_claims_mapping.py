"""Who somebody is here, by what another server says of them: nobody who is not named, never by what may be another's."""

from typing import Any

import pytest

from shared.claims_mapping import (
    GROUPS_MAX,
    Allowed,
    ClaimsMapping,
    ClaimsRefused,
    has_groups,
    identity_of,
    principal_of,
    problems_of_mapping,
)
from shared.foreign_identity import ForeignIdentity
from shared.identity import Principal
from shared.usernames import problem_of

ISSUER = "https://idp.example"
EVERYONE = Allowed(everyone=True)
ADA = {"sub": "ada-1", "name": "Ada", "email": "Ada@Host.Example", "email_verified": True, "groups": ["staff", "ops"]}


def who(claims: dict[str, Any], mapping: ClaimsMapping) -> Principal | None:
    """The principal that claims lead to."""
    return principal_of(identity_of(claims, ISSUER, mapping), mapping, caller_id="client")


def test_groups_give_roles_and_a_plan_and_the_rest_is_as_the_mapping_says() -> None:
    mapping = ClaimsMapping(
        roles={"ops": ("operator", "reader"), "staff": ("reader",), "board": ("boss",)},
        plans={"board": "max", "ops": "pro", "staff": "basic"},
        company="acme",
        allow=Allowed(groups=("staff",)),
    )
    found = who(ADA, mapping)
    assert found == Principal(
        tenant="acme",
        subject="https://idp.example#ada-1",
        roles=("operator", "reader"),
        plan="pro",
        caller_id="client",
    )
    assert who({"sub": "eve", "groups": ["staff"]}, mapping) == Principal(
        tenant="acme", subject="https://idp.example#eve", roles=("reader",), plan="basic", caller_id="client"
    )


def test_nobody_may_come_in_where_nothing_says_who() -> None:
    assert who(ADA, ClaimsMapping(roles={"ops": ("admin",)})) is None
    assert [key for key, _ in problems_of_mapping(ClaimsMapping())] == ["allow"]


@pytest.mark.parametrize(
    ("allow", "let_in"),
    [
        pytest.param(Allowed(everyone=True), True, id="everyone"),
        pytest.param(Allowed(groups=("ops",)), True, id="group"),
        pytest.param(Allowed(groups=("OPS", "op", "")), False, id="other group"),
        pytest.param(Allowed(emails=("ADA@host.example",)), True, id="e-mail in another case"),
        pytest.param(Allowed(emails=("eve@host.example",)), False, id="other e-mail"),
        pytest.param(Allowed(domains=("HOST.example",)), True, id="domain"),
        pytest.param(Allowed(domains=("example", "t.example", "host.example.org")), False, id="part of a domain"),
        pytest.param(Allowed(subjects=("ada-1",)), True, id="subject"),
        pytest.param(Allowed(subjects=("Ada-1",)), False, id="other subject"),
    ],
)
def test_who_fits_one_line_of_allow_may_come_in(allow: Allowed, let_in: bool) -> None:
    assert (who(ADA, ClaimsMapping(allow=allow)) is not None) is let_in


def test_who_is_blocked_is_out_whatever_allows_it() -> None:
    for allow in (EVERYONE, Allowed(groups=("ops",)), Allowed(subjects=("ada-1",))):
        assert who(ADA, ClaimsMapping(allow=allow, blocked=("ada-1",))) is None
        assert who(ADA, ClaimsMapping(allow=allow, blocked=("ada",))) is not None


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"email_verified": False}, id="not verified"),
        pytest.param({"email_verified": None}, id="nothing said"),
        pytest.param({"email_verified": 1}, id="no boolean"),
        pytest.param({"email_verified": "yes"}, id="another word"),
        pytest.param({"email": "ada@\u212aost.example", "email_verified": True}, id="letter that becomes an ASCII one"),
        pytest.param({"email": "@host.example", "email_verified": True}, id="no name"),
        pytest.param({"email": "host.example", "email_verified": True}, id="no at sign"),
        pytest.param({"email": ["ada@host.example"], "email_verified": True}, id="a list"),
        pytest.param({"email": "ada@host.example\n", "email_verified": True}, id="line end"),
    ],
)
def test_an_address_counts_only_where_the_issuer_verified_it(said: dict[str, Any]) -> None:
    mapping = ClaimsMapping(allow=Allowed(emails=("ada@host.example",), domains=("host.example", "kost.example")))
    assert who({"sub": "x", "email": "ada@host.example", **said}, mapping) is None


def test_what_stands_before_the_last_at_sign_is_no_domain() -> None:
    mapping = ClaimsMapping(allow=Allowed(domains=("host.example",)))
    assert who({"sub": "x", "email": '"a@host.example"@evil.example', "email_verified": True}, mapping) is None


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({}, id="none"),
        pytest.param({"sub": ""}, id="empty"),
        pytest.param({"sub": None}, id="null"),
        pytest.param({"sub": True}, id="boolean"),
        pytest.param({"sub": ["ada"]}, id="list"),
        pytest.param({"sub": "a" * 256}, id="too long"),
        pytest.param({"sub": " ada"}, id="space in front"),
        pytest.param({"sub": "ada\u0000"}, id="control character"),
        pytest.param({"sub": "ada\u202e"}, id="invisible character"),
    ],
)
def test_who_has_no_usable_subject_is_nobody(claims: dict[str, Any]) -> None:
    with pytest.raises(ClaimsRefused):
        identity_of(claims, ISSUER, ClaimsMapping(allow=EVERYONE))


def test_a_number_is_a_subject_as_it_is_written() -> None:
    found = identity_of({"id": 583231}, "https://github.com", ClaimsMapping(subject_claim="id"))
    assert found.username == "https://github.com#583231"


def test_groups_may_stand_deeper_or_under_a_name_with_dots_or_alone() -> None:
    mapping = ClaimsMapping(groups_claim="realm_access.roles")
    assert identity_of({"sub": "x", "realm_access": {"roles": ["a", "b"]}}, ISSUER, mapping).groups == ("a", "b")
    assert identity_of({"sub": "x", "realm_access": "a"}, ISSUER, mapping).groups == ()
    dotted = ClaimsMapping(groups_claim="https://app.example/roles")
    assert identity_of({"sub": "x", "https://app.example/roles": "a b"}, ISSUER, dotted).groups == ("a b",)
    assert has_groups({"groups": []}, ClaimsMapping())
    assert not has_groups({"sub": "x"}, ClaimsMapping())


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"groups": {"ops": True}}, id="a mapping"),
        pytest.param({"groups": ["ops", 1]}, id="a number among them"),
        pytest.param({"_claim_names": {"groups": "src1"}}, id="too many to be told"),
    ],
)
def test_groups_that_cannot_be_read_let_nobody_in(claims: dict[str, Any]) -> None:
    with pytest.raises(ClaimsRefused):
        identity_of({"sub": "x", **claims}, ISSUER, ClaimsMapping(allow=EVERYONE))


def test_of_very_many_groups_those_are_kept_that_the_mapping_names() -> None:
    many = [f"g{number}" for number in range(GROUPS_MAX)]
    mapping = ClaimsMapping(roles={"role": ("r",)}, plans={"plan": "pro"}, allow=Allowed(groups=("in",)))
    found = identity_of({"sub": "x", "groups": [*many, "role", "plan", "in", "in", "g" * 257, ""]}, ISSUER, mapping)
    assert len(found.groups) == GROUPS_MAX
    assert found.groups[:4] == ("role", "plan", "in", "g0")


def test_whoever_it_is_that_was_vouched_for_is_never_the_owner_nor_a_user_of_this_server() -> None:
    mapping = ClaimsMapping(roles={"owner": ("owner",)}, allow=EVERYONE)
    found = who({"sub": "owner", "name": "owner", "groups": ["owner"], "owner": True}, mapping)
    assert found is not None
    assert (found.owner, found.anonymous, found.subject) == (False, False, "https://idp.example#owner")
    for name in ("https://idp.example#owner", "HTTP://127.0.0.1#1", "\uff48ttps://idp.example#owner"):
        assert problem_of(name) is not None, name
    assert problem_of("https") is None


def test_the_same_subject_of_two_issuers_is_two_people() -> None:
    one, other = (ForeignIdentity(issuer=each, subject="1#2") for each in ("https://a.example", "https://a.example/2"))
    assert one.username != other.username


@pytest.mark.parametrize(
    ("mapping", "key", "named"),
    [
        pytest.param(ClaimsMapping(subject_claim="email", allow=EVERYONE), "subject_claim", "`email`", id="e-mail"),
        pytest.param(ClaimsMapping(plan="", allow=EVERYONE), "plan", "empty", id="no plan"),
        pytest.param(ClaimsMapping(roles={"g": ()}, allow=EVERYONE), "roles", "nothing", id="no role"),
        pytest.param(ClaimsMapping(roles={"g": ("",)}, allow=EVERYONE), "roles", "nothing", id="empty role"),
        pytest.param(ClaimsMapping(plans={"g": ""}, allow=EVERYONE), "plans", "nothing", id="empty plan"),
        pytest.param(ClaimsMapping(plans={"": "pro"}, allow=EVERYONE), "plans", "group's name", id="empty group"),
        pytest.param(ClaimsMapping(blocked=("",), allow=EVERYONE), "blocked", "empty", id="empty subject"),
        pytest.param(ClaimsMapping(allow=Allowed(everyone=True, groups=("a",))), "allow", "everyone", id="both"),
        pytest.param(ClaimsMapping(allow=Allowed(groups=("",))), "allow", "`groups`", id="empty name"),
        pytest.param(ClaimsMapping(allow=Allowed(emails=("ada",))), "allow", "`ada`", id="no address"),
        pytest.param(ClaimsMapping(allow=Allowed(domains=("*.host.example",))), "allow", "`*.host.example`", id="glob"),
        pytest.param(ClaimsMapping(allow=Allowed(domains=("@host.example",))), "allow", "`@host.example`", id="at sign"),
    ],
)
def test_what_a_mapping_cannot_mean_is_told(mapping: ClaimsMapping, key: str, named: str) -> None:
    ((found_key, text),) = problems_of_mapping(mapping)
    assert (found_key, named in text) == (key, True), text


def test_a_mapping_that_says_what_it_means_is_left_alone() -> None:
    mapping = ClaimsMapping(
        roles={"g": ("r",)},
        plans={"g": "pro"},
        allow=Allowed(groups=("g",), emails=("a@host.example",), domains=("host.example",), subjects=("1",)),
    )
    assert list(problems_of_mapping(mapping)) == []
