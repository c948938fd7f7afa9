"""How long calls of a backend may take."""

from shared.configuration import BackendEntry
from shared.durations import parse_duration
from shared.errors import ConfigurationError
from shared.settings import Settings


def timeout_s(entry: BackendEntry, settings: Settings) -> float:
    """The longest that a call of this backend may take. Raises ConfigurationError."""
    text = entry.options.timeout
    if text is None:
        return settings.mcp_timeout_s
    try:
        return parse_duration(text)
    except ValueError:
        raise ConfigurationError(
            f"Backend {entry.name!r}: `options.timeout` must be a duration such as `30s` or `1h30m`."
        ) from None
