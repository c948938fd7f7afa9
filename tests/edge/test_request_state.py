"""What a client brings back of an earlier round is believed only in the request that it was given for."""

import msgspec
import pytest

from edge.request_state import Pending, RequestStates, binding_of
from shared.errors import InvalidParams
from shared.identity import Principal
from tests.contract.hop import RING

OWNER = Principal(subject="owner", owner=True)
BINDING = binding_of(OWNER, "up", "tools/call", "act", b'{"a":1}')
PENDING = Pending(state="theirs", parked="p1", worker="w-1")


def states(ttl_s: float = 60) -> RequestStates:
    return RequestStates(RING, ttl_s)


def test_any_edge_opens_what_another_one_sealed() -> None:
    token = states().seal(PENDING, BINDING)
    assert states().open(token, BINDING) == PENDING
    assert "theirs" not in token


@pytest.mark.parametrize(
    "other",
    [
        binding_of(Principal(subject="ada"), "up", "tools/call", "act", b'{"a":1}'),
        binding_of(Principal(subject="owner", tenant="t"), "up", "tools/call", "act", b'{"a":1}'),
        binding_of(OWNER, "upt", "ools/call", "act", b'{"a":1}'),
        binding_of(OWNER, "up", "prompts/get", "act", b'{"a":1}'),
        binding_of(OWNER, "up", "tools/call", "other", b'{"a":1}'),
        binding_of(OWNER, "up", "tools/call", "act", b'{"a":2}'),
    ],
)
def test_another_principal_backend_method_tool_or_argument_is_refused(other: bytes) -> None:
    token = states().seal(PENDING, BINDING)
    with pytest.raises(InvalidParams):
        states().open(token, other)


def test_what_is_too_old_is_refused() -> None:
    token = states().seal(PENDING, BINDING)
    with pytest.raises(InvalidParams):
        states(ttl_s=-1).open(token, BINDING)


@pytest.mark.parametrize("token", ["", "v1.", "v1.AAAA", "x", "v1." + "A" * 200, "é", "\ud800"])
def test_what_we_never_sealed_is_refused_without_a_reason(token: str) -> None:
    with pytest.raises(InvalidParams) as refused:
        states().open(token, BINDING)
    assert refused.value.data == {"reason": "invalid_request_state"}


def test_every_changed_character_is_noticed() -> None:
    token = states().seal(PENDING, BINDING)
    for at in range(len(token)):
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        with pytest.raises(InvalidParams):
            states().open(changed, BINDING)


def test_a_backend_without_a_state_of_its_own_has_none_back() -> None:
    token = states().seal(Pending(parked="p"), BINDING)
    assert states().open(token, BINDING) == Pending(state=None, parked="p")
    assert msgspec.json.encode(token)
