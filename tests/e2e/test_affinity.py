"""Owners of upstream sessions over workers that are processes: one is killed while its owners' calls run and wait."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from shared import keys
from shared.catalogue import Catalogue, ToolDefinition
from shared.clock import BrokerClock
from shared.codec import open_envelope
from shared.functions import ensure_functions
from shared.line import RedisLine
from shared.messages import Final, ToolCall, ToolFailure, ToolResult
from tests.contract.hop import GROUP, RING, make_call, put
from tests.e2e.upstream import upstream
from tests.mesh import Mesh, Process, mesh, wait_until

OWNERS = [f"owner-{number}" for number in range(8)]
QUICK = {
    "TOOLMESH_LEASE_S": "2",
    "TOOLMESH_LEASE_RENEW_S": "0.5",
    "TOOLMESH_HEARTBEAT_S": "0.25",
    "TOOLMESH_HEARTBEAT_TTL_S": "1",
    "TOOLMESH_BACKEND_CONCURRENCY": "2",
}


class Edge:
    """Signs calls as an edge does, and reads how they end."""

    def __init__(self, line: RedisLine, tools: dict[str, ToolDefinition]) -> None:
        self._line = line
        self._tools = tools
        self._clock = BrokerClock()

    async def send(self, owner: str, tool: str, arguments: dict[str, Any]) -> ToolCall:
        definition = self._tools[tool]
        call = make_call(
            self._clock,
            access=definition.access,
            subject=owner,
            backend="up",
            queue=keys.queue(GROUP, "up", keys.lane(definition.access)),
            tool=tool,
            definition=definition.hash,
            arguments=msgspec.json.encode(arguments),
            owner=owner,
        )
        await put(self._line, self._clock, call)
        return call

    async def final(self, call: ToolCall) -> Final:
        while (raw := await self._line.cmd("GET", keys.final(keys.job_id(GROUP, call.call_id)))) is None:
            await asyncio.sleep(0.02)
        _, message = open_envelope(RING, raw)
        assert isinstance(message, ToolResult | ToolFailure)
        return message

    async def holders(self) -> dict[str, str]:
        """Owner → the worker that holds it."""
        names = [keys.holder(GROUP, "up", owner) for owner in OWNERS]
        found = await self._line.cmd("MGET", *names)
        return {owner: value.decode() for owner, value in zip(OWNERS, found, strict=True) if value is not None}


def _tools(running: Mesh) -> dict[str, ToolDefinition]:
    """What the workers serve, once they do."""
    with running.broker.client() as redis:
        wait_until(lambda: redis.exists(keys.catalogue(GROUP, "up")), "the catalogue is published")
        raw = redis.get(keys.catalogue(GROUP, "up"))
    assert isinstance(raw, bytes)
    _, catalogue = open_envelope(RING, raw)
    assert isinstance(catalogue, Catalogue)
    return {tool.name: tool for tool in catalogue.tools}


def _process_of(running: Mesh, worker_id: str) -> Process:
    return next(
        w for w in running.workers if any("worker started" in x and worker_id in x for x in w.output().splitlines())
    )


def test_owners_of_a_killed_worker_lose_no_call_and_no_write_runs_twice(tmp_path: Path) -> None:
    log = tmp_path / "lines"
    log.touch()

    async def main(running: Mesh, tools: dict[str, ToolDefinition]) -> None:
        line = RedisLine(running.broker.url, pending_max=1_000, timeout_s=2.0)
        await line.open()
        await ensure_functions(line)
        edge = Edge(line, tools)
        for owner in OWNERS:
            await edge.final(await edge.send(owner, "echo", {"message": owner}))
        held = await edge.holders()
        assert held.keys() == set(OWNERS)
        victim, _ = Counter(held.values()).most_common(1)[0]
        reads = [await edge.send(owner, "sleep", {"ms": 100}) for owner in OWNERS for _ in range(5)]
        writes = [
            await edge.send(owner, "write_line", {"path": str(log), "text": f"{owner}/{number}"})
            for owner in OWNERS
            for number in range(8)
        ]
        part = keys.part(keys.queue(GROUP, "up", "read"), victim)
        assert await line.cmd("ZCARD", part) > 2, "more than it runs: the others wait in its part"
        _process_of(running, victim).kill()
        ended = [await edge.final(call) for call in reads]
        assert all(isinstance(final, ToolResult) for final in ended), "every read is answered"
        finals = [await edge.final(call) for call in writes]
        lines = Counter(log.read_text().splitlines())
        assert max(lines.values()) == 1, "no write ran twice"
        for call, final in zip(writes, finals, strict=True):
            text = msgspec.json.decode(call.arguments)["text"]
            if isinstance(final, ToolResult):
                assert lines[text] == 1, "what was answered did happen"
            else:
                assert final.code == "outcome_unknown"
        now = await edge.holders()
        assert victim not in now.values()
        taken_over = {owner for owner, worker in held.items() if worker == victim}
        told = {call.owner for call, final in zip(reads + writes, ended + finals, strict=True) if _renewed(final)}
        assert told == taken_over, "exactly the owners of the killed worker are told"
        await line.close()

    with upstream(tmp_path, "--era", "legacy") as up:
        entry = up.entry() + "    affinity: principal\n"
        with mesh(tmp_path, "backends:\n" + entry, **QUICK) as running:
            for _ in range(3):
                running.start_worker()
            tools = _tools(running)
            wait_until(lambda: all('"backend": "up"' in w.output() for w in running.workers), "all workers serve")
            asyncio.run(asyncio.wait_for(main(running, tools), 50))


def _renewed(final: Final) -> bool:
    return isinstance(final, ToolResult) and b'"toolmesh/upstreamSession":"renewed"' in final.body
