"""A process that calls a REST backend without a mesh: `python -m bench.rest_calls URL FOLDER CALLS`.

Prints one JSON object: processor seconds of a call, and of the same request by the HTTP client alone; seconds that building
a request takes; and by how many bytes the process grew over an answer that is too large.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from shared.configuration import BackendEntry
from shared.errors import UpstreamTooLarge
from shared.identity import Principal
from shared.line import RedisLine
from shared.mesh_keys import generate_key_ring, parse_key_ring
from shared.messages import Client
from shared.settings import Settings
from workers.backends.backend import Invocation
from workers.backends.rest.backend import RestBackend, open_backend
from workers.backends.rest.reader.loading import load_definition
from workers.backends.rest.requests.plan import RequestPlan
from workers.children.opened import open_children
from workers.credentials import Credentials
from workers.equipment import Equipment

FLOOD_BYTES = 1024 * 1024 * 1024
_WARM = 200
_BUILDS = 20_000
_DADL = """spec: "https://dadl.ai/spec/dadl-spec-v0.2.md"
backend:
  name: rows
  type: rest
  description: Rows
  auth: {type: bearer, credential: rows}
  tools:
    get_row:
      method: GET
      path: /rows/{id}
      access: read
      description: One row
      params:
        id: {type: string, in: path, required: true}
        full: {type: boolean, in: query, default: true}
        fields: {type: array, in: query}
        X-Site: {type: string, in: header}
    put_row:
      method: PUT
      path: /rows/{id}
      access: write
      description: Write a row
      params:
        id: {type: string, in: path, required: true}
        name: {type: string, in: body, required: true}
        size: {type: number, in: body}
        tags: {type: array, in: body}
        dry: {type: boolean, in: query}
    flood:
      method: GET
      path: /flood
      access: read
      description: Too much
      params: {bytes: {type: integer, in: query, required: true}}
"""
_ROW = {"id": "r/17", "full": True, "fields": ["id", "name"], "X-Site": "north"}
_PUT = {"id": "r/17", "name": "A row", "size": 12.5, "tags": ["one", "two"], "dry": False}


async def _measure(url: str, folder: Path, calls: int) -> dict[str, float]:
    (folder / "dadl").mkdir(parents=True)
    file = folder / "dadl" / "rows.dadl"
    file.write_text(_DADL, encoding="utf-8")
    settings = Settings(config_dir=folder, data_dir=folder)
    entry = BackendEntry(name="rows", transport="rest", dadl=file.name, url=url)
    line = RedisLine("redis://127.0.0.1:1/0", pending_max=1, timeout_s=1.0)  # nothing here is shared with anybody
    children = open_children(settings)
    equipment = Equipment(children=children, line=line, ring=parse_key_ring(generate_key_ring(["default"])))
    backend = open_backend(entry, settings, Credentials({"CREDENTIAL_ROWS": "the-token-of-the-bench"}), equipment=equipment)
    await backend.start(lambda: None, lambda uri: None)
    await backend.list_all()
    try:
        plain_s, call_s = await _compare(url, backend, calls)
        grown = await _flooded(backend)
    finally:
        await backend.close()
        await children.close()
    return {"plain_s": plain_s, "call_s": call_s, "build_s": _build_s(file, url), "grown_bytes": grown}


async def _compare(url: str, backend: RestBackend, calls: int) -> tuple[float, float]:
    """Both in turns, since a machine is not as fast at every moment."""
    row = _invocation("get_row", _ROW)
    target = f"{url}/rows/r%2F17?fields=id&fields=name&full=true"
    headers = {"X-Site": "north", "Authorization": "Bearer the-token-of-the-bench"}
    async with aiohttp.ClientSession(trust_env=False) as session:

        async def plain() -> None:
            async with session.get(target, headers=headers) as response:
                await response.read()

        async def call() -> None:
            await backend.call(row)

        await _cpu_s(plain, _WARM)
        await _cpu_s(call, _WARM)
        plain_s = call_s = 0.0
        for _ in range(10):
            plain_s += await _cpu_s(plain, calls // 10)
            call_s += await _cpu_s(call, calls // 10)
    return plain_s / calls, call_s / calls


async def _cpu_s(run: Callable[[], Awaitable[None]], count: int) -> float:
    begun = time.process_time()
    for _ in range(count):
        await run()
    return time.process_time() - begun


async def _flooded(backend: RestBackend) -> float:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        await backend.call(_invocation("flood", {"bytes": FLOOD_BYTES}))
    except UpstreamTooLarge:
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    raise SystemExit("An answer that is too large was taken.")


def _build_s(file: Path, url: str) -> float:
    """The slower of two ordinary requests."""
    definition = load_definition(file).definition
    assert definition is not None
    seconds = []
    for name, arguments in (("get_row", _ROW), ("put_row", _PUT)):
        plan = RequestPlan(definition.tools[name], definition.headers, url)
        plan.build(arguments)
        begun = time.perf_counter()
        for _ in range(_BUILDS):
            plan.build(arguments)
        seconds.append((time.perf_counter() - begun) / _BUILDS)
    return max(seconds)


def _invocation(tool: str, arguments: dict[str, Any]) -> Invocation:
    async def refuse(method: str, params: bytes) -> bytes:
        return b'{"error":{"code":-32601,"message":"nobody can be asked"}}'

    async def dispatch() -> None:
        return None

    return Invocation(
        call_id="bench",
        method="tools/call",
        tool=tool,
        access="read",
        arguments=json.dumps(arguments).encode(),
        meta=b"",
        inputs=b"",
        client=Client(),
        owner="",
        principal=Principal(subject="bench"),
        deadline=asyncio.get_running_loop().time() + 600,
        wants_progress=False,
        report=lambda params: None,
        notify=lambda method, params: None,
        ask=refuse,
        dispatch=dispatch,
    )


def main() -> None:
    """Print what was measured."""
    print(json.dumps(uvloop.run(_measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))))


if __name__ == "__main__":
    main()
