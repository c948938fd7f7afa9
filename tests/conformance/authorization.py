"""Runs the suite's scenarios for authorization servers, with a person who goes where the suite sends them."""

import json
import re
import subprocess
from pathlib import Path

import httpx2

from tests.clients import node
from tests.conformance import suite
from tests.mesh import wait_until
from tests.oauth.person import Person, register
from tests.oauth.sdk_client import follow

CHECKS = {"authorization-server-metadata", "authorization-server-metadata-cimd", "authorization-code-grant"}
"""All that there are for an authorization server, in two scenarios; `list` of the suite shows those."""
_URL = re.compile(r"^(http://\S+/authorize\?\S+)$", re.MULTILINE)


def run(url: str, port: int, directory: Path) -> dict[str, suite.Check]:
    """Run them against the authorization server at `url`; the suite waits at `port` for its person to come back."""
    directory.mkdir(parents=True)
    client = register(url, redirect_uris=[f"http://127.0.0.1:{port}/callback"])
    command = [*node.command(suite.PACKAGE, "dist/index.js"), "authorization", "--url", url]
    command += ["--client-id", client.client_id, "--resource", f"{url}/mcp", "--port", str(port)]
    said = directory / "suite.log"
    with (
        said.open("w") as log,
        subprocess.Popen(
            [*command, "--output-dir", str(directory / "results")], stdout=log, stderr=log, env=node.environment()
        ) as process,
    ):
        try:
            wait_until(lambda: _URL.search(said.read_text()) or process.poll() is not None, "the suite sends its person")
            found = _URL.search(said.read_text())
            assert found is not None, said.read_text()
            person = Person(url)
            try:
                back = follow(person, found[1], "ada")
            finally:
                person.close()
            assert httpx2.get(back, trust_env=False, timeout=20).status_code == 200
            process.wait(suite.RUN_S)
        finally:
            process.kill()
    return _read(directory / "results")


def _read(results: Path) -> dict[str, suite.Check]:
    found: dict[str, suite.Check] = {}
    for file in results.glob("**/checks.json"):
        for item in json.loads(file.read_text()):
            check = suite.Check("authorization", item["id"], item["status"], item.get("errorMessage") or "")
            found[check.id] = check
    return found
