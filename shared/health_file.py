"""The health file: touched as long as a role is in touch with the broker. A container's health check looks at its age."""

from pathlib import Path

import structlog

log = structlog.get_logger()


def touch(path: Path | None) -> None:
    """Set the file's time to now. Without a path nothing is done; a file that can't be touched is said in the log."""
    if path is None:
        return
    try:
        path.touch()
    except OSError as error:
        log.warning("health file not touched", path=str(path), reason=error.strerror)
