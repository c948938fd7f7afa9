"""DADL files as tests write them: a small file of which one thing is as the test wants it."""

from pathlib import Path

from workers.backends.rest.dadl.definition import Definition
from workers.backends.rest.reader.loading import load_definition

V1 = "spec: https://dadl.ai/spec/dadl-spec-v0.1.md\n"
V2 = "spec: https://dadl.ai/spec/dadl-spec-v0.2.md\n"
HEAD = "backend:\n  name: wx\n  type: rest\n  base_url: https://wx.example\n  description: Weather\n"
AUTH = "  auth: {type: bearer, credential: wx}\n"
TOOLS = "  tools:\n    now: {method: GET, path: /now, access: read, description: Latest}\n"
PLAIN = V1 + HEAD + AUTH + TOOLS


class Case:
    """A file, and what it is told: `line:column severity: text`."""

    def __init__(self, name: str, text: str, *told: str) -> None:
        self.name = name
        self.text = text
        self.told = told


def tool(block: str, spec: str = V1) -> str:
    """A file whose one tool, on line 9, is `x`."""
    return f"{spec}{HEAD}{AUTH}  tools:\n    x: {block}\n"


def auth(block: str, spec: str = V1) -> str:
    """A file with that `auth` on line 7."""
    return f"{spec}{HEAD}  auth: {block}\n{TOOLS}"


def backend(block: str, spec: str = V1) -> str:
    """A file with one more block of the backend, from line 10 on."""
    return f"{spec}{HEAD}{AUTH}{TOOLS}  {block}\n"


def composite(block: str, spec: str = V1) -> str:
    """A file whose one composite, on line 11, is `c`."""
    return backend(f"composites:\n    c: {block}", spec)


def told(directory: Path, text: str) -> list[str]:
    """What is said of a file with that text, without the file's name."""
    path = directory / "wx.dadl"
    path.write_text(text, encoding="utf-8", newline="")
    problems = load_definition(path).problems
    return [
        f"{f'{problem.line}:{problem.column} ' if problem.line else ''}{problem.severity}: {problem.text}"
        for problem in problems
    ]


def loaded(directory: Path, text: str) -> Definition:
    """The definition in a file with that text, of which nothing is to be said."""
    path = directory / "wx.dadl"
    path.write_text(text, encoding="utf-8")
    found = load_definition(path)
    assert [str(problem) for problem in found.problems] == []
    assert found.definition is not None
    return found.definition
