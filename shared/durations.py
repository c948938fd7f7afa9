"""Durations as people and upstream write them: plain seconds (`30`, `0.5`) or Go's syntax (`300ms`, `1h30m`)."""

import re

_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_PART = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(ns|us|µs|ms|s|m|h)")


def parse_duration(text: str) -> float:
    """The duration in seconds. Raises ValueError for anything that is not one; a negative one is not."""
    if _NUMBER.fullmatch(text):
        return float(text)
    seconds = 0.0
    at = 0
    while part := _PART.match(text, at):
        seconds += float(part[1]) * _UNITS_S[part[2]]
        at = part.end()
    if at == 0 or at != len(text):
        raise ValueError("not a duration")
    return seconds
