"""The command line of the MCP Inspector as a client: one process for each method."""

import subprocess
from pathlib import Path
from typing import Any

import msgspec

from tests.clients import node
from tests.clients.visit import Ask

_PACKAGE = "@modelcontextprotocol/inspector"
_SCRIPT = "clients/launcher/build/index.js"
_METHOD_S = 60


class Inspector:
    """Runs methods at one URL. `era` is `legacy`, `auto` or `modern`; `home` is where it keeps its files."""

    def __init__(self, url: str, key: str, era: str, home: Path) -> None:
        header = ["--header", f"Authorization: Bearer {key}"]
        self._options = ["--server-url", url, "--transport", "http", "--protocol-era", era, *header]
        self._home = home

    def run(self, method: str, *options: str) -> Any:
        """The result of one method."""
        done = subprocess.run(
            [
                *(*node.command(_PACKAGE, _SCRIPT), "--cli", *self._options),
                *("--method", method, *options, "--format", "json", "-q"),
            ],
            capture_output=True,
            env=node.environment(HOME=str(self._home)),
            timeout=_METHOD_S,
            check=False,
        )
        assert done.returncode == 0, (method, options, done.stdout.decode(), done.stderr.decode())
        return msgspec.json.decode(done.stdout)["result"]

    def call(self, ask: Ask) -> str:
        """The text of a tool's result; it has no option to ask for progress."""
        arguments = msgspec.json.encode(ask.arguments).decode()
        result = self.run("tools/call", "--tool-name", ask.name, "--tool-args-json", arguments)
        assert not result.get("isError"), result
        return str(result["content"][0]["text"])

    def prompt(self, ask: Ask) -> str:
        """The text of a prompt."""
        pairs = [f"{name}={value}" for name, value in ask.arguments.items()]
        result = self.run("prompts/get", "--prompt-name", ask.name, "--prompt-args", *pairs)
        return str(result["messages"][0]["content"]["text"])

    def read(self, ask: Ask) -> str:
        """The text of a resource."""
        return str(self.run("resources/read", "--uri", ask.name)["contents"][0]["text"])

    def names(self, kind: str, member: str = "name") -> list[str]:
        """What is listed of a kind: `tools`, `prompts`, `resources`."""
        return [item[member] for item in self.run(f"{kind}/list")[kind]]
