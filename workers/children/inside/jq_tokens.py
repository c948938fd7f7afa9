"""Whether a jq program wants a module (jq manual, "Modules"). Strings and comments are passed over, interpolations not."""

import re

_NEXT = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<comment>\#(?:\\.|[^\\\r\n])*)
    | (?P<string>")
    | (?P<name>(?:\.\s*|[$@])?[A-Za-z_][A-Za-z0-9_]*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_STRING = re.compile(r'[^"\\]+|\\\(|\\.|"|\\', re.DOTALL)
_DIRECTIVES = ("import", "include", "module")
_OF_A_KEY = (":", "}", ",", ")")
"""What follows where such a word is the key of an object."""


def directive_in(program: str) -> str | None:
    """The first `import`, `include` or `module`; None where there is none. Never fails: what is no program, jq refuses."""
    words = list(_words(program))
    for number, word in enumerate(words):
        follows = words[number + 1] if number + 1 < len(words) else ""
        if word in _DIRECTIVES and follows not in _OF_A_KEY:
            return word
    return None


def _words(program: str) -> list[str]:
    """Names, `"` for a string, and single other characters; of an interpolation what is in it comes after its string."""
    found: list[str] = []
    depths: list[int] = []
    """For each interpolation that is open: how many parentheses are, inside of it."""
    at = 0
    while at < len(program):
        match = _NEXT.match(program, at)
        assert match is not None
        at = match.end()
        text = match[0]
        if match["string"]:
            found.append('"')
            at = _after_string(program, at, depths)
        elif match["name"]:
            found.append(text)
        elif match["other"]:
            found.append(text)
            if depths and text == "(":
                depths[-1] += 1
            elif depths and text == ")":
                depths[-1] -= 1
                if depths[-1] < 0:
                    depths.pop()
                    at = _after_string(program, at, depths)
    return found


def _after_string(program: str, at: int, depths: list[int]) -> int:
    """The rest of a string: to its end, or to the next interpolation, which is opened."""
    while match := _IN_STRING.match(program, at):
        at = match.end()
        if match[0] == '"':
            break
        if match[0] == "\\(":
            depths.append(0)
            break
    return at
