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
CompanyOption = Annotated[str, typer.Option("--company", metavar="C", help="The user's company")]
PlanOption = Annotated[str, typer.Option("--plan", metavar="P", help="The user's plan")]
RolesOption = Annotated[str, typer.Option("--roles", metavar="R", help="The user's roles, separated by commas")]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Directory of a `toolmesh up` that runs here [default: ./data]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object")]


def listed(text: str) -> tuple[str, ...]:
    """The words of an option that is separated by commas."""
    return tuple(word for part in text.split(",") if (word := part.strip()))
