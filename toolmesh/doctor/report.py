"""The report: takes findings as they come, prints each at once, and in the end says how it went, in words or as JSON."""

import time
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any
from urllib.parse import quote, quote_plus

from toolmesh.doctor.finding import Finding, Level
from toolmesh.doctor.shown import clean, without

EXIT_FINE = 0
EXIT_FAILED = 1
EXIT_NOTHING = 2

_SECRET_CHARACTERS_MIN = 8
"""Shorter ones are no secrets, and would blacken half the report."""

Show = Callable[[Finding], None]


class Report:
    """All findings, in the order in which they were made."""

    def __init__(self, checks: Collection[str], show: Show | None = None) -> None:
        """`checks`: every id that there is. `show`: told of each finding as it is made."""
        self.findings: list[Finding] = []
        self.nothing_seen = False
        """Whether there was no server to look at."""
        self._checks = checks
        self._show = show
        self._secrets: set[str] = set()
        self._started = time.monotonic()

    def hide(self, secret: str | None) -> None:
        """Never show this: a token, a code, a client's secret. Told before anything can hold it."""
        if secret and len(secret) >= _SECRET_CHARACTERS_MIN:
            self._secrets |= {secret, quote(secret, safe=""), quote_plus(secret)}

    def passed(self, check: str, said: str) -> None:
        """It is as it has to be."""
        self.add(check, Level.PASS, said)

    def warned(self, check: str, said: str, fix: str) -> None:
        """It works, with a catch."""
        self.add(check, Level.WARN, said, fix)

    def failed(self, check: str, said: str, fix: str) -> None:
        """It doesn't work."""
        self.add(check, Level.FAIL, said, fix)

    def skipped(self, check: str, said: str) -> None:
        """It was not looked at, and why."""
        self.add(check, Level.SKIP, said)

    def add(self, check: str, level: Level, said: str, fix: str = "") -> None:
        """A finding. Raises ValueError for an id that no group has, and for a fault without a way out."""
        if check not in self._checks:
            raise ValueError(f"no group has a check {check}")
        if level in (Level.WARN, Level.FAIL) and not fix:
            raise ValueError(f"{check} says nothing of what to do")
        finding = Finding(check, level, self._fit(said), self._fit(fix))
        self.findings.append(finding)
        if self._show is not None:
            self._show(finding)

    def of(self, check: str) -> list[Finding]:
        """What one check found; more than one where it looks at several things."""
        return [finding for finding in self.findings if finding.check == check]

    def counts(self) -> dict[str, int]:
        """How many findings there are of each level."""
        found = Counter(finding.level for finding in self.findings)
        return {level.value: found[level] for level in Level}

    @property
    def exit_code(self) -> int:
        """0: fine or warnings, 1: something failed, 2: there was nothing to look at."""
        if self.nothing_seen:
            return EXIT_NOTHING
        return EXIT_FAILED if any(finding.level is Level.FAIL for finding in self.findings) else EXIT_FINE

    def as_json(self, **about: Any) -> dict[str, Any]:
        """One object: `about`, then `ok`, `exit`, `counts`, `took_s` and `findings`."""
        return {
            **about,
            "ok": self.exit_code == EXIT_FINE,
            "exit": self.exit_code,
            "counts": self.counts(),
            "took_s": round(time.monotonic() - self._started, 3),
            "findings": [
                {
                    "check": finding.check,
                    "group": finding.check.partition(".")[0],
                    "level": finding.level.value,
                    "said": finding.said,
                    "fix": finding.fix,
                }
                for finding in self.findings
            ],
        }

    def _fit(self, text: str) -> str:
        return clean(without(text, self._secrets))
