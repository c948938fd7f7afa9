"""`toolmesh client add|redirect|list|remove`: OAuth clients set up by the operator, and those that registered.

Most agents need nothing of this: they bring a metadata document or register. One that asks for a client id gets it here. A
secret is shown once, alone on standard output; only its SHA-256 is kept.
"""

import os
import secrets
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from shared import scopes
from shared.api_keys import digest
from shared.clients_file import load_clients, problem_of_id
from shared.configuration import ClientEntry
from shared.environment import load_settings
from shared.errors import ConfigurationError
from shared.redirect_uris import problem_of
from shared.yaml_structs import nearest
from toolmesh.client_list import say_clients
from toolmesh.configured import clients_file, config_dir
from toolmesh.console import say, say_aside, warn
from toolmesh.options import ConfigOption, DataOption, JsonOption, listed
from toolmesh.yaml_edits import edited

_KEY = "clients"
_HEADER = """\
# OAuth clients that were set up by hand. Made by `toolmesh client add`; holds no secret, only SHA-256 sums of secrets.
"""
_SECRET_BYTES = 32
_SOON = "Edges that run know it within a second or so."
_TO_COME = (
    "It has no redirect URI yet, so nobody can log in. The agent shows its callback URL once it has the id{secret}: "
    "then toolmesh client redirect {name} URL"
)

Method = Literal["client_secret_basic", "client_secret_post"]

_IdArgument = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="The client's id")]
_RedirectOption = Annotated[
    list[str] | None, typer.Option("--redirect", metavar="URL", help="Its callback URL; may be given several times")
]
_PublicOption = Annotated[bool, typer.Option("--public", help="It can keep no secret, and gets none")]
_MethodOption = Annotated[
    Method, typer.Option("--method", metavar="M", help="How it sends its secret: client_secret_basic or client_secret_post")
]
_NameOption = Annotated[str, typer.Option("--name", metavar="TEXT", help="What people see [default: its id]")]
_ScopesOption = Annotated[
    str, typer.Option("--scopes", metavar="S", help="Scopes that it may ask for, separated by commas [default: all]")
]

client = typer.Typer(help="OAuth clients.", no_args_is_help=True, rich_markup_mode=None)


@client.callback()
def _clients() -> None:
    """OAuth clients."""


@client.command("add")
def add(
    client_id: _IdArgument,
    config: ConfigOption = None,
    name: _NameOption = "",
    redirect: _RedirectOption = None,
    public: _PublicOption = False,
    method: _MethodOption = "client_secret_basic",
    only_scopes: _ScopesOption = "",
) -> None:
    """Set a client up: its secret is printed once, and the SHA-256 of it goes into clients.yaml."""
    _check_new_entry(client_id, name, only_scopes)
    path = clients_file(config, os.environ)
    schemes = _schemes(config)
    uris = tuple(dict.fromkeys(redirect or ()))
    for uri in uris:
        _check_uri(uri, schemes)
    _check_new(path, client_id, schemes)
    secret = None if public else secrets.token_urlsafe(_SECRET_BYTES)
    entry = ClientEntry(
        client_id=client_id,
        client_name=name,
        redirect_uris=uris,
        token_endpoint_auth_method="none" if public else method,
        client_secret_sha256=None if secret is None else digest(secret),
        scope=" ".join(scopes.in_order(listed(only_scopes))),
    )
    with edited(path, _KEY, _HEADER) as text:
        _check_new(path, client_id, schemes)
        text.append({key: value for key, value in msgspec.structs.asdict(entry).items() if value not in (None, "", ())})
    if secret is not None:
        say(secret)
    kept = " (of its secret the SHA-256). The secret is not shown again." if secret else ", without a secret."
    say_aside(f"{client_id} is in {path}{kept} {_SOON}")
    if not uris:
        warn(_TO_COME.format(secret=" and the secret" if secret else "", name=client_id))


@client.command("redirect")
def redirect_(
    client_id: _IdArgument,
    uri: Annotated[str, typer.Argument(metavar="URL", help="The callback URL that the agent shows")],
    config: ConfigOption = None,
) -> None:
    """Add a redirect URI to a client of clients.yaml."""
    path = clients_file(config, os.environ)
    schemes = _schemes(config)
    _check_uri(uri, schemes)
    _at(path, client_id, schemes)
    with edited(path, _KEY, _HEADER) as text:
        at, entry = _at(path, client_id, schemes)
        if uri in entry.redirect_uris:
            say_aside(f"{client_id} has that redirect URI already.")
            return
        text.extend(at, "redirect_uris", uri, beside="client_id")
    say_aside(f"{client_id} may be answered at {uri}. {_SOON}")


@client.command("list")
def list_(config: ConfigOption = None, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the clients of clients.yaml, and those that registered themselves, if the broker can be asked for them."""
    from toolmesh.registered_clients import registered_clients

    static = _load(clients_file(config, os.environ), _schemes(config))
    registered, why_not = registered_clients(config, data)
    say_clients(static, registered, as_json=as_json)
    if why_not:
        say_aside(f"Clients that registered themselves are not shown. {why_not}")


@client.command("remove")
def remove(client_id: _IdArgument, config: ConfigOption = None, data: DataOption = None) -> None:
    """Take a client out of clients.yaml, or forget one that registered itself, and end what people allowed it."""
    from toolmesh.registered_clients import end_client

    path = clients_file(config, os.environ)
    schemes = _schemes(config)
    static = client_id in (entry.client_id for entry in _load(path, schemes))
    if static:
        with edited(path, _KEY, _HEADER) as text:
            text.remove(_at(path, client_id, schemes)[0])
        say_aside(
            f"{client_id} is out of {path}. Edges that run take no code and no refresh token of it within a second or so."
        )
    ended = end_client(config, data, client_id, registered=not static)
    if not static and not ended.known:
        advice = nearest(client_id, (entry.client_id for entry in _load(path, schemes)))
        where = f", and those that registered themselves can't be looked up. {ended.why_not}" if ended.why_not else "."
        raise ConfigurationError(
            f"{path} has no client `{client_id}`{where}{advice or ' `toolmesh client list` shows all.'}"
        )
    if not static:
        say_aside(f"{client_id} is forgotten: no edge takes a code or a refresh token of it any more.")
    say_aside(ended.said)


def _check_new_entry(client_id: str, name: str, only_scopes: str) -> None:
    if problem := problem_of_id(client_id):
        raise ConfigurationError(f"The client's id can't be `{client_id[:40]}`: {problem}")
    if not name.isprintable() or name != name.strip():
        raise ConfigurationError(
            "--name holds a character that can't be seen, or a space at an end. Write what people read."
        )
    if unknown := [scope for scope in listed(only_scopes) if scope not in scopes.ALL]:
        advice = nearest(unknown[0], scopes.ALL) or f" There are {', '.join(scopes.ALL)}."
        raise ConfigurationError(f"--scopes holds `{unknown[0][:40]}`, which is no scope.{advice}")


def _check_uri(uri: str, schemes: tuple[str, ...]) -> None:
    if problem := problem_of(uri, schemes):
        raise ConfigurationError(f"{problem} Write it as the agent shows it, for instance https://agent.example/callback.")


def _check_new(path: Path, client_id: str, schemes: tuple[str, ...]) -> None:
    if client_id in (entry.client_id for entry in _load(path, schemes)):
        raise ConfigurationError(
            f"{path} has a client `{client_id}` already. `toolmesh client redirect` adds a redirect URI to it; for a new "
            "secret remove it and add it again."
        )


def _at(path: Path, client_id: str, schemes: tuple[str, ...]) -> tuple[int, ClientEntry]:
    """Where in the file a client stands. Raises ConfigurationError."""
    entries = _load(path, schemes)
    for at, entry in enumerate(entries):
        if entry.client_id == client_id:
            return at, entry
    advice = nearest(client_id, (entry.client_id for entry in entries)) or " `toolmesh client list` shows all."
    raise ConfigurationError(f"{path} has no client `{client_id}`.{advice}")


def _load(path: Path, schemes: tuple[str, ...]) -> tuple[ClientEntry, ...]:
    return load_clients(path.parent, path if path.exists() else None, schemes=schemes)


def _schemes(config: Path | None) -> tuple[str, ...]:
    return load_settings(os.environ, config_dir=config_dir(config, os.environ)).redirect_schemes
