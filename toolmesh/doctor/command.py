"""`toolmesh doctor URL`: the command line, and what it gives back."""

import asyncio
import enum
import sys
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from shared.errors import ConfigurationError
from toolmesh.console import say
from toolmesh.options import JsonOption

if TYPE_CHECKING:
    from toolmesh.doctor.wanted import Wanted


_TOKEN_CHARACTERS_MAX = 16 * 1024


class As(enum.StrEnum):
    """Clients that can be asked about."""

    CHATGPT = "chatgpt"
    CLAUDE = "claude"
    CODEX = "codex"
    VSCODE = "vscode"
    GENERIC = "generic"


_UrlArgument = Annotated[
    str, typer.Argument(metavar="URL", help="The URL as it is typed into the client: https://mesh.example/mcp")
]
_AsOption = Annotated[As, typer.Option("--as", help="The client that is to connect")]
_TokenOption = Annotated[
    str,
    typer.Option(
        "--token",
        metavar="T",
        help="An access token or API key, to look behind the door too; it is sent to URL alone. -: read it from stdin",
    ),
]
_LoginOption = Annotated[bool, typer.Option("--login", help="Log in by the browser, as a client on this machine would")]
_ClientIdOption = Annotated[
    str,
    typer.Option(
        "--client-id",
        metavar="ID",
        help="Log in as this client, which the server knows; it may be sent back to http://127.0.0.1/callback, at any port",
    ),
]
_CallbackPortOption = Annotated[
    int,
    typer.Option("--callback-port", metavar="N", help="The port here that the browser comes back to", min=0, max=65535),
]
_SlowOption = Annotated[bool, typer.Option("--slow", help="Also what takes minutes: calls and streams that last")]
_LocalOption = Annotated[
    bool, typer.Option("--local", help="Leave open if the internet reaches the server, for one on this machine or network")
]


def doctor(
    url: _UrlArgument,
    persona: _AsOption = As.CHATGPT,
    as_json: JsonOption = False,
    token: _TokenOption = "",
    login: _LoginOption = False,
    client_id: _ClientIdOption = "",
    callback_port: _CallbackPortOption = 0,
    slow: _SlowOption = False,
    local: _LocalOption = False,
) -> None:
    """Look at a server from outside, as a client would, and say why a connector does not work. Exit code 0: fine or
    warnings, 1: something fails, 2: usage, or nothing answers at URL."""
    from toolmesh.doctor.wanted import Wanted

    if token and login:
        raise ConfigurationError("Give --token or --login, not both: --login gets a token of its own.")
    if token == "-":  # noqa: S105 (where it comes from)
        token = sys.stdin.readline(_TOKEN_CHARACTERS_MAX)
    if (client_id or callback_port) and not login:
        raise ConfigurationError("--client-id and --callback-port are for --login: give that too.")
    wanted = Wanted(
        token=token.strip(), log_in=login, client_id=client_id, callback_port=callback_port, slow=slow, local=local
    )
    raise typer.Exit(asyncio.run(_run(checked_url(url), persona.value, wanted, as_json=as_json)))


def checked_url(url: str) -> str:
    """The URL that is to be looked at. Raises ConfigurationError."""
    from toolmesh.doctor.answer import Unanswered
    from toolmesh.doctor.reachable import host_and_port

    advice = "Write the URL as it is typed into the client, for instance https://mesh.example/mcp."
    if not url.isascii() or any(ord(each) < 0x21 for each in url):
        raise ConfigurationError(f"The URL holds a space or a character that no URL has. {advice}")
    try:
        host_and_port(url)
    except Unanswered:
        raise ConfigurationError(f"{url} is not an http or https URL. {advice}") from None
    if "@" in url or "#" in url:
        raise ConfigurationError(f"The URL may hold no user, password or fragment. {advice}")
    return url


async def _run(url: str, persona: str, wanted: "Wanted", *, as_json: bool) -> int:
    from toolmesh.doctor.browser import open_in_browser
    from toolmesh.doctor.examine import examine
    from toolmesh.doctor.group import Group
    from toolmesh.doctor.groups import CHECKS, GROUPS
    from toolmesh.doctor.persona import PERSONAS
    from toolmesh.doctor.report import Report
    from toolmesh.doctor.screen import say_finding, say_group, say_summary
    from toolmesh.doctor.visit import Visit

    def begin(group: Group) -> None:
        if not as_json:
            say_group(GROUPS.index(group) + 1, group)

    chosen = PERSONAS[persona]
    report = Report(CHECKS, None if as_json else say_finding)
    report.hide(wanted.token)
    if not as_json:
        say(f"{url}, as {chosen.title} would come to it")
    async with Visit(url, chosen, wanted, open_url=open_in_browser) as visit:
        await examine(visit, report, GROUPS, begin)
    if as_json:
        say(msgspec.json.encode(report.as_json(**{"url": url, "as": chosen.name})).decode())
    else:
        say_summary(report)
    return report.exit_code
