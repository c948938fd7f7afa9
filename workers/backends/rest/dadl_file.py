"""Where the DADL file of a backend lies."""

from pathlib import Path, PurePosixPath

from shared.configuration import BackendEntry
from shared.errors import ConfigurationError
from shared.settings import Settings

CACHE_DIR = "dadl-cache"
"""In the data directory: definitions that were read before."""


def dadl_directory(settings: Settings) -> Path:
    """Where all of them lie."""
    return settings.dadl_dir or settings.config_dir / "dadl"


def dadl_file(entry: BackendEntry, settings: Settings) -> Path:
    """That of an entry of backends.yaml. Raises ConfigurationError for a name that leads out of the directory."""
    named = PurePosixPath(entry.dadl or "")
    if not named.parts or named.is_absolute() or ".." in named.parts:
        raise ConfigurationError(
            f"backend {entry.name}: `dadl: {named}` is not the path of a file in {dadl_directory(settings)}. Name it from "
            "there, without `..`, or set TOOLMESH_DADL_DIR."
        )
    return dadl_directory(settings) / named
