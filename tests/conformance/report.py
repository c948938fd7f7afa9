"""Runs the conformance suite against both targets and says what came out.

    python -m tests.conformance.report [--write-docs] [--keep DIRECTORY]

`--write-docs` puts the figures between the marks of docs/conformance.md; `--keep` leaves the suite's own results there.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from tests.clients import node
from tests.conformance import suite
from tests.conformance.targets import Runs, run_all

_PAGE = node.ROOT / "docs" / "conformance.md"
_BEGIN, _END = "<!-- figures: begin -->", "<!-- figures: end -->"


def figures(runs: Runs) -> str:
    """The tables of the page, as Markdown."""
    return "\n".join([*_versions(), "", *_totals(runs), "", *_differences(runs), "", *_elsewhere(runs)]) + "\n"


def _versions() -> Iterator[str]:
    packages = json.loads((node.HOME / "package-lock.json").read_text())["packages"]
    found = packages[f"node_modules/{suite.PACKAGE}"]["version"]
    yield f"`{suite.PACKAGE}` {found}; the server behind the mesh runs on the Python SDK `mcp` {version('mcp')}."


def _totals(runs: Runs) -> Iterator[str]:
    yield "| revision | target | scored scenarios passed | checks passed | failed | warnings |"
    yield "|---|---|---|---|---|---|"
    for revision in suite.REVISIONS:
        for target, outcome in (("direct", runs.direct[revision]), ("two edges", runs.mesh[revision])):
            count = outcome.verdicts
            yield (
                f"| {revision} | {target} | {len(outcome.passed)} of {len(suite.scored(revision))} "
                f"| {count['SUCCESS']} | {count['FAILURE']} | {count['WARNING']} |"
            )


def _differences(runs: Runs) -> Iterator[str]:
    """What the mesh does worse than the server behind it."""
    rows = [
        (revision, name, found, suite.baseline(revision).get(name, "**not explained**"))
        for revision in suite.REVISIONS
        for name, found in runs.mesh[revision].worse_than(runs.direct[revision]).items()
    ]
    if not rows:
        yield "No check comes out worse through the mesh than at the server itself."
        return
    yield "| revision | check that comes out worse through the mesh | found | why |"
    yield "|---|---|---|---|"
    for row in rows:
        yield "| {} | `{}` | {} | {} |".format(*(_cell(column) for column in row))


def _elsewhere(runs: Runs) -> Iterator[str]:
    """What fails at the server itself: none of it is scored."""
    yield "| revision | scenario that does not count | failing checks direct | through two edges |"
    yield "|---|---|---|---|"
    for revision in suite.REVISIONS:
        direct, mesh = runs.direct[revision].unscored_failures, runs.mesh[revision].unscored_failures
        for scenario in sorted({check.scenario for check in [*direct.values(), *mesh.values()]}):
            counts = [sum(check.scenario == scenario for check in side.values()) for side in (direct, mesh)]
            yield f"| {revision} | `{scenario}` | {counts[0]} | {counts[1]} |"


def _cell(value: str) -> str:
    text = " ".join(value.replace("|", "\\|").split())
    return text if len(text) <= 300 else text[:297] + "…"


def write(found: str) -> None:
    """Put the figures into the page."""
    page = _PAGE.read_text()
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    _PAGE.write_text(f"{before}{_BEGIN}\n{found}{_END}{after}")


def main() -> None:
    """Run, print, and write where that is asked for. Exit code 1 where a check is worse and not explained."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write-docs", action="store_true")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    if reason := node.why_not():
        sys.exit(reason)
    with tempfile.TemporaryDirectory() as directory:
        runs = run_all(given.keep or Path(directory))
    found = figures(runs)
    print(found)
    if given.write_docs:
        write(found)
    sys.exit("not explained" in found)


if __name__ == "__main__":
    main()
