"""What the client of a request calls itself: in its User-Agent, in the request (2026 era), or when its session began."""

from collections.abc import Mapping
from typing import Any

import msgspec
from mcp_types import CLIENT_INFO_META_KEY

from edge.exchange import Exchange


class _Info(msgspec.Struct):
    name: str = ""


_info = msgspec.json.Decoder(_Info)


def is_called(exchange: Exchange, beginnings: tuple[str, ...]) -> bool:
    """Whether its User-Agent, or its name, begins with one of these, which are in lower case and not empty."""
    if not beginnings:
        return False
    if exchange.headers.get("user-agent", "").lower().startswith(beginnings):
        return True
    return _client_name(exchange).lower().startswith(beginnings)


def _client_name(exchange: Exchange) -> str:
    if exchange.message.era == "modern":
        meta = exchange.message.params.get("_meta")
        info: Any = meta.get(CLIENT_INFO_META_KEY) if isinstance(meta, Mapping) else None
        name = info.get("name") if isinstance(info, Mapping) else None
        return name if isinstance(name, str) else ""
    if exchange.session is None or not exchange.session.client.info:
        return ""
    try:
        return _info.decode(exchange.session.client.info).name
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
