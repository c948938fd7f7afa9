"""The TypeScript SDKs as clients: one process for all visits of one client and era."""

import subprocess
from pathlib import Path

import msgspec

from tests.clients import node
from tests.clients.visit import Seen, Visit

_SCRIPT = Path(__file__).with_suffix(".mjs")
_ALL_S = 120


def visit_all(sdk: str, era: str, key: str, visits: list[tuple[str, Visit]], transport: str = "http") -> list[Seen]:
    """Visit each URL in turn. `sdk` is `v1` or `v2`; `era` `legacy`, `auto` or a version; `transport` `http` or `sse`."""
    asked = [{"url": url, "visit": visit} for url, visit in visits]
    done = subprocess.run(
        node.program(_SCRIPT),
        input=msgspec.json.encode({"sdk": sdk, "era": era, "transport": transport, "key": key, "visits": asked}),
        cwd=node.HOME,
        env=node.environment(),
        capture_output=True,
        timeout=_ALL_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return [msgspec.json.decode(line, type=Seen) for line in done.stdout.splitlines()]
