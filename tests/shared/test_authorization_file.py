"""authorization.yaml: what is taken, what a broken one is told, and how a change is taken over."""

import asyncio
from pathlib import Path

import pytest

from shared.authorization import Authorization, Evaluator, Rule
from shared.authorization_file import PATTERNS_MAX, load_authorization, watched_rules
from shared.errors import ConfigurationError
from shared.findings import problems_of
from shared.identity import Principal
from shared.settings import Settings
from shared.yaml_nodes import FILE_BYTES_MAX


def load(directory: Path, text: str) -> Authorization:
    (directory / "authorization.yaml").write_text(text, encoding="utf-8")
    return load_authorization(directory)


def problems(directory: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(directory, text)
    return problems_of(caught.value)


@pytest.mark.parametrize("text", ["", "# nothing\n", "plans:\n", "plans: {}\nanonymous:\n", "_notes: [a]\n"])
def test_a_file_that_says_nothing_or_is_not_there_has_no_rules(tmp_path: Path, text: str) -> None:
    assert load_authorization(tmp_path) == Authorization()
    assert load(tmp_path, text) == Authorization()


def test_a_file_in_the_contracts_format_is_read_whole(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        """
plans: {pro: {allow: ['**']}, free: {allow: [echo_echo, 'access:read'], deny: ['github_*']}}
roles:
  admin:
    allow:
      - mail_*
companies: {Acme & Sons: {deny: [access:write]}}
users:
  ada: {}
  8080: {allow: [up_8080], deny: }
anonymous: {allow: [echo_?cho]}
""",
    )
    assert found == Authorization(
        plans={"pro": Rule(allow=("**",)), "free": Rule(allow=("echo_echo", "access:read"), deny=("github_*",))},
        roles={"admin": Rule(allow=("mail_*",))},
        companies={"Acme & Sons": Rule(deny=("access:write",))},
        users={"ada": Rule(), "8080": Rule(allow=("up_8080",))},
        anonymous=Rule(allow=("echo_?cho",)),
    )


def test_rules_may_be_shared_by_anchors(tmp_path: Path) -> None:
    text = "_read: &read {allow: ['access:read']}\nplans: {a: *read, b: {<<: *read, deny: ['up_*']}}\n"
    read = Rule(allow=("access:read",))
    assert load(tmp_path, text).plans == {"a": read, "b": Rule(allow=read.allow, deny=("up_*",))}


def test_every_problem_is_named_with_its_line_and_the_nearest_name(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """plan:
  pro: {allow: ['**']}
users:
  ada:
    alow: [echo_echo]
    deny:
      - access:raed
      - ''
roles: {admin: {allow: '**'}}
anonymos: {allow: ['**']}
""",
    )
    for line, words in (
        (1, "`plans`"),
        (5, "`allow`"),
        (7, "`access:read`"),
        (8, "empty"),
        (9, "list"),
        (10, "`anonymous`"),
    ):
        (said,) = [text for text in found if text.startswith(f"authorization.yaml:{line}:")]
        assert words in said
    assert len(found) == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("just text", "must be a mapping"),
        ("- plans", "must be a mapping"),
        ("nobody: {}", "Known are `plans`, `roles`, `companies`, `users`, `anonymous`"),
        ("plans: [pro]", "`plans` must be a mapping"),
        ("plans: pro", "`plans` must be a mapping"),
        ("plans: {pro: }", "says nothing"),
        ("plans: {pro: ['**']}", "must be a mapping"),
        ("plans: {'': {allow: ['**']}}", "empty name"),
        ("plans: {pro: {allow: {a: b}}}", "must be a list"),
        ("plans: {pro: {allow: [[a_b]]}}", "must be a single value"),
        ("plans: {pro: {allow: [**]}}", "in quotes"),
        ("plans: {pro: {allow: [*_echo]}}", "in quotes"),
        ("plans: {pro: {allow: [access: read]}}", "must be a single value"),
        ("plans: {pro: {allow: ['access:']}}", "not a class of calls"),
        ("plans: {pro: {allow: ['access:*']}}", "not a class of calls"),
        ("plans: {pro: {deny: ['Access:write']}}", "`access:write`"),
        ("plans: {pro: {allow: [' up_echo']}}", "a space"),
        ("plans: {pro: {allow: ['" + "a_" * 300 + "']}}", "512 characters"),
        ("plans: {pro: {deny: [github]}}", "`github_*`"),
        ("plans: {pro: {deny: ['acces:write_x']}}", "denies nothing"),
        ("anonymous: ['**']", "must be a mapping"),
        ("anonymous: {allow: [''], owner: true}", "unknown key `owner`"),
        ("users: {ada: {allow: [a_b]}}\nusers: {bob: {allow: [a_b]}}", "written twice"),
    ],
)
def test_a_rule_that_says_something_else_than_it_seems_to_is_refused(tmp_path: Path, text: str, words: str) -> None:
    found = problems(tmp_path, text)
    assert words in "\n".join(found)
    assert all(said.startswith("authorization.yaml:") for said in found)


@pytest.mark.parametrize("pattern", ["**", "*", "?_x", "g*", "g?t", "access:write", "github_*", "github_get: all"])
def test_a_deny_that_can_deny_something_is_taken(tmp_path: Path, pattern: str) -> None:
    assert load(tmp_path, f"plans: {{pro: {{deny: ['{pattern}']}}}}").plans["pro"].deny == (pattern,)


def test_an_allow_that_allows_nothing_is_taken(tmp_path: Path) -> None:
    assert load(tmp_path, "plans: {pro: {allow: [github]}}").plans["pro"].allow == ("github",)


def test_files_and_lists_have_an_end(tmp_path: Path) -> None:
    patterns = ", ".join("a_b" for _ in range(PATTERNS_MAX))
    assert load(tmp_path, f"plans: {{pro: {{allow: [{patterns}]}}}}").plans.keys() == {"pro"}
    (said,) = problems(tmp_path, f"plans: {{pro: {{allow: [{patterns}, a_b, a_b]}}}}")
    assert f"more than {PATTERNS_MAX} patterns" in said
    (said,) = problems(tmp_path, "users:\n" + "".join(f"  u{n}: {{}}\n" for n in range(10_001)))
    assert "more than 10000 rules" in said
    (said,) = problems(tmp_path, "#" * (FILE_BYTES_MAX + 1))
    assert "larger than" in said


def test_a_file_that_a_variable_names_stands_for_the_directorys_and_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "authorization.yaml").write_text("plans: {pro: {allow: ['**']}}")
    other = tmp_path / "rules.yaml"
    with pytest.raises(ConfigurationError, match=r"rules\.yaml.*does not exist"):
        load_authorization(tmp_path, other)
    other.write_text("plans: {free: {allow: ['**']}}")
    assert load_authorization(tmp_path, other).plans.keys() == {"free"}


ADA = Principal(subject="ada", plan="free")


def may(rules: Evaluator) -> bool:
    return rules.may_use(ADA, "echo_echo", "read")


def test_a_change_is_taken_over_and_a_bad_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "authorization.yaml"
    heard: list[bool] = []

    async def main() -> None:
        watched = watched_rules(Settings(config_dir=tmp_path), changed=lambda rules: heard.append(may(rules)))
        assert not may(watched.value)
        file.write_text("plans: {free: {allow: ['echo_*']}}")
        await watched.look()
        assert may(watched.value)
        file.write_text("plans: {free: {allow: ['echo_*'], deny: ['access:raed']}}")
        await watched.look()
        assert may(watched.value)
        file.write_text("plans: {free: {allow: ['echo_*'], deny: ['access:read']}}")
        await watched.look()
        assert not may(watched.value)
        file.write_text("plans: {free: {allow: ['**']}}")
        await watched.look()
        file.unlink()
        await watched.look()
        assert may(watched.value), "gone for a moment, as editors have it"
        await watched.look()
        assert not may(watched.value)

    asyncio.run(main())
    assert heard == [True, False, True, False]
