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
    agent, name = names_of(exchange)
    return agent.startswith(beginnings) or name.startswith(beginnings)


def names_of(exchange: Exchange) -> tuple[str, str]:
    """Its User-Agent and its name in lower case; empty where it does not say."""
    if exchange.message.era == "modern":
        return names_in(exchange.headers, exchange.message.params)
    return exchange.headers.get("user-agent", "").lower(), _name_of_session(exchange).lower()


def names_in(headers: Mapping[str, str], params: Mapping[str, Any]) -> tuple[str, str]:
    """The same of a request of the 2026 era, whose params say the name."""
    meta = params.get("_meta")
    info = meta.get(CLIENT_INFO_META_KEY) if isinstance(meta, Mapping) else None
    name = info.get("name") if isinstance(info, Mapping) else None
    return headers.get("user-agent", "").lower(), name.lower() if isinstance(name, str) else ""


def _name_of_session(exchange: Exchange) -> str:
    if exchange.session is None or not exchange.session.client.info:
        return ""
    try:
        return _info.decode(exchange.session.client.info).name
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
