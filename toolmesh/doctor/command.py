"""`toolmesh doctor URL`: the command line, and what it gives back."""

import enum
import os
import sys
from typing import Annotated

import typer

from shared.errors import ConfigurationError
from toolmesh.configured import config_dir
from toolmesh.options import ConfigOption, JsonOption

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

_OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Send nothing: say what the configuration (--config, environment) means for URL")
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
    offline: _OfflineOption = False,
    config: ConfigOption = None,
) -> None:
    """Look at a server from outside, as a client would, and say why a connector does not work. Exit code 0: fine or
    warnings, 1: something fails, 2: usage, or nothing answers at URL."""
    from toolmesh.doctor.run import run_doctor, run_offline
    from toolmesh.doctor.wanted import Wanted

    checked = checked_url(url)
    if offline:
        if token or login or slow or local:
            raise ConfigurationError("--offline sends nothing: leave --token, --login, --slow and --local out.")
        found = config_dir(config, os.environ)
        raise typer.Exit(run_offline(checked, persona.value, os.environ, found, as_json=as_json))
    if config is not None:
        raise ConfigurationError("--config is for --offline: a visit looks at the server, not at files.")
    if token and login:
        raise ConfigurationError("Give --token or --login, not both: --login gets a token of its own.")
    if token == "-":  # noqa: S105 (where it comes from)
        token = sys.stdin.readline(_TOKEN_CHARACTERS_MAX)
    if (client_id or callback_port) and not login:
        raise ConfigurationError("--client-id and --callback-port are for --login: give that too.")
    wanted = Wanted(
        token=token.strip(), log_in=login, client_id=client_id, callback_port=callback_port, slow=slow, local=local
    )
    raise typer.Exit(run_doctor(checked, persona.value, wanted, as_json=as_json))


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
