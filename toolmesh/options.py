"""Command-line options that several subcommands have."""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="DIR", help="Directory with backends.yaml and the other files [default: ./config]"),
]
PortOption = Annotated[
    int | None, typer.Option("--port", metavar="N", min=1, max=65535, help="Port that the edge binds [default: 8123]")
]
