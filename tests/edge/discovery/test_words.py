"""What a text is looked for by."""

import pytest

from edge.discovery.words import words


@pytest.mark.parametrize(
    "text",
    ["createIssue", "create_issue", "create-issues", "CREATE ISSUES", "created: issue", "creating.issues", "Create/Issue"],
)
def test_however_a_name_is_written_its_words_are_the_same(text: str) -> None:
    assert [word for word in words(text) if word != "createissu"] == ["creat", "issu"]


def test_a_name_of_several_parts_is_found_as_a_whole_too() -> None:
    assert words("GitHub") == ["git", "hub", "github"]
    assert words("oauth2") == ["oauth", "2", "oauth2"]


@pytest.mark.parametrize(
    ("one", "other"), [("Größe", "grosse"), ("naïve", "naive"), ("\uff46\uff55ll", "full"), ("Ⅻ", "xii")]
)
def test_accents_and_other_forms_of_a_letter_make_no_difference(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_where_words_are_not_set_apart_each_character_is_one() -> None:
    assert words("議題を作成") == ["議", "題", "を", "作", "成"]


@pytest.mark.parametrize("text", ["", "\0", "💥" * 50, '"*:^-()', "  \n"])
def test_what_has_no_words_has_none(text: str) -> None:
    assert words(text) == []
