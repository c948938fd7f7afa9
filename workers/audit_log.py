"""The audit store `log`: one JSON line on standard output for each record of the stream.

Workers share the reading (a consumer group), so each record is written once; what a dead worker took and did not write is
taken over after a while. A record leaves the stream when its line is written.
"""

import asyncio
import sys
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from shared import keys
from shared.audit import AuditRecord, decode_record

log = structlog.get_logger()

_BATCH = 500
_BLOCK_MS = 1_000
_GATHER_S = 0.02
_TAKE_OVER_MS = 30_000
_RETRY_S = 0.5


class AuditLog:
    """Reads the audit stream and writes lines."""

    def __init__(self, url: str, worker_id: str) -> None:
        self._redis: Redis = Redis.from_url(url, single_connection_client=True)
        self._worker_id = worker_id

    async def write_for_ever(self) -> None:
        """Write records until cancelled."""
        await_group = True
        while True:
            try:
                if await_group:
                    await self._make_group()
                    await_group = False
                    await self._take_over()
                batch = await self._redis.xreadgroup(
                    keys.AUDIT_READERS,
                    self._worker_id,
                    {keys.AUDIT_STREAM: ">"},
                    count=_BATCH,
                    block=_BLOCK_MS,
                )
                if batch:
                    await self._write(batch[0][1])
                    # Under load a batch costs what a single record costs: let one gather.
                    await asyncio.sleep(_GATHER_S)
            except ResponseError as error:
                await_group = True
                if not str(error).startswith("NOGROUP"):
                    log.error("audit stream not readable", reason=str(error))
                    await asyncio.sleep(_RETRY_S)
            except (RedisError, OSError):
                await_group = True
                await asyncio.sleep(_RETRY_S)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._redis.aclose()

    async def _make_group(self) -> None:
        try:
            await self._redis.xgroup_create(keys.AUDIT_STREAM, keys.AUDIT_READERS, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def _take_over(self) -> None:
        reply = await self._redis.xautoclaim(
            keys.AUDIT_STREAM, keys.AUDIT_READERS, self._worker_id, _TAKE_OVER_MS, count=_BATCH
        )
        if reply[1]:
            await self._write(reply[1])

    async def _write(self, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> None:
        lines = [_line(fields) for _, fields in entries if fields]
        sys.stdout.write("".join(lines))
        sys.stdout.flush()
        ids: list[Any] = [entry_id for entry_id, _ in entries]
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.xack(keys.AUDIT_STREAM, keys.AUDIT_READERS, *ids)
            pipeline.xdel(keys.AUDIT_STREAM, *ids)
            await pipeline.execute()


def _line(fields: dict[bytes, bytes]) -> str:
    try:
        record = decode_record(fields[b"r"])
    except (KeyError, msgspec.DecodeError):
        return '{"event":"audit","phase":"refused","code":"forged_message","tool":"audit record"}\n'
    members = {name: getattr(record, name) for name in AuditRecord.__struct_fields__}
    return msgspec.json.encode({"event": "audit", **members}).decode() + "\n"
