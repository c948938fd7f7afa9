"""jq programs run on documents; one that would hang, exhaust or look around gets an error, and the next one is answered."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.errors import MeshError, SandboxMemory, SandboxTimeout, TransformFailed
from shared.settings import Settings
from tests.workers.children.house_of_scripts import House
from workers.children.transforms import Transforms

Outcome = Callable[..., Any]


@pytest.fixture
def outcome(house: House) -> Outcome:
    """What a program gives for a document, or the error; another program is answered after it in any case."""

    def ask(program: str, document: bytes = b'{"a": [1, 2]}', house: House = house, **settings: Any) -> Any:
        transforms = Transforms(house.pool, Settings(**{"transform_timeout_s": 5.0, **settings}))
        found: Any
        try:
            found = json.loads(house.wait(transforms.run(program, document, "ada")))
        except MeshError as error:
            found = error
        patient = Transforms(house.pool, Settings(transform_timeout_s=5.0))
        assert house.wait(patient.run(".", b"[1]", "ada")) == b"[1]", "the next one runs"
        return found

    return ask


@pytest.fixture
def failure(outcome: Outcome) -> Callable[..., str]:
    """What is said of a program that fails."""

    def ask(program: str, document: bytes = b"{}", **more: Any) -> str:
        error = outcome(program, document, **more)
        assert isinstance(error, TransformFailed), error
        return error.detail

    return ask


@pytest.fixture(scope="module")
def small_house() -> Iterator[House]:
    """Children with little memory and small messages."""
    house = House(children_spare=1, child_memory_mib=64, child_frame_bytes_max=1000)
    yield house
    house.close()


@pytest.fixture
def transforms(house: House) -> Transforms:
    return Transforms(house.pool, Settings(transform_timeout_s=5.0))


def test_none_one_and_several_results_are_null_itself_and_an_array(outcome: Outcome) -> None:
    assert outcome("empty") is None
    assert outcome(".a") == [1, 2]
    assert outcome(".a[]") == [1, 2]
    assert outcome(".a[0], {b: .a[1]}") == [1, {"b": 2}]


def test_numbers_and_texts_come_out_as_they_went_in(house: House, transforms: Transforms) -> None:
    for text in ('[12345678901234567890,1.10,"é\\u0000\\"\\\\"]', '"\\ud83d\\ude00"', "null", "[]"):
        expected = text.replace("\\ud83d\\ude00", "\U0001f600")
        assert house.wait(transforms.run(".", text.encode(), "ada")).decode() == expected


@pytest.mark.parametrize(
    "program",
    [
        "last(repeat(.))",
        "until(false; .)",
        "last(range(0; infinite))",
        "[limit(100000000; repeat(1))] | length",
        "def f: f; f",
        "def f: 1 + f; f",
        "[range(10000000)] | sort",
        '[limit(300000; repeat("ab"))] | add | [splits("a")] | length',
        "repeat(empty)",
        "[range(1000000)] | combinations",
        "[[] | recurse(. + [1])] | length",
        '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!" | [range(1000) as $i | test("^(a+)+$")]',
        "reduce repeat(1) as $i (0; . + $i)",
        "[range(100000)] | until(false; reverse)",
        "first(repeat(empty))",
        "label $out | foreach repeat(1) as $i (0; . + 1; empty)",
    ],
)
def test_a_program_that_does_not_end_is_killed(outcome: Outcome, program: str) -> None:
    error = outcome(program, transform_timeout_s=0.25)
    assert isinstance(error, SandboxTimeout | SandboxMemory), error


@pytest.mark.parametrize(
    "program",
    [
        '("x" * 1000000000) | length',
        "[range(1000000) | tostring * 100] | length",
        'reduce range(100) as $i ("x"; . + .) | length',
        "[range(100000000)] | length",
    ],
)
def test_a_program_that_takes_all_memory_is_ended(outcome: Outcome, program: str, small_house: House) -> None:
    error = outcome(program, house=small_house, transform_timeout_s=20.0)
    assert isinstance(error, SandboxMemory), error


@pytest.mark.parametrize(
    ("program", "given"),
    [
        ("env", {}),
        ("$ENV", {}),
        ("env | length", 0),
        ("$ENV.PATH", None),
        ("[env[], $ENV[]]", []),
        ("input_filename", None),
        ("input_line_number", None),
        ("input", None),
        ("[inputs]", []),
        ("debug", {"a": [1, 2]}),
        ("debug(1)", {"a": [1, 2]}),
        ("stderr", {"a": [1, 2]}),
        ("get_search_list", []),
        ("get_prog_origin", None),
        ("get_jq_origin", None),
        ("def env: $ENV; env", {}),
    ],
)
def test_a_program_learns_nothing_beside_its_document(outcome: Outcome, program: str, given: Any) -> None:
    assert outcome(program) == given


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ('import "./secret" as $d; $d', "`import` is not available"),
        ('include "x"; .', "`include` is not available"),
        ("halt", "halt is not available"),
        ('"bye" | halt_error', "bye"),
        ('{"a": 1} | halt_error(3)', '{"a": 1}'),
        ('"/etc/passwd" | modulemeta', "modulemeta is not available"),
        ("1) | env | (2", "can't be used"),
        ("))", "can't be used"),
        ("(", "can't be used"),
        ("", "can't be used"),
        ("def f: 1;", "can't be used"),
        ("# nothing", "can't be used"),
        (".. | nosuch", "nosuch/0 is not defined"),
        ("$__prog_args", "can't be used"),
        ("error", "jq: {}"),
        ('error("why")', "jq: why"),
        (".a + 1 | .b.c", "Cannot index number"),
        ("reduce range(20000) as $i (1; [.])", "nested too deep"),
        ('"[" * 20000 | fromjson', "jq: "),
    ],
)
def test_what_a_program_may_not_do_or_does_wrong_is_said(failure: Callable[..., str], program: str, said: str) -> None:
    assert said in failure(program)


@pytest.mark.parametrize(
    ("document", "said"),
    [(b"{", "parse error"), (b"", "not one JSON value"), (b"1 2", "not one JSON value"), (b"\xff", "not UTF-8")],
)
def test_a_document_that_is_no_json_is_said_to_be_none(failure: Callable[..., str], document: bytes, said: str) -> None:
    assert said in failure(".", document)


def test_a_comment_at_the_end_hides_nothing(outcome: Outcome) -> None:
    for program in ("1 # one", "1 # one \\", "1 # one \\\\", "# import\n1"):
        assert outcome(program) == 1


def test_sizes_have_limits(outcome: Outcome, failure: Callable[..., str], small_house: House) -> None:
    assert "take 10" in failure(".", b" " * 11, transform_input_bytes_max=10)
    assert "more than 3 results" in failure("range(4)", transform_results_max=3)
    assert outcome("range(3)", transform_results_max=3) == [0, 1, 2]
    assert "more than 100 " in failure('"x" * 99', transform_output_bytes_max=100)
    assert "more than 100 " in failure('"é" * 60', transform_output_bytes_max=100)
    assert outcome('"x" * 98', transform_output_bytes_max=100) == "x" * 98
    assert "longer than 5 characters" in failure("[1, 2]", transform_program_chars_max=5)
    assert "too large" in failure('"x" * 2000', house=small_house)
    assert "does not fit" in failure(".", b'"' + b"x" * 2000 + b'"', house=small_house)


def test_programs_are_checked_without_a_document(house: House, transforms: Transforms) -> None:
    house.wait(transforms.check("error | .a"))
    for wrong in ("(", 'import "x" as $x; .', "nosuch", "[" * 9000 + "]" * 9000):
        with pytest.raises(TransformFailed):
            house.wait(transforms.check(wrong))


def test_many_programs_at_once_get_their_own_answers(house: House, transforms: Transforms) -> None:
    async def ask() -> list[bytes]:
        asked = [transforms.run(f".[{number}]", b"[0,1,2,3]", f"tenant {number % 2}") for number in range(4)]
        return await asyncio.gather(*asked)

    assert house.wait(ask()) == [b"0", b"1", b"2", b"3"]
