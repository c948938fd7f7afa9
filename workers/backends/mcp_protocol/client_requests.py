"""What a server of the 2025 era may ask of the client (MCP, client features), as far as the operator relays it."""

from collections.abc import Sequence

from shared.configuration import Relayed
from workers.backends.backend import Ask
from workers.client import RELAYED_METHODS

_CAPABILITIES: dict[Relayed, bytes] = {
    "elicitation": b'"elicitation":{"form":{},"url":{}}',
    "sampling": b'"sampling":{"tools":{}}',
    "roots": b'"roots":{}',
}
_REFUSAL = b'{"error":{"code":-32601,"message":"Method not found"}}'


def capabilities_of(relay: Sequence[Relayed]) -> bytes:
    """JSON object: the `ClientCapabilities` that we declare in `initialize`."""
    return b"{%b}" % b",".join(_CAPABILITIES[kind] for kind in sorted(set(relay)))


def only_relayed(relay: Sequence[Relayed], ask: Ask) -> Ask | None:
    """`ask` for what is relayed, a refusal for the rest; None where nothing is."""
    if not relay:
        return None

    async def ask_relayed(method: str, params: bytes) -> bytes:
        if RELAYED_METHODS.get(method) not in relay:
            return _REFUSAL
        return await ask(method, params)

    return ask_relayed
