"""Programs of others that send their person to a page: started, with all that they say in files."""

import os
import re
import subprocess
from pathlib import Path

import httpx2

from tests.chatgpt.stage import Stage
from tests.clients import node
from tests.mesh import WAIT_S, wait_until
from tests.oauth.sdk_client import follow

_DESKTOP = {"DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_CURRENT_DESKTOP"}
_LINK = re.compile(r"https://localhost:[0-9]+/authorize\?\S+")


def environment(at: Stage, home: Path) -> dict[str, str]:
    """Of a program that trusts the stage, keeps its files in `home`, and opens no browser: not that of a desktop either."""
    stand_ins = home / "bin"
    stand_ins.mkdir(exist_ok=True)
    for name in ("open", "xdg-open"):
        (stand_ins / name).write_text("#!/bin/sh\n")
        (stand_ins / name).chmod(0o700)
    known = node.environment(
        HOME=str(home),
        BROWSER="true",
        NODE_EXTRA_CA_CERTS=str(at.documents.ca),
        MCP_REMOTE_CONFIG_DIR=str(home / "mcp-remote"),
        MCP_INSPECTOR_SECRET_STORE="file",
        MCP_AUTO_OPEN_ENABLED="true",
    )
    known["PATH"] = f"{stand_ins}{os.pathsep}{known['PATH']}"
    return {name: value for name, value in known.items() if name not in _DESKTOP}


def send_back(at: Stage, said: Path, *, to_program: bool = True) -> str:
    """Wait until a program says where its person is to go, log in there, and allow it; gives where that leads back to.

    `to_program`: it listens there, and the person's browser asks it.
    """
    wait_until(lambda: _LINK.search(said.read_text()), f"{said.name} sends its person")
    found = _LINK.search(said.read_text())
    assert found is not None
    back = follow(at.person(), found[0], "ada")
    if to_program:
        answer = httpx2.get(back, trust_env=False, timeout=WAIT_S)
        assert answer.status_code == 200, answer.text
    return back


class Program:
    """A running one, which is talked to in lines."""

    def __init__(self, command: list[str], given: dict[str, str], said: Path, directory: Path | None = None) -> None:
        """`said`: takes stdout and stderr."""
        self.said = said
        with said.open("wb") as out:
            self._child = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=out, stderr=out, env=given, cwd=directory, text=True
            )

    def tell(self, line: str) -> None:
        """Write a line to it."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"{line}\n")
        self._child.stdin.flush()

    def says(self, text: str) -> None:
        """Wait until it says that."""
        wait_until(lambda: text in self.said.read_text() or self._child.poll() is not None, f"{self.said.name} says {text}")
        assert text in self.said.read_text(), self.said.read_text()

    def end(self) -> None:
        """It is told that nothing comes any more, and ends well."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        assert self._child.wait(WAIT_S) == 0, self.said.read_text()

    def kill(self) -> None:
        self._child.kill()
        self._child.wait(WAIT_S)
