"""A jq program that wants a module is told from one that has the word in a string, a key or a comment."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from workers.children.inside.jq_tokens import directive_in


@pytest.mark.parametrize(
    ("program", "word"),
    [
        ('import "./secret" as $d; $d', "import"),
        ('  import\n"a" as a; .', "import"),
        ('# a comment\nimport "a" as $a; .', "import"),
        ('include "x"; .', "include"),
        ('include"x";.', "include"),
        ('import @text "a" as $a; .', "import"),
        ("module {}; .", "module"),
        ('"\\(1)" | include "x"; .', "include"),
        ('"\\(import "x" as $x; .)"', "import"),
        ('"\\( (1) + ("\\(include "x")") )"', "include"),
        ("import", "import"),
    ],
)
def test_a_directive_is_found_wherever_it_stands(program: str, word: str) -> None:
    assert directive_in(program) == word


@pytest.mark.parametrize(
    "program",
    [
        ".",
        ".import",
        '. import "'.replace(". ", "."),
        ".a.include | .module",
        "$import",
        "@module",
        "{import: 1, include: 2}",
        "{import, include}",
        '"import \\"x\\"; include"',
        "# import 'x'\n.",
        "# import \\\n import continued\n.",
        '"\\("import")"',
        ".imports | includes",
        '"\\(',
        '"',
        "",
    ],
)
def test_the_word_elsewhere_is_no_directive(program: str) -> None:
    assert directive_in(program) is None


@given(some.text(alphabet='"\\()#\nimport include{}:.$a1', max_size=60))
def test_whatever_is_written_is_read_to_its_end(program: str) -> None:
    directive_in(program)
