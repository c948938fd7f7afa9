"""Asking an edge to send a dead letter again (only edges sign)."""

from typing import Any

from shared.errors import ConfigurationError, InvalidParams
from shared.jobs import RETRY
from toolmesh.edge_request import EdgeAway, EdgeRequest

_BESIDE_S = 10.0
"""What the edge may take beside the wait that was asked for."""
_METHOD_NOT_FOUND = -32601


def resend(url: str, api_key: str, call_id: str, wait_s: float) -> dict[str, Any]:
    """Send it; gives `callId`, `state` and, of one that is over, `result` or `error`. Raises MeshError."""
    edge = EdgeRequest(url=url, api_key=api_key)
    try:
        answer = edge.send(RETRY, {"callId": call_id, "waitS": wait_s}, timeout_s=wait_s + _BESIDE_S)
    except EdgeAway as away:
        raise ConfigurationError(
            f"{away.detail} Name another with --url. Where the dead letter is not listed any more, it was sent."
        ) from away
    if answer.status == 401:
        raise ConfigurationError("The edge does not know the key in TOOLMESH_API_KEY. Set it to the owner's.")
    error = answer.message.get("error")
    if error is None:
        return {name: value for name, value in answer.message["result"].items() if name != "resultType"}
    if error.get("code") == _METHOD_NOT_FOUND:
        raise ConfigurationError(
            "The edge has no such method for this key: only the owner may send a dead letter again. Set TOOLMESH_API_KEY "
            "to the owner's key."
        )
    raise InvalidParams(str(error["message"]))
