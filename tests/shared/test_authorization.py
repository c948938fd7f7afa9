"""Who may use what: rules count together, deny wins, nothing matched means no, and what is remembered changes nothing."""

import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shared.authorization
from shared.authorization import Authorization, Evaluator, Rule, name_asked, resources_of
from shared.clock import BrokerClock
from shared.identity import Principal
from shared.messages import CallClass
from shared.patterns import NAME_CHARS_MAX
from tests.contract.hop import make_call

RULES = Authorization(
    plans={
        "pro": Rule(allow=("**",)),
        "free": Rule(allow=("echo_echo", "access:read"), deny=("github_*",)),
        "none": Rule(),
    },
    roles={
        "admin": Rule(allow=("github_*", "mail_*")),
        "intern": Rule(deny=("access:write",)),
        "nosy": Rule(allow=("up_?et",)),
    },
    companies={"acme": Rule(allow=("acme_*",), deny=("mail_send",))},
    users={"ada": Rule(allow=("mail_send",)), "bob": Rule(allow=("**",), deny=("**",))},
    anonymous=Rule(allow=("echo_*", "access:idempotent"), deny=("echo_time",)),
)


def who(plan: str = "unknown", company: str = "default", user: str = "eve", roles: Sequence[str] = ()) -> Principal:
    return Principal(subject=user, tenant=company, plan=plan, roles=tuple(roles))


OWNER = Principal(subject="owner", owner=True)
NOBODY = Principal(subject="anonymous", anonymous=True)


@pytest.mark.parametrize(
    ("principal", "name", "access", "expected"),
    [
        (OWNER, "anything_at_all", "write", True),
        (OWNER, "", "write", True),
        (who(), "echo_echo", "read", False),
        (who("pro"), "mail_send", "write", True),
        (who("free"), "echo_echo", "write", True),
        (who("free"), "echo_add", "read", True),
        (who("free"), "echo_add", "idempotent", False),
        (who("free"), "echo_add", "write", False),
        (who("free"), "github_get", "read", False),
        (who("none"), "echo_echo", "read", False),
        (who("Free"), "echo_echo", "read", False),
        # Rules count together, and deny wins wherever it stands.
        (who("free", roles=["admin"]), "github_get", "read", False),
        (who(roles=["admin"]), "github_get", "read", True),
        (who("free", roles=["admin"]), "mail_read", "write", True),
        (who("pro", roles=["intern"]), "mail_read", "write", False),
        (who("pro", roles=["intern"]), "mail_read", "idempotent", True),
        (who("pro", "acme"), "mail_send", "write", False),
        (who("pro", "acme", "ada"), "mail_send", "write", False),
        (who(user="ada"), "mail_send", "write", True),
        (who("free", "acme"), "acme_list", "write", True),
        (who("pro", user="bob"), "echo_echo", "read", False),
        (who(roles=["nosy"]), "up_get", "write", True),
        (who(roles=["nosy"]), "up_gett", "write", False),
        # A name of one kind is none of another.
        (who(user="pro"), "mail_send", "write", False),
        (who(company="pro"), "mail_send", "write", False),
        (who(roles=["pro", "ada", "acme"]), "mail_send", "write", False),
        # Nobody is not somebody.
        (NOBODY, "echo_echo", "write", True),
        (NOBODY, "echo_time", "read", False),
        (NOBODY, "up_get", "read", False),
        (NOBODY, "up_get", "idempotent", True),
        (msgspec.structs.replace(NOBODY, plan="pro", roles=("admin",), subject="ada"), "mail_send", "write", False),
        (msgspec.structs.replace(NOBODY, owner=True), "mail_send", "write", False),
        (msgspec.structs.replace(who("pro"), caller_class="trusted", caller_name="x", scopes=()), "a_b", "write", True),
    ],
)
def test_who_may_use_what(principal: Principal, name: str, access: CallClass, expected: bool) -> None:
    evaluator = Evaluator(RULES)
    assert evaluator.may_use(principal, name, access) is expected
    assert evaluator.may_use(principal, name, access) is expected, "and once more, from memory"
    judge = evaluator.judge(principal)
    assert (judge(name, access), judge(name, access)) == (expected, expected)
    assert evaluator.judge(principal)(name, access) is expected


@pytest.mark.parametrize("principal", [who("pro"), who("free", "acme", "ada", ["admin"]), NOBODY])
def test_without_rules_the_owner_may_use_everything_and_nobody_else_anything(principal: Principal) -> None:
    evaluator = Evaluator(Authorization())
    assert not evaluator.may_use(principal, "echo_echo", "read")
    assert not evaluator.may_reach(principal, "echo")
    assert evaluator.may_use(OWNER, "echo_echo", "read")
    assert evaluator.may_reach(OWNER, "echo")


def test_a_caller_of_empty_names_is_not_the_anonymous_one() -> None:
    evaluator = Evaluator(Authorization(anonymous=Rule(allow=("**",))))
    empty = Principal(subject="", tenant="", plan="")
    for _ in range(2):
        assert evaluator.may_use(NOBODY, "a_b", "read")
        assert not evaluator.may_use(empty, "a_b", "read")


def test_resources_have_one_name_for_each_backend_and_are_read() -> None:
    evaluator = Evaluator(
        Authorization(plans={"a": Rule(allow=("notes_resources",)), "b": Rule(allow=("access:read",), deny=("notes_*",))})
    )
    assert resources_of("notes") == "notes_resources"
    assert [evaluator.may_reach(who("a"), backend) for backend in ("notes", "mail", "note")] == [True, False, False]
    assert [evaluator.may_reach(who("b"), backend) for backend in ("notes", "mail")] == [False, True]


def test_a_name_that_is_too_long_is_no_and_is_not_remembered() -> None:
    evaluator = Evaluator(RULES)
    assert not evaluator.may_use(who("pro"), "a" * (NAME_CHARS_MAX + 1), "read")
    assert evaluator.may_use(who("pro"), "a" * NAME_CHARS_MAX, "read")


@pytest.mark.parametrize(
    ("name", "access"), [(["a_b"], "read"), (None, "read"), (b"a_b", "read"), ("a_b", "delete"), ("a_b", None), ("a_b", [])]
)
def test_any_error_in_a_check_means_no(name: Any, access: Any) -> None:
    assert Evaluator(RULES).may_use(who("free", roles=["admin"]), name, access) is False


@pytest.mark.parametrize("member", ["plan", "roles", "tenant", "subject"])
def test_a_principal_that_can_not_be_looked_up_may_use_nothing(member: str) -> None:
    broken = msgspec.structs.replace(who("pro"), **{member: [{}]})
    assert Evaluator(RULES).may_use(broken, "echo_echo", "read") is False


NAMES = st.sampled_from(["a_x", "a_y", "b_x", "b_resources", "ab_x"])
CLASSES = st.sampled_from(["read", "idempotent", "write"])
PATTERNS = st.lists(st.sampled_from(["a_x", "a_*", "*_x", "**", "?_*", "access:read", "access:write", "b_?"]), max_size=3)
ONE = st.builds(lambda allow, deny: Rule(allow=tuple(allow), deny=tuple(deny)), PATTERNS, PATTERNS)
TABLE = st.dictionaries(st.sampled_from(["p", "q", "r"]), ONE, max_size=3)
FILES = st.builds(
    lambda plans, roles, companies, users, nobody: Authorization(
        plans=plans, roles=roles, companies=companies, users=users, anonymous=nobody
    ),
    *(TABLE, TABLE, TABLE, TABLE, st.none() | ONE),
)
WHO = st.sampled_from(["p", "q", "r", "s"])
PRINCIPALS = st.builds(
    lambda plan, company, user, roles, anonymous: Principal(
        plan=plan, tenant=company, subject=user, roles=tuple(roles), anonymous=anonymous
    ),
    *(WHO, WHO, WHO, st.lists(WHO, max_size=3), st.booleans()),
)


@given(FILES, PRINCIPALS, NAMES, CLASSES)
def test_what_a_rule_denies_nothing_allows(file: Authorization, principal: Principal, name: str, access: Any) -> None:
    denied = msgspec.structs.replace(
        file,
        users={**file.users, principal.subject: Rule(allow=("**",), deny=(name,))},
        anonymous=Rule(allow=("**",), deny=(name,)),
    )
    assert not Evaluator(denied).may_use(principal, name, access)


@given(FILES, PRINCIPALS, NAMES, CLASSES)
def test_a_further_deny_never_allows_and_a_further_allow_never_denies(
    file: Authorization, principal: Principal, name: str, access: Any
) -> None:
    before = Evaluator(file).may_use(principal, name, access)

    def widened(**further: tuple[str, ...]) -> bool:
        tables: dict[str, Any] = {}
        for table in ("plans", "roles", "companies", "users"):
            rules = {who: getattr(file, table).get(who, Rule()) for who in "pqrs"}
            tables[table] = {
                who: Rule(allow=rule.allow + further.get("allow", ()), deny=rule.deny + further.get("deny", ()))
                for who, rule in rules.items()
            }
        return Evaluator(Authorization(anonymous=file.anonymous, **tables)).may_use(principal, name, access)

    assert widened(deny=("a_*", "access:read")) <= before
    assert before <= widened(allow=("a_*", "access:read"))


@given(FILES, PRINCIPALS, NAMES, CLASSES, st.randoms(use_true_random=False))
def test_the_order_of_rules_roles_and_patterns_does_not_matter(
    file: Authorization, principal: Principal, name: str, access: Any, chance: random.Random
) -> None:
    def shuffled(items: Any) -> list[Any]:
        found = list(items)
        chance.shuffle(found)
        return found

    def turned(table: Any) -> dict[str, Rule]:
        return {
            who: Rule(allow=tuple(shuffled(rule.allow)), deny=tuple(shuffled(rule.deny)))
            for who, rule in shuffled(table.items())
        }

    other = msgspec.structs.replace(
        file,
        plans=turned(file.plans),
        roles=turned(file.roles),
        companies=turned(file.companies),
        users=turned(file.users),
    )
    same = msgspec.structs.replace(principal, roles=tuple(shuffled(principal.roles * 2)))
    assert Evaluator(file).may_use(principal, name, access) is Evaluator(other).may_use(same, name, access)


@given(FILES, st.lists(st.tuples(PRINCIPALS, NAMES, CLASSES), max_size=30))
def test_what_is_remembered_never_changes_an_answer(
    file: Authorization, questions: list[tuple[Principal, str, CallClass]]
) -> None:
    evaluator = Evaluator(file)
    for principal, name, access in questions * 2:
        assert evaluator.may_use(principal, name, access) is Evaluator(file).may_use(principal, name, access)


def test_what_is_remembered_is_bounded_and_forgetting_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.authorization, "_VERDICTS_MAX", 50)
    monkeypatch.setattr(shared.authorization, "_CALLERS_MAX", 5)
    monkeypatch.setattr(shared.authorization, "_RULESETS_MAX", 2)
    evaluator = Evaluator(RULES)
    for number in range(300):
        ada = who("free", user=f"ada-{number % 11}", roles=["admin"] if number % 3 else [])
        assert evaluator.may_use(ada, f"mail_{number % 70}", "write") is bool(number % 3)
        verdicts = [said for rules in evaluator._rulesets.values() for said in rules.verdicts.values()]
        assert sum(map(len, verdicts)) <= 50
        assert len(evaluator._callers) <= 5
        assert len(evaluator._rulesets) <= 2


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"tool": "add"}, "echo_add"),
        ({"method": "prompts/get", "tool": "greet"}, "echo_greet"),
        ({"method": "resources/read", "tool": "x://1"}, "echo_resources"),
        (
            {"method": "completion/complete", "tool": "p", "arguments": b'{"ref":{"type":"ref/prompt","name":"p"}}'},
            "echo_p",
        ),
        (
            {"method": "completion/complete", "tool": "x://{n}", "arguments": b'{"ref":{"type":"ref/resource","uri":"x"}}'},
            "echo_resources",
        ),
        ({"method": "completion/complete", "arguments": b'{"ref":{"type":"ref/tool"}}'}, ""),
        ({"method": "completion/complete", "arguments": b'{"ref":[]}'}, ""),
        ({"method": "completion/complete", "arguments": b"{}"}, ""),
        ({"method": "completion/complete", "arguments": b"\xff"}, ""),
        ({"method": "sampling/createMessage"}, ""),
    ],
)
def test_each_request_is_asked_for_by_one_name_or_is_about_nothing(fields: dict[str, Any], name: str) -> None:
    assert name_asked(make_call(BrokerClock(), **fields)) == name
