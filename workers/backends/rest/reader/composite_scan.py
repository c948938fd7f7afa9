"""What the script of a composite calls, and the names that it may not use (DADL 0.2, composites; the runtime's globals).

The sandbox is what keeps scripts in: this is to tell the author before anybody runs it.
"""

from collections.abc import Iterator

from workers.backends.rest.reader.javascript_names import Name, names_in

API = "api"

FORBIDDEN = frozenset(
    (
        *("fetch", "XMLHttpRequest", "require", "import", "process", "fs", "os", "child_process", "globalThis", "window"),
        *("self", "global", "setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate"),
        *(
            "constructor",
            "__proto__",
            "getOwnPropertyDescriptor",
            "getOwnPropertyDescriptors",
            "Reflect",
            "eval",
            "Function",
        ),
    )
)
"""Names that scripts may not use; upstream refuses the same in scripts."""
_BY_ANY_OWNER = frozenset(("constructor", "__proto__", "getOwnPropertyDescriptor", "getOwnPropertyDescriptors"))
"""Those that are as bad as members of something."""


def forbidden_names(code: str) -> Iterator[Name]:
    """Names in a script that it may not use. `self` as a member or key of an object is a word like any other."""
    declared = _declared(code)
    for name in names_in(code):
        if name.text not in FORBIDDEN or (name.text in declared and name.text not in _BY_ANY_OWNER):
            continue
        if name.text in _BY_ANY_OWNER or not (name.owner or name.is_key):
            yield name


def called_tools(code: str) -> tuple[Name, ...]:
    """Members of `api` that a script names."""
    return tuple(name for name in names_in(code) if name.owner == API)


def calls_only(code: str, tools: frozenset[str]) -> bool:
    """Whether `api` is used for nothing but for calls of these tools, by their names. When in doubt: no."""
    if "\\u" in code or "\\x" in code:
        return False
    for name in names_in(code):
        if name.text == "arguments" or (name.text == API and not name.owner and name.followed_by not in (".", "?.")):
            return False
        if name.owner == API and (name.text not in tools or name.followed_by != "("):
            return False
    return True


def _declared(code: str) -> frozenset[str]:
    """Names that the script gives to things of its own, as `const os = …`."""
    declared, before = set(), ""
    for name in names_in(code):
        if before in ("const", "let", "var", "function"):
            declared.add(name.text)
        before = name.text
    return frozenset(declared)
