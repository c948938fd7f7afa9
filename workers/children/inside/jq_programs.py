"""The jq engine: a program and a document in, what it gives out.

`{"run": "jq", "program": …, "input": JSON text, "results_max": …, "output_chars_max": …}` is done with the value
`{"results": [JSON text, …]}`, or with an error whose `code` is `program`, `input`, `failed` or `too_large`. Without
`input` the program is only compiled. What a program could learn beside its input, or do beside giving results, is taken
from it.
"""

from typing import Any

import jq

from workers.children.inside.jq_tokens import directive_in
from workers.children.inside.port import Port

_KEPT_MAX = 64
_ERROR_CHARACTERS_MAX = 500
_FROM = """
def _gone($name): error("\\($name) is not available here");
def env: {}; def input_filename: null; def input_line_number: null; def input: empty; def inputs: empty;
def debug: .; def debug(f): .; def stderr: .; def get_search_list: []; def get_jq_origin: null; def get_prog_origin: null;
def halt: _gone("halt"); def halt_error: error; def halt_error($code): error; def modulemeta: _gone("modulemeta");
{} as $ENV |
if length == 1 then .[0] else error("the input is not one JSON value") end | (
"""
_TO = "\n\n) | tojson"
"""A comment at the end of a program may go on in the next line, and not further."""
_TOO_DEEP = "<skipped: too deep>"
"""What jq writes for what is nested deeper than it shows."""


class _Failed(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


_kept: dict[str, Any] = {}
"""Program → compiled, the last used one last."""


def run(job: dict[str, Any], port: Port) -> dict[str, Any]:
    """Compile, and run where there is an input."""
    try:
        program = _compiled(job["program"])
        if "input" not in job:
            return _done({"results": []})
        return _done({"results": _results(program, job["input"], job["results_max"], job["output_chars_max"])})
    except _Failed as cause:
        return {"value": None, "error": {"code": cause.code, "message": str(cause)[:_ERROR_CHARACTERS_MAX]}, "logs": []}


def _done(value: Any) -> dict[str, Any]:
    return {"value": value, "error": None, "logs": []}


def _compiled(text: str) -> Any:
    program = _kept.pop(text, None)
    if program is None:
        directive = directive_in(text)
        if directive is not None:
            raise _Failed("program", f"`{directive}` is not available: a program stands alone.")
        try:
            jq.compile(text)  # by itself: so it is whole, and closes no parenthesis of ours
            program = jq.compile(_FROM + text + _TO)
        except ValueError as cause:
            raise _Failed("program", str(cause)) from cause
        if len(_kept) >= _KEPT_MAX:
            del _kept[next(iter(_kept))]
    _kept[text] = program
    return program


def _results(program: Any, document: str, results_max: int, output_chars_max: int) -> list[str]:
    found: list[str] = []
    chars = 0
    try:
        for result in program.input_text(document, slurp=True):
            found.append(result)
            chars += len(result)
            if len(found) > results_max:
                raise _Failed("too_large", f"It gives more than {results_max} results.")
            if chars > output_chars_max:
                raise _Failed("too_large", f"It gives more than {output_chars_max} characters.")
            if _TOO_DEEP in result and _TOO_DEEP not in document:
                raise _Failed("too_large", "It gives something that is nested too deep.")
    except ValueError as cause:
        code = "input" if str(cause).startswith("parse error") else "failed"
        raise _Failed(code, str(cause)) from cause
    return found
