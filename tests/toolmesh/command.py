"""`toolmesh …` inside the test's own process, from the command line to the exit code: a start of its own takes a second."""

import contextlib
import io
import os
import sys
from dataclasses import dataclass

import pytest

from toolmesh.__main__ import main

_INHERITED = {"PATH", "HOME", "LANG"}


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


def toolmesh(*arguments: str, stdin: str = "", **environment: str) -> Done:
    """Run a command where nobody can be asked anything."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as here,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        for name in os.environ.keys() - _INHERITED:
            here.delenv(name)
        for name, value in environment.items():
            here.setenv(name, value)
        here.setattr(sys, "argv", ["toolmesh", *arguments])
        here.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
    return Done(code, out.getvalue(), err.getvalue())


def refused(done: Done) -> str:
    """What a command says that did nothing: on standard error alone, with exit code 2."""
    assert done.code == 2, done
    assert done.out == ""
    assert done.err.startswith("error: ") or "Usage:" in done.err
    return done.err
