"""`toolmesh key new|list|revoke`: API keys. A key is shown once, alone on standard output; only its SHA-256 is kept."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from shared.api_keys import digest, new_api_key
from shared.configuration import ApiKeyEntry
from shared.errors import ConfigurationError
from shared.usernames import problem_of
from shared.yaml_files import load_api_keys
from toolmesh.configured import api_keys_file
from toolmesh.console import say, say_aside, say_table
from toolmesh.options import CompanyOption, ConfigOption, JsonOption, PlanOption, RolesOption, listed
from toolmesh.rules_hint import warn_of_no_rule
from toolmesh.yaml_edits import Value, edited, entry_lines

_KEY = "keys"
_HEADER = """\
# API keys: who may call. Made by `toolmesh key new`; holds no key, only SHA-256 sums of keys.
"""
ID_DIGITS = 8

key = typer.Typer(help="API keys.", no_args_is_help=True, rich_markup_mode=None)


@key.callback()
def _keys() -> None:
    """API keys."""


@key.command("new")
def new(
    config: ConfigOption = None,
    user: Annotated[str, typer.Option("--user", metavar="U", help="Whom the key belongs to")] = "owner",
    company: CompanyOption = "default",
    plan: PlanOption = "free",
    roles: RolesOption = "",
    print_only: Annotated[bool, typer.Option("--print-only", help="Store nothing; print the entry too")] = False,
) -> None:
    """Make a key: it is printed once, and its SHA-256 goes into apikeys.yaml."""
    made = new_api_key()
    entry = ApiKeyEntry(user_id=user, key_sha256=digest(made), company_id=company, plan=plan, roles=listed(roles))
    if problem := problem_of(user):
        raise ConfigurationError(f"--user {problem}. Write the name of the user whom the key belongs to.")
    if print_only:
        say(made)
        say_aside("Nothing was stored. The entry for apikeys.yaml:\nkeys:\n" + "\n".join(entry_lines(_values(entry), "  ")))
        return
    path = api_keys_file(config, os.environ)
    add_entry(path, entry)
    say(made)
    say_aside(
        f"The key of {user} is in {path} (its SHA-256). It is not shown again. Edges that run know it within a second or "
        "so."
    )
    warn_of_no_rule(config, os.environ, user=user, company=company, plan=plan, roles=entry.roles)


@key.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the keys of apikeys.yaml. Of a key only the beginning of its SHA-256 is shown, which is its id."""
    entries = _load(api_keys_file(config, os.environ))
    if as_json:
        found = [
            {
                "id": id_of(entry),
                "user_id": entry.user_id,
                "company_id": entry.company_id,
                "plan": entry.plan,
                "roles": entry.roles,
                "caller_id": entry.caller_id or entry.user_id,
                "kind": "sha256" if entry.key_sha256 else "bcrypt",
            }
            for entry in entries
        ]
        say(msgspec.json.encode({"keys": found}).decode())
        return
    rows = [
        (id_of(e), e.user_id, e.company_id, e.plan, ", ".join(e.roles), e.caller_id or e.user_id, _remark(e))
        for e in entries
    ]
    say_table(("id", "user", "company", "plan", "roles", "caller", ""), rows)


@key.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="[ID]", help="As `key list` shows it")] = "",
    config: ConfigOption = None,
    user: Annotated[str, typer.Option("--user", metavar="U", help="All keys of this user")] = "",
) -> None:
    """Take a key, or all keys of a user, out of apikeys.yaml."""
    if bool(key_id) == bool(user):
        raise ConfigurationError("Give the ID of a key, as `toolmesh key list` shows it, or --user for all keys of a user.")
    path = api_keys_file(config, os.environ)
    _meant(path, key_id, user)
    with edited(path, _KEY, _HEADER) as text:
        meant = _meant(path, key_id, user)
        for at in reversed(meant):
            text.remove(at)
    say_aside(
        f"{len(meant)} key{'' if len(meant) == 1 else 's'} revoked: {', '.join(meant.values())}. "
        "Edges that run refuse them within a second or so."
    )


def add_entry(path: Path, entry: ApiKeyEntry) -> None:
    """Put an entry behind the others of a file, and leave all else in it as it is. Raises ConfigurationError."""
    with edited(path, _KEY, _HEADER) as text:
        if path.exists():
            _load(path)
        text.append(_values(entry))


def _meant(path: Path, key_id: str, user: str) -> dict[int, str]:
    """Where in the file the keys stand that are meant, with their ids. Raises ConfigurationError where none is."""
    entries = enumerate(_load(path))
    meant = {at: id_of(e) for at, e in entries if (e.user_id == user if user else _is(e, key_id))}
    if not meant:
        what = f"of a user `{user}`" if user else f"with the id {key_id}"
        raise ConfigurationError(f"{path} has no key {what}. `toolmesh key list` shows all.")
    if key_id and len(meant) > 1:
        raise ConfigurationError(f"{len(meant)} keys have an id that begins with {key_id}. Write more digits of it.")
    return meant


def id_of(entry: ApiKeyEntry) -> str:
    """What a key is called in lists: the beginning of its SHA-256, or of that of its bcrypt hash."""
    return _digest(entry)[:ID_DIGITS]


def _digest(entry: ApiKeyEntry) -> str:
    return entry.key_sha256 or digest(entry.key_hash or "")


def _is(entry: ApiKeyEntry, key_id: str) -> bool:
    return len(key_id) >= ID_DIGITS and _digest(entry).startswith(key_id.lower())


def _remark(entry: ApiKeyEntry) -> str:
    return "" if entry.key_sha256 else "bcrypt: slow"


def _load(path: Path) -> tuple[ApiKeyEntry, ...]:
    return load_api_keys(path.parent, path if path.exists() else None)


def _values(entry: ApiKeyEntry) -> dict[str, Value]:
    return {name: value for name, value in msgspec.structs.asdict(entry).items() if value is not None}
