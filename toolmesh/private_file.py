"""Files that only their owner may read, written as a whole or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path

from shared.errors import ConfigurationError


def write_private(path: Path, text: str) -> None:
    """Write a file by renaming a finished one over it. A new file gets mode 0600; an existing one keeps its mode,
    and its owner and group where this user may give them.

    Raises ConfigurationError where the directory cannot be written to.
    """
    path = Path(os.path.realpath(path))
    try:
        before = path.stat() if path.exists() else None
        mode = before.st_mode & 0o777 if before else 0o600
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with open(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                if before is not None:
                    with contextlib.suppress(PermissionError):
                        os.fchown(file.fileno(), before.st_uid, before.st_gid)
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise
    except OSError as cause:
        raise ConfigurationError(f"{path} can't be written ({cause.strerror}). Check the directory's mode.") from cause
