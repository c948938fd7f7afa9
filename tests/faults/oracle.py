"""The judge: holds what clients saw against what the upstream did and what the audit says.

After Jepsen: every call carries a token of its own; the upstream notes it on disk before it answers; the client notes how
each call ended. ok means that it was done, once for a write; an error that says "not executed" means that it was not;
`outcome_unknown` means at most once; and every call has an end.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tests.faults.history import Ask
from tests.faults.ledger import Book
from tests.faults.trail import Trail

WRITES = frozenset({"write", "intended"})

MAY_HAVE_BEGUN = frozenset({"error", "upstream_error", "upstream_timeout", "upstream_bad_response", "upstream_too_large"})
"""Codes of failures after which a write may be in the ledger. Every other one says that it is not. A read may always be."""


@dataclass(frozen=True)
class EdgeFault:
    """An edge that was killed, or stopped and revived (Unix time)."""

    edge: int
    began: float
    ended: float


@dataclass
class Verdict:
    """What is wrong with a run; nothing, if all lists are empty."""

    lost: list[str] = field(default_factory=list)
    """Said to be done and was not; said not to be executed and was."""
    duplicated: list[str] = field(default_factory=list)
    """Writes that were sent more often than they were meant."""
    misrouted: list[str] = field(default_factory=list)
    """Answers to somebody else."""
    unanswered: list[str] = field(default_factory=list)
    """Neither answered nor broken off."""
    gaps: list[str] = field(default_factory=list)
    """What the audit should say and does not."""
    not_promised: list[str] = field(default_factory=list)
    """What `docs/guarantees.md` says can't be promised: writes that were meant twice and happened once after an edge was
    killed, which their answers say."""

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.duplicated or self.misrouted or self.unanswered or self.gaps)

    def counts(self) -> dict[str, int]:
        """The four figures."""
        return {name: len(getattr(self, name)) for name in ("lost", "duplicated", "misrouted", "unanswered")}

    def __str__(self) -> str:
        kinds = ("lost", "duplicated", "misrouted", "unanswered", "gaps", "not_promised")
        found = [f"{kind}: {line}" for kind in kinds for line in getattr(self, kind)]
        return "\n".join(found) or "nothing is wrong"


def check(
    asks: Iterable[Ask], book: Book, trail: Trail, *, edge_faults: Sequence[EdgeFault] = (), audit_lost: bool = False
) -> Verdict:
    """Judge a run that is over. `audit_lost`: whether the broker lost data, and with it records of the audit that no store
    had written yet."""
    verdict = Verdict()
    populations: defaultdict[str, list[Ask]] = defaultdict(list)
    for ask in asks:
        _check_answer(ask, verdict)
        populations[ask.token].append(ask)
    for token, group in populations.items():
        if group[0].tool == "intended":
            _check_intended(token, group, book, edge_faults, verdict)
        else:
            for ask in group:
                _check_executions(ask, book, verdict)
        if not audit_lost:
            _check_audit(token, group, book, trail, verdict)
    if not audit_lost:
        verdict.gaps += [f"call {call_id}: an intent, and no end" for call_id in trail.open_intents()]
    return verdict


def _check_answer(ask: Ask, verdict: Verdict) -> None:
    if ask.end == "silent":
        verdict.unanswered.append(
            f"{ask.tool} {ask.token}: no answer {ask.ended - ask.began:.1f} s after it was sent {_told(ask)}"
        )
    if ask.end == "ok" and ask.text != ask.token:
        verdict.misrouted.append(f"{ask.tool} {ask.token}: the answer holds {ask.text[:80]!r}")


def _check_executions(ask: Ask, book: Book, verdict: Verdict) -> None:
    begun, done = book.begun(ask.token), book.done(ask.token)
    where = f"{ask.tool} {ask.token}"
    if ask.end == "ok" and done == 0:
        verdict.lost.append(f"{where}: answered as done, and is not in the ledger {_told(ask)}")
    if ask.tool not in WRITES:
        return
    if begun > 1:
        verdict.duplicated.append(
            f"{where}: begun {begun} times (ended {ask.end} {ask.code}, sent {ask.sendings} times) {_told(ask)}"
        )
    if ask.end == "error" and ask.code not in MAY_HAVE_BEGUN and begun:
        verdict.lost.append(
            f"{where}: answered {ask.code}, which says not executed, and was begun {begun} times {_told(ask)}"
        )


def _told(*asks: Ask) -> str:
    return "".join(f"\n    {line}" for ask in asks for line in ask.story)


def _check_intended(token: str, group: list[Ask], book: Book, edge_faults: Sequence[EdgeFault], verdict: Verdict) -> None:
    begun, done = book.begun(token), book.done(token)
    if begun > len(group):
        verdict.duplicated.append(f"intended {token}: meant {len(group)} times, begun {begun} times {_told(*group)}")
    said = sum(ask.end == "ok" for ask in group)
    if done < said:
        line = f"intended {token}: answered as done {said} times, done {done} times {_told(*group)}"
        excused = _joined_after_edge_fault(group, edge_faults)
        (verdict.not_promised if said - done <= excused else verdict.lost).append(line)


def _joined_after_edge_fault(group: list[Ask], edge_faults: Sequence[EdgeFault]) -> int:
    """How many of these answers say themselves that they are another call's, between whose ends an edge died."""
    ends = sorted((ask for ask in group if ask.end == "ok"), key=lambda ask: ask.ended)
    return sum(
        not later.keyed
        and later.attached
        and later.call_id != ""
        and later.call_id == earlier.call_id
        and any(earlier.began <= fault.ended and fault.began <= later.ended for fault in edge_faults)
        for earlier, later in pairwise(ends)
    )


def _check_audit(token: str, group: list[Ask], book: Book, trail: Trail, verdict: Verdict) -> None:
    for ask in group:
        if ask.end not in ("ok", "unknown") and not ask.call_id:
            continue  # it never was a call
        known = trail.has_end(ask.call_id) if ask.call_id else bool(trail.codes(ask.arguments_sha256))
        if not known:
            verdict.gaps.append(f"{ask.tool} {token}: ended {ask.end} {ask.code}, call {ask.call_id or '?'} has no end")
    if group[0].tool in WRITES:
        begun = book.begun(token)
        intents = len(set().union(*(trail.intents(digest) for digest in {ask.arguments_sha256 for ask in group})))
        if intents < begun:
            verdict.gaps.append(f"{group[0].tool} {token}: begun {begun} times, with {intents} intents")
