"""What a REST call costs is measured with the runtime itself, in a process of its own."""

from pathlib import Path

from bench.figures import Figures
from bench.parts import PARTS
from bench.scenarios import QUICK

(PART,) = (part for part in PARTS if part.name == "rest")


def test_calls_are_measured_beside_the_http_client_alone(tmp_path: Path) -> None:
    figures = Figures()
    PART.measure(tmp_path, QUICK, figures, lambda text: None)
    rows = {row.what: row.mesh for row in PART.rows(figures)}
    assert len(rows) == len(PART.wanted)
    assert rows["building a request, the slower of two ordinary ones"] > 0
    assert rows["a REST call: CPU of the worker, without the hop"] > 0
