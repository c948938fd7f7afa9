"""compose.yaml as data, and its services as local processes: the same command, environment and files, without an engine.

What an engine would give is given here: a service's volumes are directories of the test, and only its own are put in place
of the paths that its command and environment name; the broker's host name is this machine; the image of the broker is the
server that is on PATH.
"""

import re
import shutil
import signal
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from tests.mesh import ROOT, Process, free_port, server_binary, wait_until

FILE = ROOT / "compose.yaml"
_VARIABLE = re.compile(r"\$\{([A-Z_]+):-((?:[^{}]|\$\{[^{}]*\})*)\}")


def read_compose(environment: dict[str, str] | None = None) -> dict[str, Any]:
    """The file with its variables filled in."""
    found: dict[str, Any] = _filled(yaml.safe_load(FILE.read_text(encoding="utf-8")), environment or {})
    return found


def _filled(value: Any, given: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(member, given) for name, member in value.items()}
    if isinstance(value, list):
        return [_filled(member, given) for member in value]
    while isinstance(value, str) and _VARIABLE.search(value):
        value = _VARIABLE.sub(lambda match: given.get(match[1]) or match[2], value)
    return value


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Path in the container → `volume/subpath`, or the path of what is bound."""
    found = {}
    for mount in service.get("volumes", ()):
        if mount["type"] == "bind":
            found[mount["target"]] = mount["source"]
        else:
            subpath = mount.get("volume", {}).get("subpath")
            found[mount["target"]] = f"{mount['source']}/{subpath}" if subpath else mount["source"]
    return found


class Container:
    """One service's process, with what an engine would have given it."""

    def __init__(self, compose: "Compose", name: str, number: int) -> None:
        self.service = compose.file["services"][name]
        self.name = f"{name}-{number}"
        self.port = free_port()
        self.directories = {target: compose.directory_of(source) for target, source in mounts(self.service).items()}
        places = dict(self.directories)
        for entry in self.service.get("tmpfs", ()):
            places[entry.partition(":")[0]] = compose.directory / "tmpfs" / self.name
        for place in places.values():
            place.mkdir(parents=True, exist_ok=True)
        self._compose = compose
        self._places = {target: str(place) for target, place in sorted(places.items(), reverse=True)}
        self.environment = {name: self._here(str(value)) for name, value in self.service.get("environment", {}).items()}
        for entry in self.service.get("env_file", ()):
            file = compose.directory / entry["path"]
            if file.exists():
                self.environment |= dict(line.split("=", 1) for line in file.read_text().splitlines())
        self.process = Process(self._command(), compose.directory / f"{self.name}.log", self._whole_environment())

    def _here(self, text: str) -> str:
        """The same with paths of the container and host names of its network as they are on this machine."""
        for target, place in self._places.items():
            text = re.sub(rf"(?<![\w/.]){re.escape(target)}(?![\w.-])", place, text)
        text = text.replace("demo:8124", f"127.0.0.1:{self._compose.demo_port}")
        return text.replace("valkey:6379", f"127.0.0.1:{self._compose.broker_port}")

    def _command(self) -> list[str]:
        command = [self._here(part) for part in self.service["command"]]
        if command[0] == "valkey-server":
            return [server_binary(), *command[1:], "--bind", "127.0.0.1", "--port", str(self._compose.broker_port)]
        if command[0] == "demo":
            command = [*(p.replace("0.0.0.0", "127.0.0.1") for p in command), "--port", str(self._compose.demo_port)]
        return [sys.executable, "-m", "toolmesh", *command]

    def _whole_environment(self) -> dict[str, str]:
        found = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(ROOT), **self.environment}
        if "TOOLMESH_HOST" in found:
            # A container's port is its own; here all share one machine, and nothing of a test is open to others.
            found |= {"TOOLMESH_HOST": "127.0.0.1", "TOOLMESH_PORT": str(self.port)}
        return found

    def is_healthy(self) -> bool:
        """Run the service's health check."""
        assert self.process.running, f"{self.name} ended:\n{self.process.output()[-4000:]}"
        kind, *check = self.service["healthcheck"]["test"]
        check = [self._here(part).replace("8123", str(self.port)) for part in check]
        check = [part.replace("8124", str(self._compose.demo_port)) for part in check]
        if kind == "CMD-SHELL":
            client = shutil.which("valkey-cli") or shutil.which("redis-cli") or "redis-cli"
            check = ["sh", "-c", check[0].replace("valkey-cli", f"{client} -p {self._compose.broker_port}")]
        elif check[0] == "python":
            check[0] = sys.executable
        return subprocess.run(check, capture_output=True, timeout=20, check=False).returncode == 0

    def reachable_text(self) -> str:
        """Everything that this service could read of the others' secrets: its environment and its files."""
        texts = [*self.environment.values()]
        for directory in self.directories.values():
            texts += [path.read_text(errors="replace") for path in directory.rglob("*") if path.is_file()]
        return "\n".join(texts)


class Compose:
    """`docker compose up`, on a directory of the test."""

    def __init__(self, directory: Path, config: Path, environment: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.file = read_compose(environment)
        self.broker_port = free_port()
        self.demo_port = free_port()
        self.containers: dict[str, list[Container]] = {}
        self._config = config

    def directory_of(self, source: str) -> Path:
        """Where a volume's part, or something bound, lies on this machine."""
        return self._config if source == "./config" else self.directory / "volumes" / source

    def up(self, **scale: int) -> None:
        """Start services, in the order of their dependencies, each when what it depends on is as it asks for."""
        names = {name.replace("_", "-"): count for name, count in scale.items()}
        needs = {name: set(self.file["services"][name].get("depends_on", ())) for name in names}
        for name in TopologicalSorter(needs).static_order():
            for other, wanted in self.file["services"][name].get("depends_on", {}).items():
                self._wait(other, wanted["condition"])
            for _ in range(names.get(name, 1)):
                self.start(name)
            self._wait(name, "service_healthy" if "healthcheck" in self.file["services"][name] else "service_started")

    def start(self, name: str) -> Container:
        """One more container of a service."""
        started = self.containers.setdefault(name, [])
        container = Container(self, name, len(started) + 1)
        started.append(container)
        return container

    def _wait(self, name: str, condition: str) -> None:
        for container in self.containers[name]:
            if condition == "service_completed_successfully":
                wait_until(lambda c=container: not c.process.running, f"{name} has ended")
                assert container.process.stop() == 0, container.process.output()
            elif condition == "service_healthy":
                wait_until(container.is_healthy, f"{name} is healthy")

    def down(self) -> None:
        """Stop everything, the broker last."""
        everyone = [container.process for containers in self.containers.values() for container in containers]
        for process in reversed(everyone):
            process.send(signal.SIGTERM)
        for process in reversed(everyone):
            process.stop()
