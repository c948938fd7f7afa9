"""What an edge has in hand of running calls' requests: those that wait for calls of their own leave room for these."""

import asyncio
from typing import Any

import pytest

from edge.inner.in_hand import Asked, InHand
from edge.inner.opening import Opened
from shared.errors import PrincipalBusy
from shared.identity import Principal
from shared.inner import InnerRequest, ParentGrant


def asked(ordinal: int, subject: str = "ada") -> Asked:
    grant = ParentGrant(parent="p", group="code", principal=Principal(subject=subject), deadline_ms=1)
    request = InnerRequest(grant=b"", parent=f"of-{subject}", ordinal=ordinal, reply="w", at_ms=1)
    return Asked(Opened(group="code", request=request, grant=grant, secret=b""))


def taken(in_hand: InHand, *many: Asked) -> list[Asked]:
    for each in many:
        in_hand.take(each)
    return list(many)


def test_nobody_has_more_in_hand_than_one_may() -> None:
    in_hand = InHand(running_max=3, principal_max=2)
    first, _ = taken(in_hand, asked(1), asked(2))
    with pytest.raises(PrincipalBusy):
        in_hand.take(asked(3))
    in_hand.take(asked(1, "bob"))
    assert in_hand.free == 0
    in_hand.release(first)
    in_hand.take(asked(3))


def test_those_that_wait_for_calls_of_their_own_leave_room_for_these() -> None:
    in_hand = InHand(running_max=2, principal_max=2)
    for each in taken(in_hand, asked(1), asked(2)):
        in_hand.hold(each)
    assert (in_hand.free, len(in_hand)) == (2, 2)
    taken(in_hand, asked(3), asked(4))
    assert in_hand.free == 0


def test_and_are_held_to_the_same_limits_among_themselves() -> None:
    in_hand = InHand(running_max=2, principal_max=1)
    (ada,) = taken(in_hand, asked(1))
    in_hand.hold(ada)
    (again,) = taken(in_hand, asked(2))
    with pytest.raises(PrincipalBusy):
        in_hand.hold(again)
    (bob,) = taken(in_hand, asked(1, "bob"))
    in_hand.hold(bob)
    in_hand.release(again)
    (eve,) = taken(in_hand, asked(1, "eve"))
    with pytest.raises(PrincipalBusy, match="As many composites of scripts run here as may"):
        in_hand.hold(eve)
    in_hand.release(bob)
    in_hand.hold(eve)


def test_who_waits_for_room_hears_of_it_when_one_begins_to_wait_for_its_own_calls() -> None:
    async def test() -> Any:
        in_hand = InHand(running_max=1, principal_max=1)
        (one,) = taken(in_hand, asked(1))
        waiting = asyncio.create_task(in_hand.room())
        await asyncio.sleep(0)
        in_hand.hold(one)
        await asyncio.wait_for(waiting, 5)
        assert in_hand.free == 1

    asyncio.run(test())
