"""What reading DADL files costs: the published ones, in a process that has just started, and again with what it has kept.

`python -m bench.dadl_files FILES CACHE` is such a process: it reads a directory of files, makes tools and prints seconds.
"""

import subprocess
import sys
import time
from pathlib import Path

from bench.connection import BadAnswer
from bench.figures import Figures
from bench.row import Wanted
from bench.scenarios import Plan, Say
from workers.backends.rest.reader.store import DefinitionStore
from workers.backends.rest.tools.offering import tools_of

PUBLISHED = Path(__file__).resolve().parent.parent.parent / "shared" / "dadl"
_PROCESS_S = 60
_FILES_MAX = 1_000

ROWS: tuple[Wanted, ...] = (
    ("published DADL files, read and made tools of, cold", "s", "dadl/cold_s", "≤ 1.0 s", 1.0),
    ("the same, kept on the disk", "s", "dadl/kept_s", "≤ 0.2 s", 0.2),
    ("tools of these files", "number", "dadl/tools", None, 0.0),
)


def measure_dadl_files(folder: Path, plan: Plan, figures: Figures, say: Say) -> None:
    """All of it. Where there are no published files beside the project nothing is measured. Raises BadAnswer."""
    if not any(PUBLISHED.glob("*.dadl")):
        say("DADL files: left out, since there are none beside the project (../shared/dadl)")
        return
    for number in range(plan.rounds):
        say(f"DADL files, round {number + 1} of {plan.rounds}")
        cache = folder / f"cache-{number}"
        for name in ("dadl/cold_s", "dadl/kept_s"):
            seconds, tools = _read_all(cache)
            figures.add(name, seconds)
            figures.add("dadl/tools", tools)


def _read_all(cache: Path) -> tuple[float, float]:
    """In a process of its own: seconds, and number of tools."""
    command = [sys.executable, "-m", "bench.dadl_files", str(PUBLISHED), str(cache)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PROCESS_S, check=False)
    words = done.stdout.split()
    if done.returncode != 0 or len(words) != 2:
        raise BadAnswer(f"the DADL files could not be read: {done.stderr[-500:]}")
    return float(words[0]), float(words[1])


def main() -> int:
    """Exit code 0; 1 where a file has an error."""
    directory, store = Path(sys.argv[1]), DefinitionStore(Path(sys.argv[2]), _FILES_MAX)
    files = sorted(directory.glob("*.dadl"))
    begun = time.perf_counter()
    definitions = [store.load(path, directory).definition for path in files]
    tools = sum(len(tools_of(definition)) for definition in definitions if definition is not None)
    print(time.perf_counter() - begun, tools)
    return 0 if None not in definitions else 1


if __name__ == "__main__":
    sys.exit(main())
