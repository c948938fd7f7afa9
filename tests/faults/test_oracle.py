"""The judge of the fault tests finds each kind of defect, and finds nothing where there is none."""

from typing import Any

import pytest

from tests.faults.history import Ask, End
from tests.faults.ledger import Book, Entry
from tests.faults.oracle import EdgeFault, Verdict, check
from tests.faults.trail import Trail


def ask(token: str = "t", tool: str = "write", end: End = "ok", **more: Any) -> Ask:
    given: dict[str, Any] = {
        "arguments_sha256": f"sha-{token}",
        "call_id": f"c-{token}",
        "text": token if end == "ok" else "",
    }
    return Ask(tool=tool, token=token, end=end, **(given | more))


def book(*lines: tuple[str, str, str]) -> Book:
    return Book(Entry(*line) for line in lines)


def ran(token: str = "t", tool: str = "write", times: int = 1) -> list[tuple[str, str, str]]:
    return [(tool, token, "begun"), (tool, token, "done")] * times


def record(phase: str, token: str = "t", call_id: str = "", fence: int = 1, code: str = "ok") -> dict[str, Any]:
    given = {"call_id": call_id or f"c-{token}", "arguments_sha256": f"sha-{token}"}
    return {"phase": phase, "fence": fence, "code": code, **given}


WHOLE = (record("intent"), record("outcome"))


def judged(asks: list[Ask], lines: list[tuple[str, str, str]], *records: dict[str, Any], **how: Any) -> Verdict:
    return check(asks, book(*lines), Trail(records), **how)


def kinds(verdict: Verdict) -> set[str]:
    return {kind for kind, found in vars(verdict).items() if found}


@pytest.mark.parametrize("tool", ["read", "put", "write"])
def test_a_call_that_was_done_once_and_answered_is_fine(tool: str) -> None:
    verdict = judged([ask(tool=tool)], ran(tool=tool), *WHOLE)
    assert verdict.clean, str(verdict)
    assert verdict.counts() == {"lost": 0, "duplicated": 0, "misrouted": 0, "unanswered": 0}


def test_an_ok_that_the_ledger_does_not_know_is_lost() -> None:
    assert kinds(judged([ask()], [], *WHOLE)) == {"lost"}


def test_an_ok_of_what_was_begun_and_never_done_is_lost() -> None:
    assert kinds(judged([ask()], [("write", "t", "begun")], *WHOLE)) == {"lost"}


def test_a_write_that_was_begun_twice_is_duplicated_however_it_ended() -> None:
    twice = (record("intent"), record("intent", fence=2), record("outcome"))
    for end in ("ok", "unknown", "broken"):
        assert kinds(judged([ask(end=end)], ran(times=2), *twice)) == {"duplicated"}, end


@pytest.mark.parametrize("tool", ["read", "put"])
def test_what_may_run_again_may_run_again(tool: str) -> None:
    assert judged([ask(tool=tool)], ran(tool=tool, times=3), *WHOLE).clean


def test_a_write_that_is_said_not_to_be_executed_and_was_is_lost() -> None:
    assert kinds(judged([ask(end="error", code="cancelled")], ran(), *WHOLE)) == {"lost"}
    assert judged([ask(end="error", code="cancelled")], [], record("outcome")).clean


def test_a_write_that_failed_at_the_upstream_may_have_begun() -> None:
    assert judged([ask(end="error", code="error")], [("write", "t", "begun")], *WHOLE).clean


def test_an_unknown_outcome_is_at_most_one_execution() -> None:
    assert judged([ask(end="unknown")], [], *WHOLE).clean
    assert judged([ask(end="unknown")], ran(), *WHOLE).clean


def test_a_broken_call_may_have_happened_or_not() -> None:
    assert judged([ask(end="broken", call_id="")], []).clean
    assert judged([ask(end="broken", call_id="")], ran(), *WHOLE).clean


def test_an_answer_that_holds_another_token_is_misrouted() -> None:
    assert kinds(judged([ask(text="other")], ran(), *WHOLE)) == {"misrouted"}


def test_a_call_without_an_end_is_unanswered() -> None:
    assert kinds(judged([ask(end="silent", call_id="")], [])) == {"unanswered"}


def intended(count: int, **more: Any) -> list[Ask]:
    return [ask("pair", "intended", call_id=f"c{n}", **more) for n in range(count)]


def intents(count: int) -> list[dict[str, Any]]:
    return [record(phase, "pair", call_id=f"c{n}") for n in range(count) for phase in ("intent", "outcome")]


def test_two_intended_identical_writes_are_two() -> None:
    assert judged(intended(2), ran("pair", "intended", 2), *intents(2)).clean


def test_an_intended_pair_that_happened_three_times_is_duplicated() -> None:
    assert kinds(judged(intended(2), ran("pair", "intended", 3), *intents(3))) == {"duplicated"}


def test_an_intended_pair_that_happened_once_is_lost() -> None:
    assert kinds(judged(intended(2), ran("pair", "intended", 1), *intents(2))) == {"lost"}


def test_a_pair_that_became_one_after_an_edge_died_is_told_apart_if_its_answer_says_so() -> None:
    first = ask("pair", "intended", call_id="c0", began=10.0, ended=11.0)
    second = ask("pair", "intended", call_id="c0", attached=True, began=12.0, ended=13.0)
    once, died = ran("pair", "intended", 1), EdgeFault(0, 11.001, 11.001)
    assert kinds(judged([first, second], once, *intents(1), edge_faults=[died])) == {"not_promised"}
    assert kinds(judged([first, second], once, *intents(1))) == {"lost"}
    keyed = ask("pair", "intended", call_id="c0", attached=True, began=12.0, ended=13.0, keyed=True)
    assert kinds(judged([first, keyed], once, *intents(1), edge_faults=[died])) == {"lost"}


def test_a_call_without_an_end_in_the_audit_is_a_gap() -> None:
    assert kinds(judged([ask(tool="read")], ran(tool="read"))) == {"gaps"}
    assert kinds(judged([ask(tool="read", call_id="")], ran(tool="read"))) == {"gaps"}


def test_a_write_without_an_intent_in_the_audit_is_a_gap() -> None:
    assert kinds(judged([ask()], ran(), record("outcome"))) == {"gaps"}


def test_an_intent_without_an_end_is_a_gap_even_where_no_client_knows_of_it() -> None:
    assert kinds(judged([], [], record("intent"))) == {"gaps"}


def test_a_broker_that_lost_records_of_the_audit_excuses_gaps_and_nothing_else() -> None:
    assert judged([ask()], ran(), audit_lost=True).clean
    assert kinds(judged([ask()], [], audit_lost=True)) == {"lost"}


def test_a_record_that_was_written_twice_counts_once() -> None:
    assert len(Trail([record("intent"), record("intent")]).intents("sha-t")) == 1
    assert Trail([record("outcome"), record("outcome")]).codes("sha-t") == ["ok"]
