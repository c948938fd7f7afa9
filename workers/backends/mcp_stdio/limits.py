"""What one entry's servers may use: the entry's options where it has them, else the settings."""

from dataclasses import dataclass

from shared.configuration import BackendEntry
from shared.durations import parse_duration
from shared.errors import ConfigurationError
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one backend of kind `stdio`."""

    call_s: float
    """The longest that a call may take."""
    start_s: float
    """The longest that a server may take from its start to the end of its handshake."""
    memory_mib: int
    """Resident memory of a server with everything that it started."""
    processes: int
    """Servers of one worker."""


def limits_of(entry: BackendEntry, settings: Settings) -> Limits:
    """The limits of an entry. Raises ConfigurationError."""
    options = entry.options
    for name in ("processes", "memory_mib"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise ConfigurationError(f"Backend {entry.name!r}: `options.{name}` must be a whole number above 0.")
    return Limits(
        call_s=_duration(entry, "timeout", settings.mcp_timeout_s),
        start_s=_duration(entry, "start_timeout", settings.stdio_start_s),
        memory_mib=options.memory_mib or settings.stdio_memory_mib,
        processes=options.processes or 1,
    )


def _duration(entry: BackendEntry, name: str, default: float) -> float:
    text = getattr(entry.options, name)
    try:
        seconds = default if text is None else parse_duration(text)
    except ValueError:
        seconds = 0.0
    if seconds <= 0:
        raise ConfigurationError(f"Backend {entry.name!r}: `options.{name}` must be a duration such as `30s` or `1h30m`.")
    return seconds
