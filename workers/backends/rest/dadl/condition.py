"""Whether there is more, as `has_more` says it: a JSONPath, or two things compared, as in `$.page < $.pages`."""

import re
from dataclasses import dataclass
from typing import Literal

from workers.backends.rest.dadl.json_path import PATH_CHARS_MAX, Segment, parse_json_path

Operator = Literal["==", "!=", "<", "<=", ">", ">="]

_COMPARED = re.compile(r"(?P<left>.*?\S)\s*(?P<operator>==|!=|<=|>=|<|>)\s*(?P<right>\S.*)", re.DOTALL)
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_WORDS = {"null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Path:
    """A value of the body."""

    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Literally:
    """A value that stands in the condition itself."""

    value: str | int | float | bool | None


Operand = Path | Literally


@dataclass(frozen=True, slots=True)
class Condition:
    """`left operator right`; without an operator: `left` is there, and neither null, false, 0 nor empty."""

    left: Path
    operator: Operator | None = None
    right: Operand | None = None


def parse_condition(text: str) -> Condition:
    """The condition in a text. Raises ValueError, whose text says what is wrong."""
    text = text.strip()
    if len(text) > PATH_CHARS_MAX:
        raise ValueError(f"a condition has at most {PATH_CHARS_MAX} characters")
    found = _COMPARED.fullmatch(text)
    if found is None or "'" in found["left"] or '"' in found["left"]:
        return Condition(Path(parse_json_path(text)))
    operators: dict[str, Operator] = {"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
    return Condition(Path(parse_json_path(found["left"])), operators[found["operator"]], _operand(found["right"]))


def _operand(text: str) -> Operand:
    if text.startswith("$"):
        return Path(parse_json_path(text))
    if text in _WORDS:
        return Literally(_WORDS[text])
    if _NUMBER.fullmatch(text):
        return Literally(float(text) if "." in text else int(text))
    if len(text) >= 2 and text[0] in "'\"" and text.find(text[0], 1) == len(text) - 1:
        return Literally(text[1:-1])
    raise ValueError(
        f"`{text[:20]}` can't be compared with; there are paths, numbers, `'texts'`, `true`, `false` and `null`"
    )
