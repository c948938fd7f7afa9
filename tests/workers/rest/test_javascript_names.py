"""Names in scripts: what stands in texts, comments and regular expressions is none."""

import pytest

from workers.backends.rest.reader.composite_scan import called_tools, forbidden_names
from workers.backends.rest.reader.javascript_names import names_in


def names(code: str) -> list[str]:
    return [f"{name.owner}.{name.text}" if name.owner else name.text for name in names_in(code)]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("const a = b.c;", ["const", "a", "b", "b.c"]),
        ("'fetch' + \"fetch\" // fetch\n/* fetch */ x", ["x"]),
        ("`fetch ${y.z + `${w}`} fetch` + v", ["y", "y.z", "w", "v"]),
        ("`${ {a: 1}.a }` + b", ["a", "?.a", "b"]),
        ("x.replace(/fetch'[/]\\//g, y)", ["x", "x.replace", "y"]),
        ("a / fetch / b", ["a", "fetch", "b"]),
        ("return /fetch/.test(x)", ["return", "?.test", "x"]),
        ("a['b'] + c()['d'] + ['e']", ["a", "a.b", "c", "?.d"]),
        ("a?.b?.['c']", ["a", "a.b", "b.c"]),
        ("[...args.x]", ["args", "args.x"]),
        ("\\u0061pi.x", ["\\u0061pi", "\\u0061pi.x"]),
        ("'not closed\nfetch", ["fetch"]),
        ("/* not closed fetch", []),
        ("größe.x", ["größe", "größe.x"]),
    ],
)
def test_names_are_found_where_code_is(code: str, found: list[str]) -> None:
    assert names(code) == found


def test_names_know_their_lines() -> None:
    code = "const a = `\n\n`;\n/*\n*/ b"
    assert [(name.text, name.line) for name in names_in(code)] == [("const", 1), ("a", 1), ("b", 5)]


def test_calls_are_those_of_api() -> None:
    code = "const a = await api.one(); x.api.two(); return api?.three({}) + api['four']()"
    assert [name.text for name in called_tools(code)] == ["one", "two", "three", "four"]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("return fetch('x')", ["fetch"]),
        ("return globalThis.x", ["globalThis"]),
        ("return {self: 1, process: 2}", []),
        ("return item.process + item.os", []),
        ("const os = params.os; return os", []),
        ("return x.constructor", ["constructor"]),
        ("return x['__proto__']", ["__proto__"]),
        ("setTimeout(() => 1, 2); eval('1')", ["setTimeout", "eval"]),
        ("return 'fetch'", []),
    ],
)
def test_forbidden_names_are_those_that_scripts_can_not_mean_otherwise(code: str, found: list[str]) -> None:
    assert [name.text for name in forbidden_names(code)] == found


@pytest.mark.parametrize("part", ["/*", "'", '"\\"', "`", "`${", "/", "a/", "[", "}", "\\", "//", "${"])
def test_each_character_of_a_script_is_looked_at_a_bounded_number_of_times(part: str) -> None:
    """With more looks than that for one part, a script of this length would take hours."""
    code = part * (50_000 // len(part))
    assert len(names_in(code)) <= len(code)
