"""The load generator: wrk, which is compiled and takes little of the cores that it shares with what it measures."""

import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.connection import BadAnswer
from bench.target import Target

_SCRIPT = Path(__file__).with_name("load.lua")


class LoadGeneratorMissing(Exception):
    """wrk is not installed."""


@dataclass(frozen=True)
class Load:
    """What one run of wrk saw."""

    calls: int
    per_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float


def find_wrk() -> str:
    """Path of wrk. Raises LoadGeneratorMissing with what to install."""
    path = shutil.which("wrk")
    if path is None:
        raise LoadGeneratorMissing(
            "The bench needs the load generator wrk on PATH. Debian, Ubuntu: apt install wrk. macOS: brew install wrk."
        )
    return path


def run_load(target: Target, connections: int, duration_s: float) -> Load:
    """Call a target from that many connections for that long. Raises BadAnswer if a single answer was wrong."""
    # wrk takes whole seconds only.
    command = [
        find_wrk(),
        "--threads=1",
        f"--connections={connections}",
        f"--duration={max(1, round(duration_s))}s",
        "--timeout=30s",
        f"--script={_SCRIPT}",
        target.url,
        "--",
        "\n".join(f"{name}: {value}" for name, value in target.headers().items()),
        target.template(secrets.token_hex(4)),
        target.expected,
        target.refused or "",
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=duration_s + 60, check=False)
    return read_output(target.name, ended.stdout + ended.stderr)


def read_output(name: str, output: str) -> Load:
    """What `load.lua` printed at the end. Raises BadAnswer."""
    lines = output.splitlines()
    line = next((line for line in lines if line.startswith("BENCH ")), None)
    if line is None:
        raise BadAnswer(f"{name}: wrk gave no figures: {output[-500:]}")
    calls, duration_us, socket_errors, p50_ms, p99_ms, max_ms, bad = map(float, line.split()[1:])
    if bad or socket_errors or not calls:
        sample = next((line.removeprefix("SAMPLE ") for line in lines if line.startswith("SAMPLE ")), "no answer kept")
        raise BadAnswer(
            f"{name}: of {calls:.0f} answers {bad:.0f} were bad, {socket_errors:.0f} socket errors; first bad one: {sample}"
        )
    return Load(int(calls), calls / (duration_us / 1e6), p50_ms, p99_ms, max_ms)
