"""What is measured outside of the rounds: start, memory, and what an idle mesh costs."""

import time
from pathlib import Path

from bench.connection import BadAnswer
from bench.figures import Figures
from bench.mesh import Backends, Mesh, http_backend, running_mesh, write_config
from bench.process import Process, free_port, python

_READY_S = 30.0
IDLE_BACKENDS = 30


def measure_memory(mesh: Mesh, figures: Figures) -> None:
    """Resident memory of edge and worker, after the load."""
    figures.add("rss/edge/mib", mesh.edge.rss_mib())
    figures.add("rss/worker/mib", mesh.workers[0].rss_mib())


def measure_start(folder: Path, backends: Backends, starts: int, figures: Figures) -> None:
    """`toolmesh up` from the command to its `ready` line, warm: one more start goes before."""
    config = write_config(folder / "config", backends)
    for number in range(starts + 1):
        port = free_port()
        command = python("-m", "toolmesh", "up", "--config", str(config), "--port", str(port))
        command += ["--data", str(folder / "data")]
        begun = time.perf_counter()
        with Process("up", command, folder / f"up-{number}.log", {"PYTHONUNBUFFERED": "1"}) as up:
            _wait_for_ready(up)
            ready_s = time.perf_counter() - begun
            begun = time.perf_counter()
            up.stop()
            if number:
                figures.add("start/ready_s", ready_s)
                figures.add("start/stop_s", time.perf_counter() - begun)


def _wait_for_ready(up: Process) -> None:
    until = time.monotonic() + _READY_S
    while not any(line.startswith("ready http") for line in up.output().splitlines()):
        if up.ended or time.monotonic() > until:
            raise BadAnswer(f"toolmesh up did not get ready:\n{up.output()[-2000:]}")
        time.sleep(0.01)


def measure_idle(folder: Path, upstream_url: str, duration_s: float, figures: Figures) -> None:
    """Share of one core that edge, worker and broker use with many backends and nothing to do."""
    backends = [http_backend(f"idle{number:02}", upstream_url, "echo") for number in range(IDLE_BACKENDS)]
    probes = {f"{entry['name']}_echo": {"message": "probe"} for entry in backends}
    with running_mesh(folder, backends, probes) as mesh:
        time.sleep(min(2.0, duration_s))
        before = mesh.cpu_s()
        begun = time.perf_counter()
        time.sleep(duration_s)
        taken = time.perf_counter() - begun
        shares = {name: (after_s - before[name]) / taken * 100 for name, after_s in mesh.cpu_s().items()}
    for name, share in shares.items():
        figures.add(f"idle/{name}/percent", share)
    figures.add("idle/all/percent", sum(shares.values()))
