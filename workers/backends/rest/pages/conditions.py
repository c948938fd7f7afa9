"""What a condition (`has_more`) means in an answer."""

from collections.abc import Callable, Sequence
from typing import Any

from workers.backends.rest.dadl.condition import Condition, Literally, Operand, Operator
from workers.backends.rest.dadl.json_path import Segment
from workers.backends.rest.selecting import MISSING

Value = Any
"""A JSON value, or MISSING."""
Look = Callable[[Sequence[Segment]], Value]
"""What stands at a path."""


def holds(condition: Condition, look: Look) -> bool | None:
    """Whether it holds; None where that can't be said, since something is not there or can't be compared.

    `==` and `!=` take what is not there for `null`.
    """
    left = look(condition.left.segments)
    if condition.operator is None:
        return None if left is MISSING else bool(left)
    assert condition.right is not None, "there is one beside every operator"
    return _compared(left, condition.operator, _value(condition.right, look))


def _value(operand: Operand, look: Look) -> Value:
    return operand.value if isinstance(operand, Literally) else look(operand.segments)


def _compared(left: Value, operator: Operator, right: Value) -> bool | None:
    if operator in ("==", "!="):
        return _same(left, right) is (operator == "==")
    first, second = _number(left), _number(right)
    if first is None or second is None:
        return None
    if operator in ("<", "<="):
        return first < second if operator == "<" else first <= second
    return first > second if operator == ">" else first >= second


def _same(left: Value, right: Value) -> bool:
    left, right = (None if value is MISSING else value for value in (left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right  # true is not 1
    return bool(left == right)


def _number(value: Value) -> float | None:
    """Also of a text, since there are APIs that write their numbers so."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None
