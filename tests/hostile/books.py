"""What a run left in the ledger behind the mesh, and in the audit: every call that was made, and no other."""

from collections import Counter
from collections.abc import Mapping

from tests.faults.trail import Trail, read_trail
from tests.hostile.arena import Arena
from tests.mesh import wait_until

_SCRIPT = "execute_code"
_WAIT_S = 15.0


def leaks(arena: Arena, allowed: Mapping[str, int], unbounded: frozenset[str]) -> list[str]:
    """Calls that reached the ledger and had no right to. `allowed`: how many reads may have come, by token; tokens of
    `unbounded` may be read as often as one likes."""
    found = []
    entries = [entry for entry in arena.ledger.book().entries if entry.phase == "begun"]
    found += [f"the ledger has {entry.tool} of {entry.token}" for entry in entries if entry.tool != "read"]
    for token, count in Counter(entry.token for entry in entries if entry.tool == "read").items():
        if token not in unbounded and count > allowed.get(token, 0):
            found.append(f"the ledger was read {count} times by {token}, which may {allowed.get(token, 0)} times")
    return found


def gaps(arena: Arena) -> list[str]:
    """What the audit does not have."""
    asked = sum(ended.was_run for ended in arena.sent)
    reads = sum(entry.phase == "done" and entry.tool == "read" for entry in arena.ledger.book().entries)

    def missing() -> list[str]:
        trail = read_trail(arena.running)
        scripts, inner = _scripts_of(trail), _inner_of(trail)
        found = []
        if not asked <= len(scripts) <= len(arena.sent):
            found.append(f"{asked} of {len(arena.sent)} scripts were run, and the audit has the end of {len(scripts)}")
        read = {record["call_id"] for record in inner if record["backend"] == "book"}
        if len(read) < reads:
            found.append(f"the ledger was read {reads} times, and the audit knows {len(read)} of them by their parents")
        lost = {str(record["parent"]) for record in inner} - {str(record["call_id"]) for record in trail.records}
        return found + [f"the audit has a call of {parent}, and not that" for parent in sorted(lost)[:3]]

    try:
        wait_until(lambda: not missing(), "the audit is whole", _WAIT_S)
    except AssertionError:
        return missing()
    return []


def _scripts_of(trail: Trail) -> set[str]:
    """Ids of the scripts whose end is in the audit."""
    return {
        str(record["call_id"]) for record in trail.records if record["tool"] == _SCRIPT and record["phase"] == "outcome"
    }


def _inner_of(trail: Trail) -> list[dict[str, object]]:
    return [record for record in trail.records if record.get("parent") and record["phase"] == "outcome"]
