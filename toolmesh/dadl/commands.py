"""The subcommands of `toolmesh dadl`."""

from pathlib import Path
from typing import Annotated

import typer

from toolmesh.options import JsonOption

dadl = typer.Typer(help="DADL files, which describe REST APIs.", no_args_is_help=True, rich_markup_mode=None)


@dadl.callback()
def _dadl() -> None:
    """DADL files, which describe REST APIs."""


@dadl.command("lint")
def lint(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files, or directories with *.dadl files")],
    as_json: JsonOption = False,
) -> None:
    """Say everything that is wrong with DADL files. Exit code 0: fine or warnings, 1: errors, 2: nothing to look at."""
    from toolmesh.dadl.lint import run_lint

    raise typer.Exit(run_lint(paths, as_json=as_json))
