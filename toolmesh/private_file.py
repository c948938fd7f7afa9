"""Files that only their owner may read, written as a whole or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path

from shared.errors import ConfigurationError


def write_private(path: Path, text: str) -> None:
    """Write a file by renaming a finished one over it. A new file gets mode 0600; an existing one keeps its mode.

    Raises ConfigurationError where the directory cannot be written to.
    """
    path = Path(os.path.realpath(path))
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with open(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise
    except OSError as cause:
        raise ConfigurationError(f"{path} can't be written ({cause.strerror}). Check the directory's mode.") from cause
