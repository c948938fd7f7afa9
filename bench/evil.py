"""A backend whose upstream behaves as badly as it can: how its calls end, and what the calls of others feel of them."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.connection import BadAnswer, Connection
from bench.evil_upstream import MODES
from bench.figures import Figures
from bench.load import run_load
from bench.mesh import Mesh, running_mesh
from bench.row import Wanted
from bench.scenarios import Plan, Say
from bench.upstreams import running_rest_upstream

_CLIENTS = 8
_TIMEOUT_S = 2
_LATE_S = 1.0
_PAUSE_S = 0.1
"""Of each client after a call: what is measured is how the answers are, not how many there are."""

ROWS: tuple[Wanted, ...] = (
    ("calls to an upstream that behaves badly: ways in which it does", "number", "evil/modes", None, 0.0),
    ("of these, ended otherwise than they must, or late", "number", "evil/wrong", "0", 0.0),
    (f"p99 of another backend's calls beside {_CLIENTS} such calls at a time ÷ alone", "times", "evil/ratio", "≤ 1.2", 1.2),
    ("the worker's RSS over all this: + MiB", "MiB", "evil/grown_mib", "≤ 50 MiB", 50.0),
)


def measure_evil(folder: Path, plan: Plan, figures: Figures, say: Say) -> None:
    """All of it. Raises BadAnswer."""
    with running_rest_upstream(folder) as good, running_rest_upstream(folder, "evil_upstream") as evil:
        files = {"rows.dadl": _dadl(("row",), "/rows/{mode}"), "evil.dadl": _dadl(tuple(MODES), "/{mode}")}
        backends: list[dict[str, Any]] = [
            {"name": "rows", "transport": "rest", "dadl": "rows.dadl", "url": good},
            {
                "name": "evil",
                "transport": "rest",
                "dadl": "evil.dadl",
                "url": evil,
                "options": {"timeout": f"{_TIMEOUT_S}s"},
            },
        ]
        probes: dict[str, dict[str, object]] = {"rows_row": {}, "evil_nothing": {}}
        environment = {"TOOLMESH_DADL_DIR": str(_written(folder / "dadl", files))}
        with running_mesh(folder / "mesh", backends, probes, environment=environment) as mesh:
            for number in range(plan.rounds):
                say(f"an upstream that behaves badly, round {number + 1} of {plan.rounds}")
                _round(mesh, plan, figures)


def _round(mesh: Mesh, plan: Plan, figures: Figures) -> None:
    figures.add("evil/modes", len(MODES))
    figures.add("evil/wrong", sum(not _ends_well(mesh, mode, expected) for mode, (_, expected) in MODES.items()))
    rows = mesh.target("rows", "rows_row")
    before = mesh.workers[0].rss_mib()
    alone = run_load(rows, _CLIENTS, plan.load_s)
    with _misbehaving(mesh):
        beside = run_load(rows, _CLIENTS, plan.load_s)
    figures.add("evil/ratio", beside.p99_ms / alone.p99_ms)
    figures.add("evil/grown_mib", mesh.workers[0].rss_mib() - before)


def _ends_well(mesh: Mesh, mode: str, expected: str) -> bool:
    target = replace(mesh.target(mode, f"evil_{mode}"), expected=expected, refused=None)
    begun = time.monotonic()
    try:
        with Connection(target) as connection:
            connection.call()
    except BadAnswer:
        return False
    return time.monotonic() - begun <= _TIMEOUT_S + _LATE_S


@contextmanager
def _misbehaving(mesh: Mesh) -> Iterator[None]:
    """As many calls at a time as there are clients, each of another mode in turn."""
    over = threading.Event()

    def keep_calling(first: int) -> None:
        modes = list(MODES)
        turn = first
        while not over.is_set():
            mode = modes[turn % len(modes)]
            _ends_well(mesh, mode, MODES[mode][1])
            turn += _CLIENTS + 1
            over.wait(_PAUSE_S)

    threads = [threading.Thread(target=keep_calling, args=(number,)) for number in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


def _dadl(modes: tuple[str, ...], path: str) -> str:
    tools = "".join(
        f"    {mode}: {{method: GET, path: {path.format(mode=mode)}, access: read, description: A row}}\n" for mode in modes
    )
    return (
        'spec: "https://dadl.ai/spec/dadl-spec-v0.2.md"\n'
        f"backend:\n  name: x\n  type: rest\n  description: Of the bench\n  tools:\n{tools}"
    )


def _written(folder: Path, files: Mapping[str, str]) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
