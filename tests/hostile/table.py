"""How every case ended, as a table for docs/sandbox.md."""

from collections import Counter
from collections.abc import Iterable

from tests.hostile.trials import Trial

_HEAD = "| no. | what it tries | ended with | ms | as expected |\n|---|---|---|--:|---|\n"


def write_table(trials: Iterable[Trial]) -> str:
    """Markdown, one line for each case."""
    return _HEAD + "".join(f"| {' | '.join(_cells(trial))} |\n" for trial in trials)


def _cells(trial: Trial) -> tuple[str, ...]:
    case, ended = trial.case, trial.ended
    end = f"`{ended.code}`" if ended.code else "a harmless value"
    expected = "yes" if trial.as_expected else f"**no**: {trial.wrong or trial.left or 'late'}"
    return case.number, case.name.replace("|", "\\|"), end, f"{ended.took_ms:.0f}", expected.replace("|", "\\|")


def write_line(trial: Trial) -> str:
    """One line for a terminal."""
    again = f" ({trial.tries} tries)" if trial.tries > 1 else ""
    verdict = "" if trial.as_expected else f"  NOT AS EXPECTED: {trial.wrong or trial.left or 'late'}"
    case, ended = trial.case, trial.ended
    return f"{case.number:4} {case.name:52.52} {ended!s:24} {ended.took_ms:5.0f} ms{again}{verdict}"


def counted(trials: Iterable[Trial]) -> str:
    """How many ended in which way."""
    return ", ".join(f"{count} {end}" for end, count in Counter(str(trial.ended) for trial in trials).most_common())
