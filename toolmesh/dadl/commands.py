"""The subcommands of `toolmesh dadl`."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from shared.errors import ConfigurationError
from toolmesh.options import ConfigOption, JsonOption

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


@dadl.command("call")
def call(
    backend: Annotated[str, typer.Argument(metavar="BACKEND", help="Its name in backends.yaml")],
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="As the file names it")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE…", help="key=value, key:=JSON, or @file with a JSON object")
    ] = None,
    config: ConfigOption = None,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="Base URL of an edge [default: the one on this machine]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Call a tool of a backend through an edge, and print what it gives. Exit code 0: done, 1: it failed, 2: not called.

    Takes the API key from TOOLMESH_API_KEY, and may what its user may.
    """
    from shared.environment import load_settings
    from shared.yaml_files import load_backends
    from toolmesh.configured import config_dir
    from toolmesh.dadl.call import Call, run_call
    from toolmesh.edge_request import EdgeRequest

    directory = config_dir(config, os.environ)
    settings = load_settings(os.environ, config_dir=directory)
    if settings.api_key is None:
        raise ConfigurationError(
            "TOOLMESH_API_KEY is not set. Set it to your key: of `toolmesh up` the one that it printed at its first start, "
            "or one that `toolmesh key new` made."
        )
    known: list[str] = []
    with suppress(ConfigurationError):
        known = [entry.name for entry in load_backends(directory)]
    edge = EdgeRequest(url=url or f"http://127.0.0.1:{settings.port}", api_key=settings.api_key.reveal())
    given = Call(backend=backend, tool=tool, words=arguments or (), known=known)
    raise typer.Exit(run_call(edge, given, timeout_s=settings.exec_timeout_s, as_json=as_json))
