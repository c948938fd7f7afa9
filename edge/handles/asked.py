"""What a call that is over asks of its client: a result of the type `input_required` (MCP 2026-07-28, multi round-trip
requests), read as far as it takes to go on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from edge.request_state import Pending
from shared.messages import Final, ToolResult


class _Result(msgspec.Struct):
    resultType: str = ""  # noqa: N815 (MCP's name, as the others)
    inputRequests: dict[str, msgspec.Raw] = {}  # noqa: N815
    requestState: str | None = None  # noqa: N815


_result = msgspec.json.Decoder(_Result)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions of one round."""

    requests: Mapping[str, msgspec.Raw]
    """JSON of each, by the backend's own key."""
    pending: Pending
    """What the backend wants back with the answers."""

    def inputs(self, responses: Mapping[str, bytes]) -> bytes:
        """The members `inputResponses` and `requestState` as the backend is to see them: a JSON object."""
        members: dict[str, Any] = {"inputResponses": {key: msgspec.Raw(raw) for key, raw in responses.items()}}
        if self.pending.state is not None:
            members["requestState"] = self.pending.state
        return _encode(members)


def asked_in(final: Final | None) -> Asked | None:
    """What the end of a call asks; None where it asks nothing, or is not what it should be."""
    if not isinstance(final, ToolResult) or b'"input_required"' not in final.body:
        return None
    try:
        result = _result.decode(final.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if result.resultType != "input_required":
        return None
    return Asked(result.inputRequests, Pending(state=result.requestState, parked=final.parked, worker=final.worker))
