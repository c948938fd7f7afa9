"""Classes of calls: what may run twice, by the word of a server or of a DADL file. The unknown is a write."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.classes import class_of_annotations, class_of_operation
from shared.messages import CallClass

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({"readOnlyHint": True}, "read"),
        ({"readOnlyHint": True, "idempotentHint": False, "destructiveHint": True, "openWorldHint": True}, "read"),
        ({"readOnlyHint": False, "idempotentHint": True}, "idempotent"),
        ({"idempotentHint": True, "destructiveHint": True}, "idempotent"),
        ({"idempotentHint": False}, "write"),
        ({"destructiveHint": False}, "write"),
        ({}, "write"),
        (None, "write"),
        ([], "write"),
        ({"readOnlyHint": 1}, "write"),
        ({"readOnlyHint": "true"}, "write"),
        ({"readOnlyHint": True, "idempotentHint": "yes"}, "write"),
        ({"readOnlyHint": True, "destructiveHint": None}, "write"),
    ],
)
def test_annotations_give_the_class_and_what_is_malformed_is_a_write(annotations: object, expected: CallClass) -> None:
    assert class_of_annotations(annotations) == expected


@given(JSON)
def test_only_a_true_hint_makes_more_of_a_tool_than_a_write(annotations: object) -> None:
    assert class_of_annotations(annotations) == "write"


OPERATIONS: dict[tuple[str | None, str], CallClass] = {
    ("read", "GET"): "read",
    ("admin", "GET"): "read",
    (None, "GET"): "read",
    ("write", "GET"): "write",
    ("dangerous", "GET"): "write",
    ("read", "POST"): "read",
    ("write", "POST"): "write",
    ("admin", "POST"): "write",
    ("dangerous", "POST"): "write",
    (None, "POST"): "write",
    ("read", "PUT"): "idempotent",
    ("write", "PUT"): "idempotent",
    ("admin", "PUT"): "idempotent",
    ("dangerous", "PUT"): "idempotent",
    (None, "PUT"): "idempotent",
    ("read", "DELETE"): "idempotent",
    ("write", "DELETE"): "idempotent",
    ("admin", "DELETE"): "idempotent",
    ("dangerous", "DELETE"): "idempotent",
    (None, "DELETE"): "idempotent",
    ("read", "PATCH"): "write",
    ("write", "PATCH"): "write",
    ("admin", "PATCH"): "write",
    ("dangerous", "PATCH"): "write",
    (None, "PATCH"): "write",
}
"""Every method of DADL but HEAD with every `access` that the published files use, and with none."""


@pytest.mark.parametrize(("operation", "expected"), OPERATIONS.items(), ids=str)
def test_an_operation_has_the_class_of_its_access_and_method(
    operation: tuple[str | None, str], expected: CallClass
) -> None:
    access, method = operation
    assert class_of_operation(access, method) == expected
    assert class_of_operation(access, method.lower()) == expected


@pytest.mark.parametrize("access", [None, "read", "write", "admin", "dangerous"])
def test_head_is_as_get(access: str | None) -> None:
    assert class_of_operation(access, "HEAD") == class_of_operation(access, "GET")


@pytest.mark.parametrize(
    ("access", "method"),
    [
        *itertools.product(["Read", "READ ", "", "safe", "none"], ["GET", "HEAD", "POST", "PUT", "DELETE"]),
        *itertools.product([None, "read", "write"], ["OPTIONS", "TRACE", "QUERY", "", " GET", "GET "]),
    ],
)
def test_an_access_or_a_method_that_is_not_known_counts_as_a_write(access: str | None, method: str) -> None:
    assert class_of_operation(access, method) == "write"
