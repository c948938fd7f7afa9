"""How many characters of a result each client takes, as the operator writes it: `openai-mcp=30000,claude=150000`."""

import re

from shared.errors import ConfigurationError

RESULT_CHARS_MIN = 2_000
"""A page says where it ends and how to read on, and is to have room for something else."""
_ENTRY = re.compile(r"(?P<name>[^=\s][^=]*?)\s*=\s*(?P<chars>[0-9]{1,12})")


def parse_result_budgets(variable: str, entries: tuple[str, ...]) -> dict[str, int]:
    """Characters by how the client's name begins, in lower case; 0 is no limit.

    Raises ConfigurationError; `variable` is what the operator calls the setting.
    """
    found: dict[str, int] = {}
    for entry in entries:
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise ConfigurationError(
                f"{variable} holds {entry[:80]!r}; write the beginning of a client's name and a number of characters, as "
                "openai-mcp=30000."
            )
        name, chars = match["name"].lower(), int(match["chars"])
        if name in found:
            raise ConfigurationError(f"{variable} names {name[:80]!r} twice. Keep one of the two.")
        if 0 < chars < RESULT_CHARS_MIN:
            raise ConfigurationError(
                f"{variable} gives {name[:80]!r} {chars} characters; write at least {RESULT_CHARS_MIN}, or 0 for no limit."
            )
        found[name] = chars
    return found
