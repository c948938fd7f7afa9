"""`toolmesh key new`: an API key, alone on standard output; only its SHA-256 is kept."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from shared.api_keys import digest, new_api_key
from shared.configuration import ApiKeyEntry
from shared.errors import ConfigurationError
from shared.yaml_files import load_api_keys
from shared.yaml_nodes import Mapping, Scalar, Sequence, parse_yaml
from toolmesh.configured import api_keys_file
from toolmesh.console import say, say_aside
from toolmesh.options import ConfigOption
from toolmesh.private_file import write_private

_HEADER = """\
# API keys: who may call. Made by `toolmesh key new`; holds no key, only SHA-256 sums of keys.
"""

key = typer.Typer(help="API keys.", no_args_is_help=True, rich_markup_mode=None)


@key.callback()
def _keys() -> None:
    """API keys."""


@key.command("new")
def new(
    config: ConfigOption = None,
    user: Annotated[str, typer.Option("--user", metavar="U", help="Whom the key belongs to")] = "owner",
    company: Annotated[str, typer.Option("--company", metavar="C", help="The user's company")] = "default",
    plan: Annotated[str, typer.Option("--plan", metavar="P", help="The user's plan")] = "free",
    roles: Annotated[str, typer.Option("--roles", metavar="R", help="The user's roles, separated by commas")] = "",
    print_only: Annotated[bool, typer.Option("--print-only", help="Store nothing; print the entry too")] = False,
) -> None:
    """Make a key: it is printed once, and its SHA-256 goes into apikeys.yaml."""
    made = new_api_key()
    entry = ApiKeyEntry(
        user_id=user,
        key_sha256=digest(made),
        company_id=company,
        plan=plan,
        roles=tuple(role for part in roles.split(",") if (role := part.strip())),
    )
    if not user.strip():
        raise ConfigurationError("--user is empty. Write the name of the user whom the key belongs to.")
    if print_only:
        say(made)
        say_aside("Nothing was stored. The entry for apikeys.yaml:\nkeys:\n" + "\n".join(_lines(entry, "  ")))
        return
    path = api_keys_file(config, os.environ)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.parent):
        add_entry(path, entry)
    say(made)
    say_aside(f"The key of {user} is in {path} (its SHA-256). It is not shown again. Edges know it after a restart.")


def add_entry(path: Path, entry: ApiKeyEntry) -> None:
    """Put an entry behind the others of a file, and leave all else in it as it is. Raises ConfigurationError."""
    before: tuple[ApiKeyEntry, ...] = ()
    text = _HEADER + "keys:\n"
    if path.exists():
        before = load_api_keys(path.parent, path)
        text = path.read_text(encoding="utf-8-sig")
    changed = _with_entry(text, entry)
    try:
        parsed = parse_yaml(changed, path.name)
        listed = parsed.entries["keys"] if isinstance(parsed, Mapping) else None
    except (ConfigurationError, KeyError):
        listed = None
    # A layout that we don't foresee must not be damaged: what is written reads as the old entries and the new one.
    if not isinstance(listed, Sequence) or len(listed.items) != len(before) + 1 or not _reads_as(listed, entry):
        raise ConfigurationError(
            f"{path} has a layout that a key can't be added to. Add this to its `keys:` yourself, with a key of "
            "`toolmesh key new --print-only`."
        )
    write_private(path, changed)


def _reads_as(listed: Sequence, entry: ApiKeyEntry) -> bool:
    last = listed.items[-1]
    found = last.entries.get("key_sha256") if isinstance(last, Mapping) else None
    return isinstance(found, Scalar) and found.text == entry.key_sha256


def _with_entry(text: str, entry: ApiKeyEntry) -> str:
    root = parse_yaml(text, "apikeys.yaml")
    listed = root.entries.get("keys") if isinstance(root, Mapping) else None
    if text and not text.endswith("\n"):
        text += "\n"
    lines = text.split("\n")
    if isinstance(listed, Sequence) and listed.flow:
        return _into_brackets(lines, listed, entry)
    if isinstance(listed, Sequence):
        lines[listed.end_line : listed.end_line] = _lines(entry, " " * listed.column)
        return "\n".join(lines)
    if isinstance(listed, Scalar) and isinstance(root, Mapping):
        at = root.lines["keys"]
        head, colon, rest = lines[at - 1].partition(":")
        _, hash_sign, comment = rest.partition("#")
        lines[at - 1] = head + colon + (f"  #{comment}" if hash_sign else "")
        lines[at:at] = _lines(entry, "  ")
        return "\n".join(lines)
    return text + "keys:\n" + "\n".join(_lines(entry, "  ")) + "\n"


def _into_brackets(lines: list[str], listed: Sequence, entry: ApiKeyEntry) -> str:
    """JSON is YAML: the entry goes before the closing bracket."""
    row, column = listed.end_line - 1, listed.end_column - 1
    head, tail = lines[row][:column], lines[row][column:]
    lines[row] = f"{head}{', ' if listed.items else ''}{json.dumps(_plain(entry))}{tail}"
    return "\n".join(lines)


def _lines(entry: ApiKeyEntry, indent: str) -> list[str]:
    # JSON's strings are YAML's double-quoted ones, so no name can be read as something else.
    pairs = [f"{name}: {json.dumps(value)}" for name, value in _plain(entry).items()]
    return [f"{indent}- {pairs[0]}", *(f"{indent}  {pair}" for pair in pairs[1:])]


def _plain(entry: ApiKeyEntry) -> dict[str, object]:
    values = msgspec.to_builtins(entry)
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v is not None}


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One at a time, so that two commands lose no key of each other."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
