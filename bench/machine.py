"""What the figures were taken on; no name or path of the machine."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("toolmesh", "mcp", "uvicorn", "uvloop", "httptools", "aiohttp", "arq", "redis", "msgspec")


def describe_machine(broker: str) -> dict[str, str]:
    """Processor, cores, Python, broker (a program that takes `--version`) and the packages that matter."""
    answer = subprocess.run([broker, "--version"], capture_output=True, text=True, check=False).stdout
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "broker": " ".join(word for word in answer.split()[:3] if not word.startswith("sha=")),
        **{name: version(name) for name in _PACKAGES},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
