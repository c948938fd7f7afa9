"""YAML nodes as JSON values, by YAML 1.2's core schema (section 10.3): `on` is a text, a date is a text."""

import math
import re
from typing import Any

from shared.yaml_nodes import Mapping, Node, Scalar

_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_OTHER_BASES = re.compile(r"0o(?P<octal>[0-7]{1,100})|0x(?P<hex>[0-9a-fA-F]{1,100})")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def json_value(node: Node) -> Any:
    """What the node means. Infinities and NaN, which JSON has not, stay texts."""
    if isinstance(node, Scalar):
        return scalar_value(node)
    if isinstance(node, Mapping):
        return {name: json_value(value) for name, value in node.entries.items()}
    return [json_value(item) for item in node.items]


def scalar_value(node: Scalar) -> str | int | float | bool | None:
    """What a single value means."""
    text = node.text
    if node.quoted:
        return text
    if node.is_null:
        return None
    if text in _TRUTHS:
        return _TRUTHS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if found := _OTHER_BASES.fullmatch(text):
        return int(found["octal"], 8) if found["octal"] else int(found["hex"], 16)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text
