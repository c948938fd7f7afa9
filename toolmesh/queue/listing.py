"""Queues, dead letters and calls as lines that a person reads. What others wrote is shown without control characters."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from toolmesh.console import say, say_table
from toolmesh.queue.depths import Depth
from toolmesh.queue.letters import DeadLetter
from toolmesh.queue.times import ago, utc
from toolmesh.queue.whereabouts import Whereabouts

_DIED_CHARS_MAX = 60


def plain(text: str) -> str:
    """Without anything that a terminal might obey."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def say_queues(queues: Sequence[Depth]) -> None:
    """One line a queue."""
    headings = ("backend", "queue", "group", "waiting", "running", "oldest waits", "workers")
    say_table(
        headings,
        [
            (q.backend, q.lane, q.group, str(q.waiting), str(q.running), ago(q.oldest_waiting_s), str(q.workers))
            for q in queues
        ],
    )


def say_letters(letters: Sequence[DeadLetter]) -> None:
    """One line a dead letter."""
    if not letters:
        say("No dead letters.")
        return
    say(f"Dead letters ({len(letters)}):")
    say_table(("call id", "set aside", "backend", "tool", "class", "whose", "how"), [_row(letter) for letter in letters])


def _row(letter: DeadLetter) -> tuple[str, ...]:
    call = letter.call
    at = utc(letter.at_ms) if letter.at_ms else "-"
    if call is None:
        return (plain(letter.call_id), at, "-", "-", "-", "-", f"not believed: {letter.forged}")
    whose = plain(f"{call.principal.tenant}/{call.principal.subject}")
    how = plain(letter.died)[:_DIED_CHARS_MAX] or "lost its workers"
    return (letter.call_id, at, call.backend, plain(call.tool), call.access, whose, how)


def letters_json(letters: Sequence[DeadLetter]) -> list[dict[str, Any]]:
    """For programs. A letter that is not believed has nothing but `call_id`, `group`, `set_aside` and `forged`."""
    return [_members(letter) for letter in letters]


def _members(letter: DeadLetter) -> dict[str, Any]:
    members: dict[str, Any] = {
        "call_id": letter.call_id,
        "group": letter.group,
        "set_aside": utc(letter.at_ms) if letter.at_ms else None,
    }
    call = letter.call
    if call is None:
        return members | {"forged": letter.forged}
    return members | {
        "method": call.method,
        "backend": call.backend,
        "tool": call.tool,
        "class": call.access,
        "tenant": call.principal.tenant,
        "subject": call.principal.subject,
        "caller_id": call.principal.caller_id,
        "died": letter.died or None,
    }


def say_whereabouts(found: Whereabouts) -> None:
    """One line a fact."""
    facts = msgspec.to_builtins(msgspec.structs.replace(found, arguments=None))
    for name, value in facts.items():
        say(f"{name.replace('_', ' '):<16}{plain(str(value))}")
    if found.arguments is not None:
        say(f"{'arguments':<16}{json.dumps(msgspec.json.decode(found.arguments))}")


def say_resent(answer: dict[str, Any]) -> None:
    """The id of the new call, then what became of it."""
    call_id = plain(str(answer.get("callId", "")))
    say(f"sent again as   {call_id}")
    if answer.get("state") != "over":
        say(f"state           {plain(str(answer.get('state', '')))}: `toolmesh queue show {call_id}` says how it goes on")
        return
    name = "error" if "error" in answer else "result"
    say(f"{name:<16}{json.dumps(answer.get(name))}")
