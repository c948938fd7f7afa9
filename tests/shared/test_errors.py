"""The tree of errors: each slug stands for one class, and each class can be made again from what crosses a process."""

from collections.abc import Iterator

import pytest

from shared.errors import BY_CODE, Internal, MeshError, Unauthenticated


def descendants(base: type[MeshError]) -> Iterator[type[MeshError]]:
    for child in base.__subclasses__():
        if child.__module__ == MeshError.__module__:
            yield child
            yield from descendants(child)


OURS = sorted(set(descendants(MeshError)), key=lambda kind: kind.__name__)
CROSSING = [kind for kind in OURS if kind is not Unauthenticated]


def test_every_class_has_a_slug_of_its_own() -> None:
    assert len({kind.code for kind in OURS}) == len(OURS)


def test_the_table_of_slugs_is_the_tree() -> None:
    assert {kind.code: kind for kind in OURS} == BY_CODE


def test_an_error_that_says_nothing_is_an_internal_one() -> None:
    assert MeshError.code == Internal.code
    assert BY_CODE["internal"] is Internal


@pytest.mark.parametrize("kind", CROSSING, ids=lambda kind: kind.code)
def test_an_error_is_made_again_from_slug_detail_and_data(kind: type[MeshError]) -> None:
    error = BY_CODE[kind.code]("what happened", data={"pointer": "/a"}, retry_after_s=2.0)
    assert (error.code, error.detail, error.data, error.retry_after_s) == (
        kind.code,
        "what happened",
        {"pointer": "/a"},
        2.0,
    )


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.code)
def test_a_slug_is_a_word_that_a_program_can_match(kind: type[MeshError]) -> None:
    assert kind.code.replace("_", "").isalpha()
    assert kind.code == kind.code.lower()


def test_no_failure_that_leaves_a_write_open_says_that_it_may_be_retried() -> None:
    assert not BY_CODE["outcome_unknown"].retryable
    assert not BY_CODE["upstream_bad_response"].retryable


def test_the_cause_stays_out_of_what_is_shown() -> None:
    error = Internal("Look under the call id.")
    error.__cause__ = ValueError("password=hunter2")
    assert "hunter2" not in f"{error} {error!r} {error.detail} {error.data}"
