"""Log messages of a server for its callers (MCP 2025-11-25, server/utilities/logging).

A server has one level for all, callers have each their own: the server is asked for the most verbose one that was wanted,
and each caller gets what it wants of that.
"""

from collections.abc import Callable

import msgspec

from shared.messages import Client
from workers.backends.mcp_protocol import wire
from workers.backends.mcp_stdio.conversation import Conversation

_LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
_RANKS = {level: rank for rank, level in enumerate(_LEVELS)}


class _Params(msgspec.Struct):
    level: str


_params = msgspec.json.Decoder(_Params)


def want_level(conversation: Conversation, client: Client) -> None:
    """Ask the server for this client's level, where that is more than was asked for before.

    The answer is not waited for: the request that comes next is read after it.
    """
    rank = _RANKS.get(client.log_level)
    if rank is None or conversation.modern or "logging" not in conversation.capabilities:
        return
    if conversation.log_rank is not None and conversation.log_rank <= rank:
        return
    params = b'"level":"%b"' % client.log_level.encode()
    request = wire.request(conversation.next_id(), "logging/setLevel", modern=False, params=params)
    if conversation.tell(request.body):
        conversation.log_rank = rank


def filtered(notify: Callable[[str, bytes], None], client: Client) -> Callable[[str, bytes], None] | None:
    """`notify` without the log messages that the client does not want; None where it wants none at all."""
    least = _RANKS.get(client.log_level)
    if least is None:
        return None

    def relay(method: str, params: bytes) -> None:
        try:
            rank = _RANKS.get(_params.decode(params).level, -1)
        except msgspec.DecodeError:
            return
        if rank >= least:
            notify(method, params)

    return relay
