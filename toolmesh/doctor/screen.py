"""How the report looks: a heading per group, a line per finding as it is made, what to do below it, and a summary."""

from toolmesh.console import say, say_marked
from toolmesh.doctor.finding import Finding, Level
from toolmesh.doctor.report import EXIT_NOTHING, Report

_COLOURS = {Level.PASS: "green", Level.WARN: "yellow", Level.FAIL: "red", Level.SKIP: "dim"}
_CHECK_WIDTH = 26


def say_group(number: int, title: str) -> None:
    """A heading."""
    say()
    say(f"{number} {title}")


def say_finding(finding: Finding) -> None:
    """One line, and a second one for what to do."""
    say_marked(f"  {finding.level.value}", _COLOURS[finding.level], f"  {finding.check:<{_CHECK_WIDTH}} {finding.said}")
    if finding.fix:
        say(f"        do: {finding.fix}")


def say_summary(report: Report) -> None:
    """How it went, and where to begin."""
    counts = report.counts()
    say()
    said = ", ".join(f"{counts[level.value]} {word}" for level, word in _WORDS.items() if counts[level.value])
    say(f"{said or 'nothing looked at'}.")
    first = next((finding for finding in report.findings if finding.level is Level.FAIL), None)
    if report.exit_code == EXIT_NOTHING:
        say("There was nothing to look at.")
    if first is not None:
        say(f"Begin with {first.check}: what fails later may come of it.")


_WORDS = {Level.FAIL: "failed", Level.WARN: "to look at", Level.SKIP: "not looked at", Level.PASS: "fine"}
