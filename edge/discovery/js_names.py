"""What tools are called in a script: `toolmesh.<js_name>(args)`. The one place that knows the rule."""

import re

_BAD = re.compile(r"[^A-Za-z0-9_$]")
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


def js_name(name: str) -> str:
    """The name of a tool as JavaScript can write it behind a dot: each character that can't stand there becomes `_`."""
    return _BAD.sub("_", name)


def is_identifier(name: str) -> bool:
    """Whether a name can stand behind the dot, or as the name of a property, without quotes."""
    return _IDENTIFIER.fullmatch(name) is not None
