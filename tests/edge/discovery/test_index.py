"""Which tools a query finds, and in which order."""

import asyncio
import itertools
from itertools import islice

import pytest

from edge.discovery.called import CalledTools
from edge.discovery.collection import Collections
from tests.edge.discovery.some_tools import There, collected, tool

GITHUB = {
    "create_issue": tool("Opens something new in a repository.", title_text={"type": "string"}),
    "list_issues": tool("Lists what is open."),
    "merge_pull_request": tool("Merges. Issues that it mentions are closed."),
    "get_repository": tool("Facts of one.", include={"type": "string", "enum": ["issues", "labels"]}),
    "createComment": tool("Says something below an issue."),
}
OTHERS = {
    "send_mail": tool("Sends a mail to somebody."),
    "list_invoices": tool("All invoices of a customer.", customer_id={}),
}


def found(query: str, count: int = 50, **backends: dict[str, dict[str, object]]) -> list[str]:
    there = There(**(backends or {"github": GITHUB, "shop": OTHERS}))
    return [entry.name for entry in islice(collected(there).ranked(query), count)]


def test_a_word_of_the_name_counts_more_than_one_of_the_description_and_that_more_than_a_parameter() -> None:
    assert found("issue") == [
        "github_create_issue",
        "github_list_issues",
        "github_createComment",
        "github_merge_pull_request",
        "github_get_repository",
    ]


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("create issue", "github_create_issue"),
        ("please open me a new issue in that repository", "github_create_issue"),
        ("creating issues", "github_create_issue"),
        ("createcomment", "github_createComment"),
        ("invoices customer", "shop_list_invoices"),
        ("invo", "shop_list_invoices"),
        ("labels", "github_get_repository"),
        ("customerId", "shop_list_invoices"),
        ("mail", "shop_send_mail"),
        ("shop_send_mail", "shop_send_mail"),
        ("  github_createComment ", "github_createComment"),
    ],
)
def test_the_tool_that_is_meant_comes_first(query: str, best: str) -> None:
    assert found(query)[0] == best


def test_who_is_named_just_so_comes_before_what_has_more_of_its_words() -> None:
    tools = {"a": tool(), "a_b_a": tool("b a b a b a a")}
    assert found("b_a", b=tools)[0] == "b_a"


@pytest.mark.parametrize(
    "query",
    [
        '"',
        "' OR 1=1 --",
        "NEAR(issue, 5)",
        "name:issue",
        "issue*",
        "-issue",
        "^issue",
        "(((",
        "issue AND",
        '"issue" NOT "mail"',
        "\0issue\0",
        "💥",
        "\ud800",
        "a" * 10_000,
        "issue " * 5_000,
        '"(*' * 4_000,
        "",
        " ",
    ],
    ids=range(18),
)
def test_rubbish_is_looked_for_like_any_text_and_never_refused(query: str) -> None:
    names = found(query)
    assert len(names) == len(set(names))
    if "issue" in query:
        assert "github_create_issue" in names


def test_a_query_of_common_words_alone_is_looked_for_as_it_is() -> None:
    assert found("what is open") == found("open")
    assert found("to a") == ["shop_send_mail", *found("to a")[1:]]


def test_equals_come_in_the_order_of_their_names_in_whichever_order_they_came() -> None:
    tools = {f"same_{n}": tool("The same.") for n in range(6)}
    orders = [dict(order) for order in islice(itertools.permutations(tools.items()), 0, 720, 119)]
    assert {tuple(found("same", b=order)) for order in orders} == {tuple(f"b_same_{n}" for n in range(6))}


def test_nothing_is_found_among_nothing() -> None:
    assert found("issue", b={}) == []


def test_a_change_is_found_at_once_and_what_did_not_change_is_not_read_again() -> None:
    async def change() -> None:
        there = There(a={"one": tool("First.")}, b={"two": tool("Second.")})
        collections = Collections(CalledTools(there))
        before = await collections.current()
        assert await collections.current() is before
        kept = there.name_space.tools["a_one"]
        there.change(a={"one": tool("First.")}, b={"three": tool("Third.")})
        after = await collections.current()
        assert [entry.name for entry in after.ranked("third")] == ["b_three"]
        assert [entry.name for entry in after.ranked("second")] == []
        assert kept is not there.name_space.tools["a_one"]

    asyncio.run(change())


def test_one_collection_is_made_for_all_who_ask_at_once_and_others_have_their_turn_meanwhile() -> None:
    async def ask() -> None:
        there = There(a={f"tool_{n}": tool("word " * 50, **{f"p{i}": {} for i in range(20)}) for n in range(1500)})
        collections = Collections(CalledTools(there))
        asked = [asyncio.create_task(collections.current()) for _ in range(20)]
        turns = 0
        while not all(each.done() for each in asked):
            await asyncio.sleep(0)
            turns += 1
        assert len({id(each.result()) for each in asked}) == 1
        assert turns > 5

    asyncio.run(ask())
