"""What a mesh needs before its roles are started apart: `toolmesh secrets`, then `toolmesh init` beside the broker."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.code_mode import CODE
from toolmesh.configured import load_configuration
from toolmesh.console import say
from toolmesh.options import ConfigOption

if TYPE_CHECKING:
    from toolmesh.prepared_broker import PreparedBroker

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
    """Make mesh keys, users of the broker, and the owner's key and password where they are missing. What is there stays."""
    from toolmesh.secret_files import prepare_secrets

    configured = load_configuration(config, door=False)
    groups = {"default", CODE.group, *(entry.group for entry in configured.entries), *(group or ())}
    settings = configured.settings
    made = prepare_secrets(directory, groups, broker, settings.api_key, settings.auth_password)
    say(f"Secrets of the edge and of {', '.join(f'worker-{name}' for name in sorted(groups))} are in {directory}.")
    if settings.api_key is not None:
        say("The owner's API key is the one in TOOLMESH_API_KEY.")
    elif made.api_key is None:
        say("The owner's API key is the one made earlier.")
    if settings.auth_password is not None:
        say("The owner's password is the one in TOOLMESH_AUTH_PASSWORD.")
    elif made.password is None:
        say("The owner's password is the one made earlier.")
    if made.api_key is None and made.password is None:
        return
    say("\nMade for you, and shown only this once:")
    if made.password is not None:
        say(f"  owner        {settings.auth_user}")
        say(f"  password     {made.password}    (to log in when ChatGPT or Claude connects)")
    if made.api_key is not None:
        say(f"  API key      {made.api_key}")
    say()


def init(users: _UsersOption = None, once: _OnceOption = False) -> None:
    """Give the broker its users and functions, and keep it so. The user of REDIS_URL must be an administrator.

    With AUTH_REDIS_URL the same for the broker of log-ins, without users for workers.
    """
    from shared.environment import load_settings
    from shared.log import configure
    from toolmesh.prepared_broker import prepared_brokers, stay_prepared

    settings = load_settings(os.environ)
    configure(settings.log_level, settings.log_format, "init")
    brokers = prepared_brokers(settings, users)
    if not once:
        asyncio.run(stay_prepared(brokers))
        return
    asyncio.run(_once(brokers))
    whose = "Both brokers have their" if len(brokers) > 1 else "The broker has its"
    say(f"{whose} functions{' and users' if users else ''}.")


async def _once(brokers: "list[PreparedBroker]") -> None:
    for broker in brokers:
        await broker.once()
