"""Where the broker of a running `toolmesh up` listens, for commands beside it: a file in the data directory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolmesh.private_file import write_private

_FILE = "broker-url"


@contextmanager
def announced(data: Path, url: str) -> Iterator[None]:
    """Have the URL written there. Raises ConfigurationError where the directory can't be written to."""
    path = data / _FILE
    path.unlink(missing_ok=True)
    write_private(path, url + "\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def read_broker_url(data: Path) -> str | None:
    """The URL that is written there; None where no `up` with a broker of its own runs on that directory."""
    try:
        return (data / _FILE).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
