"""Severity of log messages (MCP, server utilities, "Logging"; RFC 5424), and what of them a client gets."""

import msgspec

from shared.messages import Client

LOG_LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
"""MCP `LoggingLevel`, the least severe first."""
_RANKS = {level: rank for rank, level in enumerate(LOG_LEVELS)}

ALL = 0
NONE = len(LOG_LEVELS)


class _Leveled(msgspec.Struct):
    level: str


_messages = msgspec.json.Decoder(_Leveled)


def least_severe(client: Client) -> int:
    """Rank of the least severe message that a client wants, `NONE` for none at all.

    A client of the 2026 era has to ask for log messages; in the 2025 era it is the server that decides until it is told.
    """
    if client.log_level:
        return _RANKS.get(client.log_level, NONE)
    return NONE if client.era == "modern" else ALL


def severity_of(params: bytes) -> int:
    """Rank of a `notifications/message`, by its params (a JSON object); -1 where it has no level that MCP knows."""
    try:
        return _RANKS.get(_messages.decode(params).level, -1)
    except msgspec.DecodeError:
        return -1


def more_verbose(level: str, than: str) -> bool:
    """Whether a level that MCP knows asks for more than another; anything is more than what was never set."""
    return level in _RANKS and _RANKS[level] < _RANKS.get(than, NONE)
