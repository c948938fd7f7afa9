"""The operator's command. Each subcommand is a file of its own, and imports what is heavy when it runs."""

import os
import sys
from typing import Annotated

import typer

from shared.errors import MeshError
from toolmesh.client import client
from toolmesh.configured import config_dir
from toolmesh.console import show_problems
from toolmesh.dadl.commands import dadl
from toolmesh.demo.command import demo
from toolmesh.doctor.command import doctor
from toolmesh.edge import edge
from toolmesh.init import init, secrets
from toolmesh.key import key
from toolmesh.options import ConfigOption
from toolmesh.queue.commands import queue
from toolmesh.sandbox import sandbox
from toolmesh.up import up
from toolmesh.user import user
from toolmesh.worker import worker

EXIT_USAGE = 2

app = typer.Typer(
    name="toolmesh",
    help="ToolMesh: a secure execution layer between AI agents and the systems that people run.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(up)
app.command()(edge)
app.command()(worker)
app.command()(sandbox)
app.command()(demo)
app.command()(secrets)
app.command()(init)
app.command()(doctor)
app.add_typer(user, name="user")
app.add_typer(key, name="key")
app.add_typer(client, name="client")
app.add_typer(queue, name="queue")
app.add_typer(dadl, name="dadl")


@app.command()
def check(
    config: ConfigOption = None, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False
) -> None:
    """Say everything that is wrong with a configuration. Exit code 0: fine or warnings, 1: errors, 2: nothing to check."""
    from toolmesh.check import run_check

    raise typer.Exit(run_check(os.environ, config_dir(config, os.environ), as_json=as_json))


def main() -> None:
    """Run the command line; what goes wrong is shown without a traceback, with exit code 2."""
    try:
        app(prog_name="toolmesh")
    except MeshError as error:
        show_problems(error)
        sys.exit(EXIT_USAGE)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
