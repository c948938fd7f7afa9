"""`toolmesh user add|passwd|disable|enable|list`: who may log in with a password. Only hashes are kept, in users.yaml."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from shared.configuration import UserEntry
from shared.errors import ConfigurationError
from shared.password_hashes import kind_of
from shared.settings import Settings
from shared.usernames import USERNAME_CHARS_MAX, likeness, problem_of
from shared.users_file import load_users
from shared.yaml_structs import nearest
from toolmesh.configured import users_file
from toolmesh.console import say, say_aside, say_table, warn
from toolmesh.options import CompanyOption, ConfigOption, JsonOption, PlanOption, RolesOption, listed
from toolmesh.password_entry import entered_password
from toolmesh.rules_hint import warn_of_no_rule
from toolmesh.yaml_edits import edited

_KEY = "users"
_HEADER = """\
# Users: who may log in with a password. Made by `toolmesh user add`; holds no password, only hashes.
"""
_SOON = "Edges that run know it within a second or so."

_NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The user's name")]
_StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, also on a terminal")
]
_GenerateOption = Annotated[bool, typer.Option("--generate", help="Make a password, and print it alone on stdout")]

user = typer.Typer(help="Users who log in with a password.", no_args_is_help=True, rich_markup_mode=None)


@user.callback()
def _users() -> None:
    """Users who log in with a password."""


@user.command("add")
def add(
    name: _NameArgument,
    config: ConfigOption = None,
    company: CompanyOption = "default",
    plan: PlanOption = "free",
    roles: RolesOption = "",
    password_stdin: _StdinOption = False,
    generate: _GenerateOption = False,
) -> None:
    """Add a user. The password is asked for, twice; without a terminal it is the first line of standard input."""
    if problem := problem_of(name):
        raise ConfigurationError(f"The name {problem}. Write 1 to {USERNAME_CHARS_MAX} visible characters.")
    path = users_file(config, os.environ)
    _check_new(path, name)
    password = entered_password(from_stdin=password_stdin, generate=generate)
    entry = UserEntry(
        username=name, password_hash=_hashed(password), company=company, plan=plan, roles=listed(roles), disabled=False
    )
    with edited(path, _KEY, _HEADER) as text:
        _check_new(path, name)
        values = msgspec.structs.asdict(entry)
        text.append({each: value for each, value in values.items() if each != "disabled"})
    if generate:
        say(password)
    say_aside(f"{name} is in {path}. {_SOON}")
    if name == _owners_name(os.environ):
        warn(
            f"{name} is also the owner's name, and is now this user, who is not the owner. Set TOOLMESH_AUTH_USER to "
            "another name for the owner to log in again."
        )
    warn_of_no_rule(config, os.environ, user=name, company=company, plan=plan, roles=entry.roles)


@user.command("passwd")
def passwd(
    name: _NameArgument,
    config: ConfigOption = None,
    password_stdin: _StdinOption = False,
    generate: _GenerateOption = False,
) -> None:
    """Change a user's password. Clients that are connected stay so; `disable` throws them out."""
    path = users_file(config, os.environ)
    _at(path, name)
    password = entered_password(from_stdin=password_stdin, generate=generate)
    _change(path, name, "password_hash", _hashed(password))
    if generate:
        say(password)
    say_aside(f"The password of {name} is changed in {path}. {_SOON}")


@user.command("disable")
def disable(name: _NameArgument, config: ConfigOption = None) -> None:
    """Throw a user out: no log-in, no connected client, no API key of that user works any more."""
    _change(users_file(config, os.environ), name, "disabled", True)
    say_aside(f"{name} is out, with all clients and API keys. {_SOON}")


@user.command("enable")
def enable(name: _NameArgument, config: ConfigOption = None) -> None:
    """Let a user in again who was disabled."""
    _change(users_file(config, os.environ), name, "disabled", False)
    say_aside(f"{name} may come in again. {_SOON}")


@user.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the users of users.yaml. No hash is shown."""
    users = _load(users_file(config, os.environ))
    if as_json:
        found = [
            {
                "username": each.username,
                "company": each.company,
                "plan": each.plan,
                "roles": each.roles,
                "disabled": each.disabled,
                "password": kind_of(each.password_hash or ""),
            }
            for each in users
        ]
        say(msgspec.json.encode({"users": found}).decode())
        return
    rows = [
        (
            each.username,
            each.company,
            each.plan,
            ", ".join(each.roles),
            kind_of(each.password_hash or "") or "none",
            "disabled" if each.disabled else "",
        )
        for each in users
    ]
    say_table(("user", "company", "plan", "roles", "password", ""), rows)


def _change(path: Path, name: str, what: str, value: str | bool) -> None:
    _at(path, name)
    with edited(path, _KEY, _HEADER) as text:
        text.change(_at(path, name), what, value, beside="username")


def _at(path: Path, name: str) -> int:
    """Where in the file a user stands. Raises ConfigurationError."""
    names = [each.username for each in _load(path)]
    if name not in names:
        advice = nearest(name, names) or " `toolmesh user list` shows all."
        raise ConfigurationError(f"{path} has no user `{name}`.{advice}")
    return names.index(name)


def _check_new(path: Path, name: str) -> None:
    for each in _load(path):
        if each.username == name:
            raise ConfigurationError(f"{path} has a user `{name}` already. `toolmesh user passwd` changes the password.")
        if likeness(each.username) == likeness(name):
            raise ConfigurationError(f"`{name}` looks like the user `{each.username}` of {path}. Choose another name.")


def _load(path: Path) -> tuple[UserEntry, ...]:
    return load_users(path.parent, path if path.exists() else None)


def _owners_name(environment: Mapping[str, str]) -> str:
    return environment.get("TOOLMESH_AUTH_USER", "").strip() or Settings().auth_user


def _hashed(password: str) -> str:
    from edge.identities.passwords import hash_password

    return hash_password(password)
