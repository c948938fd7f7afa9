"""When a call is the same call, sent again (docs/guarantees.md, "The same call again")."""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from edge.exchange import Exchange
from edge.outgoing import Outgoing
from shared import keys
from shared.errors import InvalidParams
from shared.identity import share_of
from shared.queue import NEVER_THE_SAME, Same

KEY_META = "toolmesh/idempotencyKey"
_KEY_HEADER = "idempotency-key"
_CONVERSATION_META = "openai/session"
"""ChatGPT's conversation. It only ever keeps calls apart, and is not passed on."""
_KEY_CHARS_MAX = 128
_ordered = msgspec.json.Encoder(order="sorted").encode


def same_as(exchange: Exchange, outgoing: Outgoing) -> Same:
    """Under what name this call is found when it comes again. Raises InvalidParams for a key that is none."""
    if outgoing.method != "tools/call":
        return NEVER_THE_SAME
    share = share_of(exchange.principal)
    own = _own_key(exchange.headers, outgoing.meta)
    if own:
        name = _digest(outgoing.backend, outgoing.subject, own)
        return Same(keys.reattach(share, f"own-{name}"), "own", _digest(outgoing.compared, outgoing.inputs))
    name = _digest(
        exchange.principal.caller_id,
        exchange.backend or "",
        outgoing.backend,
        outgoing.subject,
        _conversation(exchange, outgoing.meta),
        outgoing.compared,
        outgoing.inputs,
    )
    how: Literal["keep", "look"] = "keep" if outgoing.access == "write" else "look"
    return Same(keys.reattach(share, name), how)


def _own_key(headers: Mapping[str, str], meta: Mapping[str, Any]) -> str:
    """The key that the client chose: a member of `_meta`, or the header of the IETF's draft (a string in quotes there)."""
    said, header = meta.get(KEY_META), headers.get(_KEY_HEADER)
    if header is not None:
        header = header.strip()
        if len(header) > 1 and header[0] == header[-1] == '"':
            header = header[1:-1]
    if said is None and header is None:
        return ""
    key = header if said is None else said
    if not isinstance(key, str) or not 0 < len(key) <= _KEY_CHARS_MAX or not key.isprintable():
        raise InvalidParams(f"_meta[{KEY_META!r}] must be a string of 1 to {_KEY_CHARS_MAX} printable characters.")
    if header is not None and header != key:
        raise InvalidParams(f"The header Idempotency-Key and _meta[{KEY_META!r}] say different things. Keep one of them.")
    return key


def _conversation(exchange: Exchange, meta: Mapping[str, Any]) -> str:
    if exchange.session is not None:
        return exchange.session.digest
    said = meta.get(_CONVERSATION_META)
    return said if isinstance(said, str) else ""


def _digest(*parts: Any) -> str:
    """One for the same JSON values, whatever the order of members."""
    return hashlib.sha256(_ordered(parts)).hexdigest()[:32]
