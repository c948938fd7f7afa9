"""What a mesh needs before its roles are started apart: `toolmesh secrets`, then `toolmesh init` beside the broker."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from toolmesh.configured import load_configuration
from toolmesh.console import say
from toolmesh.options import ConfigOption

_DirectoryArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Where they are kept, a directory per audience")]
_BrokerOption = Annotated[
    str, typer.Option("--broker", metavar="URL", help="The broker as the roles reach it, without user and password")
]
_GroupOption = Annotated[
    list[str] | None, typer.Option("--group", metavar="NAME", help="A further worker group, beside those of backends.yaml")
]
_UsersOption = Annotated[
    Path | None,
    typer.Option("--users", metavar="FILE", help="The broker's users, as `toolmesh secrets` writes them [default: none]"),
]
_OnceOption = Annotated[bool, typer.Option("--once", help="Stop when the broker is prepared")]


def secrets(
    directory: _DirectoryArgument,
    broker: _BrokerOption = "redis://127.0.0.1:6379/0",
    group: _GroupOption = None,
    config: ConfigOption = None,
) -> None:
    """Make mesh keys, users of the broker and the owner's key where they are missing. What is there stays."""
    from toolmesh.secret_files import prepare_secrets

    configured = load_configuration(config)
    groups = {"default", *(entry.group for entry in configured.entries), *(group or ())}
    made = prepare_secrets(directory, groups, broker, configured.settings.api_key)
    say(f"Secrets of the edge and of {', '.join(f'worker-{name}' for name in sorted(groups))} are in {directory}.")
    if made is not None:
        say("\nMade for you, and shown only this once:")
        say(f"  API key      {made}\n")
    elif configured.settings.api_key is not None:
        say("The owner's API key is the one in TOOLMESH_API_KEY.")
    else:
        say("The owner's API key is the one made earlier.")


def init(users: _UsersOption = None, once: _OnceOption = False) -> None:
    """Give the broker its users and functions, and keep it so. The user of REDIS_URL must be an administrator."""
    from shared.environment import load_settings
    from shared.log import configure
    from toolmesh.prepared_broker import PreparedBroker

    settings = load_settings(os.environ)
    configure(settings.log_level, settings.log_format, "init")
    broker = PreparedBroker(settings, users)
    asyncio.run(broker.once() if once else broker.stay())
    if once:
        say("The broker has its functions" + (" and its users." if users else "."))
