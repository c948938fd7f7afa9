"""`toolmesh queue ls|show|retry|drop`: the commands, and how what they find is shown."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
import typer

from shared.errors import ConfigurationError, InvalidParams
from toolmesh.console import say, say_aside
from toolmesh.options import ConfigOption, DataOption, JsonOption

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from toolmesh.queue.reach import Reach

T = TypeVar("T")

_CallId = Annotated[str, typer.Argument(metavar="CALL_ID", help="As an answer, the audit or `ls` shows it")]

queue = typer.Typer(help="Queues and dead letters.", no_args_is_help=True, rich_markup_mode=None)


@queue.command("ls")
def ls(config: ConfigOption = None, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the queues, then the calls that were set aside because they lost their workers."""
    from toolmesh.queue.depths import depths
    from toolmesh.queue.letters import list_letters

    async def look(redis: "Redis", where: "Reach") -> tuple[Any, Any]:
        return await depths(redis, where), await list_letters(redis, where)

    queues, letters = _ask(config, data, look)
    from toolmesh.queue.listing import letters_json, say_letters, say_queues

    if as_json:
        say(msgspec.json.encode({"queues": queues, "dead_letters": letters_json(letters)}).decode())
        return
    say_queues(queues)
    say()
    say_letters(letters)


@queue.command("show")
def show(
    call_id: _CallId,
    config: ConfigOption = None,
    data: DataOption = None,
    arguments: Annotated[bool, typer.Option("--arguments", help="Show its arguments: they may hold personal data")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say where a call is and what it is. Arguments are shown only on demand."""
    from toolmesh.queue.listing import say_whereabouts
    from toolmesh.queue.reach import checked_id
    from toolmesh.queue.whereabouts import whereabouts

    checked_id(call_id)
    found = _ask(config, data, lambda redis, where: whereabouts(redis, where, call_id, arguments=arguments))
    if as_json:
        say(msgspec.json.encode(found).decode())
    elif found.state != "unknown":
        say_whereabouts(found)
    if found.state == "unknown":
        raise InvalidParams(
            f"Nothing is known of a call {call_id}: it never was, or is over for longer than results are kept. "
            "The audit may tell."
        )


@queue.command("retry")
def retry(
    call_id: _CallId,
    config: ConfigOption = None,
    url: Annotated[str, typer.Option("--url", metavar="URL", help="Base URL of an edge")] = "http://127.0.0.1:8123",
    wait: Annotated[float, typer.Option("--wait", metavar="S", min=0, max=10, help="Wait for its end, in seconds")] = 10.0,
    as_json: JsonOption = False,
) -> None:
    """Have an edge send a dead letter again, as a new call for the same principal. Exit code 1: it is over, with an error.

    Takes the owner's key from TOOLMESH_API_KEY.
    """
    from shared.environment import load_settings
    from toolmesh.configured import config_dir
    from toolmesh.queue.reach import checked_id
    from toolmesh.queue.resend import resend

    settings = load_settings(os.environ, config_dir=config_dir(config, os.environ))
    if settings.api_key is None:
        raise ConfigurationError(
            "TOOLMESH_API_KEY is not set, and only the owner may send a dead letter again. Set it to the owner's key: of "
            "`toolmesh up` the one that it printed at its first start."
        )
    answer = resend(url, settings.api_key.reveal(), checked_id(call_id), wait)
    from toolmesh.queue.listing import say_resent

    if as_json:
        say(msgspec.json.encode(answer).decode())
    else:
        say_resent(answer)
    result = answer.get("result")
    if "error" in answer or (isinstance(result, dict) and result.get("isError") is True):
        raise typer.Exit(1)


@queue.command("drop")
def drop(
    call_id: _CallId,
    config: ConfigOption = None,
    data: DataOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask")] = False,
) -> None:
    """Forget a dead letter. The audit keeps that it was dropped."""
    from toolmesh.queue.letters import drop as throw_away
    from toolmesh.queue.letters import find_letter, no_letter
    from toolmesh.queue.reach import checked_id

    checked_id(call_id)
    if not yes:
        if not sys.stdin.isatty():
            raise ConfigurationError("Nobody can be asked here. Say --yes to forget the dead letter.")
        letter = _ask(config, data, lambda redis, where: find_letter(redis, where, call_id))
        if letter is None:
            raise no_letter(call_id)
        typer.confirm(f"Forget dead letter {call_id}? It can't be sent again then.", abort=True)
    _ask(config, data, lambda redis, where: throw_away(redis, where, call_id))
    say_aside(f"Dead letter {call_id} is forgotten.")


def _ask(config: Path | None, data: Path | None, question: "Callable[[Redis, Reach], Awaitable[T]]") -> T:
    """Connect to the broker, and ask it something."""
    from toolmesh.queue.reach import connection, reach

    where = reach(config, data)

    async def ask() -> T:
        async with connection(where) as redis:
            return await question(redis, where)

    return asyncio.run(ask())
