"""The client behind a call, as a backend may see it: what may be asked of it, and which log messages it takes.

MCP 2025-11-25, client features (elicitation, sampling, roots) and utilities/logging. A server's request is relayed only if
the operator allows it (`relay` of the backend's entry) and the client has declared that it can do it.
"""

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from shared.configuration import Relayed
from shared.log_levels import least_severe, severity_of
from shared.messages import Client

RELAYED_METHODS: Final[Mapping[str, Relayed]] = {
    "elicitation/create": "elicitation",
    "roots/list": "roots",
    "sampling/createMessage": "sampling",
}
"""What a server may ask of a client, and the capability that it needs."""
DENIED: Final = b'{"error":{"code":-32601,"message":"The client can not be asked this."}}'

UNUSABLE: Final = b'{"error":{"code":-32603,"message":"What the client answered can not be used."}}'
_NOTICE: Final = "notifications/message"
_COMPLETE: Final = "notifications/elicitation/complete"
_NONE: Final = b"{}"


_objects = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def cut_down(client: Client, relay: Collection[str]) -> Client:
    """The client with those of its capabilities that the operator relays, and no others."""
    if client.capabilities == _NONE:
        return client
    kept: dict[str, msgspec.Raw] = {}
    if relay and client.asking != "no":
        try:
            declared = _objects.decode(client.capabilities)
        except msgspec.DecodeError:
            declared = {}
        kept = {name: declared[name] for name in RELAYED_METHODS.values() if name in relay and name in declared}
    return msgspec.structs.replace(client, capabilities=_encode(kept))


def may_be_asked(client: Client, method: str) -> bool:
    """Whether a client (that was cut down) can be asked this."""
    needed = RELAYED_METHODS.get(method)
    return needed is not None and client.asking != "no" and needed in _objects.decode(client.capabilities)


def takes_notice(client: Client, method: str, params: bytes) -> bool:
    """Whether a client takes a notification of a server beside progress: log messages, from its level on, and the end of
    what it was asked to do elsewhere."""
    if method == _NOTICE:
        return severity_of(params) >= least_severe(client)
    return method == _COMPLETE and may_be_asked(client, "elicitation/create")
