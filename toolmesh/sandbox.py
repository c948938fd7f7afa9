"""`toolmesh sandbox`: what scripts and transforms run in, as a service of its own, with no network and no secret."""

import os
from pathlib import Path
from typing import Annotated

import typer

from shared.environment import load_settings

_SocketOption = Annotated[Path, typer.Option("--socket", metavar="PATH", help="Unix socket that workers connect to")]


def sandbox(socket: _SocketOption) -> None:
    """Run scripts and transforms for the workers whose TOOLMESH_SANDBOX names its socket. It needs no configuration."""
    settings = load_settings(os.environ)

    from workers.children.service import serve

    raise typer.Exit(serve(settings, socket))
