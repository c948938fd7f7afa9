"""The audit of a run: what workers wrote into their logs, and what still lies in the stream that they write from."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from shared import keys
from shared.audit import AuditRecord, decode_record
from tests.mesh import Mesh

_ENDS = ("outcome",)


def digest_of(arguments: bytes) -> str:
    """How the audit names arguments: by the bytes that the client sent."""
    return hashlib.sha256(arguments).hexdigest()[:32]


class Trail:
    """Audit records, by call and by arguments."""

    def __init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        self.records = [dict(record) for record in records]
        self._by_call: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._by_digest: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for record in self.records:
            self._by_call[record["call_id"]].append(record)
            self._by_digest[record["arguments_sha256"]].append(record)

    def of_arguments(self, arguments_sha256: str) -> list[dict[str, Any]]:
        """All records of calls with these arguments."""
        return self._by_digest[arguments_sha256]

    def has_end(self, call_id: str) -> bool:
        """Whether the audit says how this call ended."""
        return any(record["phase"] in _ENDS for record in self._by_call[call_id])

    def intents(self, arguments_sha256: str) -> set[tuple[str, int]]:
        """Call and fence of each intent; a record that was written twice, by a worker that died in between, counts once."""
        return {(r["call_id"], r["fence"]) for r in self.of_arguments(arguments_sha256) if r["phase"] == "intent"}

    def codes(self, arguments_sha256: str, phase: str = "outcome") -> list[str]:
        """The codes of one phase, each call's once."""
        found = {(r["call_id"], r["code"]) for r in self.of_arguments(arguments_sha256) if r["phase"] == phase}
        return sorted(code for _, code in found)

    def open_intents(self) -> list[str]:
        """Calls of which the audit has an intent and no end."""
        return sorted({r["call_id"] for r in self.records if r["phase"] == "intent" and not self.has_end(r["call_id"])})


def read_trail(mesh: Mesh) -> Trail:
    """Everything that there is of a mesh's audit. What a killed worker had taken and not written another one writes half a
    minute later: that is read from the stream."""
    with mesh.broker.client() as redis:
        waiting = [fields[b"r"] for _, fields in redis.xrange(keys.AUDIT_STREAM)]
    records = [_members(decode_record(raw)) for raw in waiting]
    return Trail([*mesh.audit(), *records])


def _members(record: AuditRecord) -> dict[str, Any]:
    return dict(msgspec.structs.asdict(record))
