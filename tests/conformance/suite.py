"""Runs the published MCP conformance suite against a server, and reads what it found.

A check is named `scenario:check-id`; ids repeat within a scenario, then the worst verdict counts. `scored` scenarios are
those that a revision of the specification requires; the suite runs a few more and reports them.
"""

import json
import subprocess
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import yaml

from tests.clients import node

PACKAGE = "@modelcontextprotocol/conformance"
REVISIONS = ("2025-11-25", "2026-07-28")
RUN_S = 240
_BASELINE = Path(__file__).resolve().parent / "baseline.yaml"
_SEVERITY = {"SUCCESS": 0, "INFO": 0, "SKIPPED": 1, "WARNING": 2, "FAILURE": 3}
"""INFO says what was seen, for instance that an optional feature is not used."""


@dataclass(frozen=True)
class Check:
    """The worst verdict of one check of one scenario."""

    scenario: str
    id: str
    status: str
    message: str

    @property
    def name(self) -> str:
        return f"{self.scenario}:{self.id}"

    @property
    def severity(self) -> int:
        return _SEVERITY[self.status]

    @property
    def failed(self) -> bool:
        return self.status in ("FAILURE", "WARNING")


@dataclass(frozen=True)
class Outcome:
    """What one run of one revision found."""

    revision: str
    checks: dict[str, Check]
    verdicts: dict[str, int]
    """How many checks had which status, repetitions counted."""

    @property
    def passed(self) -> list[str]:
        """Scored scenarios without a failing check."""
        failing = {check.scenario for check in self.checks.values() if check.status == "FAILURE"}
        ran = {check.scenario for check in self.checks.values()}
        return [scenario for scenario in scored(self.revision) if scenario in ran - failing]

    @property
    def failures(self) -> dict[str, Check]:
        """Checks of scored scenarios that failed or warned."""
        return {n: check for n, check in self.checks.items() if check.failed and check.scenario in scored(self.revision)}

    @property
    def unscored_failures(self) -> dict[str, Check]:
        """The same of the scenarios that do not count."""
        return {n: check for n, check in self.checks.items() if check.failed and n not in self.failures}

    def with_another_run(self, other: "Outcome", scenario: str) -> "Outcome":
        """The same, but what a later run of one scenario found of that scenario."""
        kept = {name: check for name, check in self.checks.items() if check.scenario != scenario}
        return replace(self, checks=kept | other.checks)

    def worse_than(self, other: "Outcome") -> dict[str, str]:
        """Checks, also of scenarios that do not count, that came out worse here; with what was found."""
        worse: dict[str, str] = {}
        for name, check in other.checks.items():
            found = self.checks.get(name)
            if found is None and check.status == "SUCCESS":
                worse[name] = "not reached, instead of SUCCESS"
            elif found is not None and found.severity > check.severity:
                worse[name] = f"{found.status} instead of {check.status}: {found.message}"
        for name in self.failures.keys() - other.checks.keys():
            worse[name] = f"{self.checks[name].status}: {self.checks[name].message}"
        return worse


@cache
def scored(revision: str) -> tuple[str, ...]:
    """The server scenarios that a revision requires, as the suite says itself."""
    said = node.HOME / "node_modules" / PACKAGE / "requirements" / f"{revision}.yaml"
    return tuple(yaml.safe_load(said.read_text())["server"])


def baseline(revision: str) -> dict[str, str]:
    """Checks that are known to fail through the mesh, each with its reason."""
    known: dict[str, str] = yaml.safe_load(_BASELINE.read_text())[revision] or {}
    return known


def run(url: str, revision: str, directory: Path) -> Outcome:
    """Run all server scenarios of a revision; a scored one that gave no result has failed."""
    return _run(url, revision, directory, scored(revision), "--requirements", revision)


def run_again(url: str, revision: str, scenario: str, directory: Path) -> Outcome:
    """Run one scenario of a revision by itself."""
    return _run(url, revision, directory, (scenario,), "--scenario", scenario, "--spec-version", revision)


def run_scenario(url: str, scenario: str, directory: Path) -> Outcome:
    """Run one scenario, of an extension for instance, which no revision requires; one that gave no result has failed."""
    return _run(url, REVISIONS[-1], directory, (scenario,), "--scenario", scenario)


def _run(url: str, revision: str, directory: Path, expected: tuple[str, ...], *which: str) -> Outcome:
    directory.mkdir(parents=True)
    command = [*node.command(PACKAGE, "dist/index.js"), "server", "--url", url, *which]
    with (directory / "suite.log").open("w") as log:
        subprocess.run(
            [*command, "--output-dir", str(directory / "results")],
            stdout=log,
            stderr=log,
            env=node.environment(),
            timeout=RUN_S,
            check=False,  # 1 says that a scenario failed: the results say which
        )
    outcome = _read(directory / "results", revision)
    ran = {check.scenario for check in outcome.checks.values()}
    for scenario in set(expected) - ran:
        check = Check(scenario, "ran", "FAILURE", f"no result: see {directory / 'suite.log'}")
        outcome.checks[check.name] = check
    return outcome


def _read(results: Path, revision: str) -> Outcome:
    checks: dict[str, Check] = {}
    verdicts = dict.fromkeys(_SEVERITY, 0)
    for file in sorted(results.glob("*/checks.json")):
        # server-<scenario>-2026-11-23T12-45-21-946Z
        scenario = file.parent.name.removeprefix("server-").rsplit("-", 6)[0]
        for item in json.loads(file.read_text()):
            verdicts[item["status"]] += 1
            check = Check(scenario, item["id"], item["status"], item.get("errorMessage") or "")
            known = checks.get(check.name)
            if known is None or known.severity < check.severity:
                checks[check.name] = check
    return Outcome(revision, checks, verdicts)
