"""Times as the operator reads them."""

from datetime import UTC, datetime


def utc(ms: int) -> str:
    """Unix milliseconds in RFC 3339, to the second; what no calendar has is shown as the number."""
    try:
        return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        return str(ms)


def ago(seconds: float | None) -> str:
    """A span, in its largest unit; `-` for none."""
    if seconds is None:
        return "-"
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"
