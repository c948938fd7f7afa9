"""Where in a script something happened, and what it is wrapped in: lines and columns as its author counts them."""

OPENING = 'async function(){"use strict";'
"""On the line of the script's first, so that all lines are the script's own."""
CLOSING = "\n}"
_SCRIPT = "<input>:"


def wrapped(code: str) -> str:
    """The text of the function to run. The new line near its end closes a comment that ends the code."""
    return OPENING + code + CLOSING


def position(stack: str, code: str) -> tuple[int | None, int | None]:
    """Line and column of the innermost frame that is the script's own text, not one of text that it evaluated."""
    for frame in stack.split("\n"):
        before, found, after = frame.partition(_SCRIPT)
        if found and not before.lstrip().startswith("at <eval>"):
            line, _, column = after.rstrip(")").partition(":")
            if line.isdecimal() and column.isdecimal():
                return _own(int(line), int(column), code)
    return None, None


def _own(line: int, column: int, code: str) -> tuple[int, int]:
    if line == 1:
        column = max(1, column - len(OPENING) - 1)
    lines = code.split("\n")
    return (line, column) if line <= len(lines) else (len(lines), len(lines[-1]) + 1)


def ends_too_early(stack: str, code: str) -> bool:
    """Whether it is in the wrapping that the parser missed something: what the script opened is not closed."""
    line, _, _ = stack.partition(_SCRIPT)[2].partition(":")
    return line.isdecimal() and int(line) > code.count("\n") + 1
