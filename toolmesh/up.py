"""`toolmesh up`: broker, edge and workers in one process tree, from nothing to a first call."""

import asyncio
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from shared.errors import ConfigurationError
from toolmesh.configured import load_configuration
from toolmesh.console import label, warn
from toolmesh.options import ConfigOption, PortOption
from toolmesh.plan import make_plan

_DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Directory for keys, logs and the broker's file [default: ./data]"),
]
_WorkersOption = Annotated[int, typer.Option("--workers", metavar="N", min=1, max=64, help="How many workers")]


def up(config: ConfigOption = None, port: PortOption = None, data: _DataOption = None, workers: _WorkersOption = 2) -> None:
    """Start everything on this machine: edge, workers and a broker of its own (unless REDIS_URL names one)."""
    configured = load_configuration(config, port=port, data_dir=data)
    settings = configured.settings
    with only_one(settings.data_dir):
        check_port(settings.host, settings.port)
        plan = make_plan(configured, workers, os.environ)
        for note in configured.notes:
            label("note", "yellow", note)
        for text in configured.warnings:
            warn(text)

        from toolmesh.running import run

        asyncio.run(run(plan))


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data directory for this process alone. Raises ConfigurationError where another one has it."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(data / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as cause:
        raise ConfigurationError(f"{data} can't be used ({cause.strerror}). Give another directory with --data.") from cause
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"Another `toolmesh up` uses {data}. Stop that one, or give this one a directory of its own with --data."
            ) from None
        yield
    finally:
        os.close(handle)


def check_port(host: str, port: int) -> None:
    """Raise ConfigurationError now, and not out of a child's log, when the port is taken."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as cause:
            raise ConfigurationError(
                f"Port {port} on {host} can't be used ({cause.strerror}). Stop what uses it, or give another with --port."
            ) from cause
