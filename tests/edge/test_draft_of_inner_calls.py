"""What a call of a running call is drafted as, out of the parent's grant."""

from dataclasses import replace
from typing import Any

import pytest

from edge.draft import Drafts
from edge.outgoing import Outgoing
from shared.catalogue import FurtherCalls
from shared.codec import unseal
from shared.configuration import BackendEntry
from shared.identity import Principal, share_of
from shared.inner import ParentGrant
from shared.line import RedisLine
from shared.messages import Client
from shared.settings import Settings
from tests.contract.hop import RING

ADA = Principal(subject="ada", scopes=("tools:read",))
CLIENT = Client(asking="stream", capabilities=b'{"elicitation":{}}', info=b'{"name":"x"}', log_level="debug", era="legacy")
OUTGOING = Outgoing(
    group="default",
    backend="notes",
    method="tools/call",
    subject="look",
    access="read",
    arguments=b'{"n":1}',
    meta={},
    compared=None,
    definition="d",
)


def draft(
    affinity: Any = "none",
    session: str = "",
    deadline_ms: int = 10_000,
    *,
    depth: int = 2,
    transport: Any = "http",
    outgoing: Outgoing = OUTGOING,
) -> Any:
    line = RedisLine("redis://127.0.0.1:1/0", pending_max=1, timeout_s=1)
    entry = BackendEntry(name="notes", transport=transport, affinity=affinity)
    drafts = Drafts({"notes": entry}, line, RING, "e-1", Settings(exec_timeout_s=60))
    fields: dict[str, Any] = {
        "parent": "p",
        "group": "code",
        "principal": ADA,
        "deadline_ms": deadline_ms,
        "client": CLIENT,
    }
    grant = ParentGrant(session=session, depth=depth, **fields)
    return drafts.inner(grant, outgoing, "c", 5_000, epoch="of-then")


def test_it_is_its_parents_principals_and_nobody_can_be_asked_anything() -> None:
    call = draft()
    assert (call.principal, call.parent, call.call_id, call.reply, call.epoch) == (ADA, "p", "c", "e-1", "of-then")
    assert call.client == Client(asking="no", info=CLIENT.info, era="legacy")
    assert (call.grant, call.meta, call.progress) == (b"", b"", False), "it makes no further calls"


@pytest.mark.parametrize(("deadline_ms", "expected"), [(10_000, 10_000), (1_000_000, 65_000)])
def test_it_has_no_more_time_than_its_parent_nor_than_any_call(deadline_ms: int, expected: int) -> None:
    assert draft(deadline_ms=deadline_ms).deadline_ms == expected


@pytest.mark.parametrize(
    ("affinity", "session", "owner"),
    [
        ("none", "a-session", ""),
        ("principal", "a-session", share_of(ADA)),
        ("session", "0123456789abcdef-and-more", f"{share_of(ADA)}.0123456789abcdef"),
        ("session", "", share_of(ADA)),
    ],
)
def test_it_goes_to_the_upstream_session_of_its_parents_owner(affinity: str, session: str, owner: str) -> None:
    assert draft(affinity, session).owner == owner


COMPOSITE = replace(OUTGOING, calls=FurtherCalls())


def test_a_composite_of_a_script_gets_a_grant_for_its_backend_that_ends_there() -> None:
    call = draft("principal", deadline_ms=9_000, transport="rest", outgoing=COMPOSITE)
    assert (call.queue, call.owner) == ("arq:queue:default:notes:script", ""), "it has no upstream session"
    grant = unseal(RING, "edge", call.grant, ParentGrant)
    assert (grant.parent, grant.backend, grant.tool, grant.access) == ("c", "notes", "look", "read")
    assert (grant.deadline_ms, grant.depth, grant.calls_max, grant.principal) == (9_000, 1, 50, ADA)


@pytest.mark.parametrize(("transport", "depth"), [("http", 2), ("rest", 1)], ids=["no rest backend", "too deep"])
def test_nothing_else_gets_one(transport: str, depth: int) -> None:
    assert draft(transport=transport, depth=depth, outgoing=COMPOSITE).grant == b""
