"""`backends.yaml` and `apikeys.yaml`: from the file to checked structs (`shared/configuration.py`).

Every problem of a file is found before loading stops, and names file, line, key and what to write instead. Whether a kind
of backend is built is for the workers to say: all of upstream's are accepted here.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from shared.configuration import ECHO, ApiKeyEntry, BackendEntry
from shared.durations import parse_duration
from shared.findings import Findings
from shared.yaml_nodes import Mapping, Node, read_yaml
from shared.yaml_structs import StructReader

BACKENDS_FILE = "backends.yaml"
API_KEYS_FILE = "apikeys.yaml"
BACKENDS_MAX = 1_000
API_KEYS_MAX = 10_000

_BACKEND_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_GROUP_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_BCRYPT = re.compile(r"\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}")
_RESERVED_GROUPS = {
    "edge": "it signs what edges alone may say",
    "code": "it is the scripts' own",
}
_OURS = {"REDIS_URL", "AUTH_REDIS_URL"}
"""Beside `TOOLMESH_*`: variables of the mesh itself, which no backend's process may have."""
_NEEDED = {"http": "url", "stdio": "command", "rest": "dadl"}
"""The key without which an entry of that transport can do nothing."""

Report = Callable[[str, str], None]
"""Note a problem: the key that it is about, and the text."""
S = TypeVar("S", bound=msgspec.Struct)


def load_backends(config_dir: Path, file: Path | None = None) -> tuple[BackendEntry, ...]:
    """The backends, the built-in echo first. `file` stands for `backends.yaml` of the directory, which may be missing.

    Raises ConfigurationError with all problems of the file.
    """
    findings = Findings()
    checked = _load(file or config_dir / BACKENDS_FILE, file is None, "backends", BackendEntry, findings, BACKENDS_MAX)
    entries = [ECHO]
    for entry, report in checked:
        _check_backend(entry, report)
        if entry.name == ECHO.name:
            report("name", f"`{ECHO.name}` is the built-in backend's name. Choose another.")
        elif any(entry.name == other.name for other in entries):
            report("name", f"a second backend is called `{entry.name}`. Give each its own name.")
        entries.append(entry)
    findings.stop()
    return tuple(entries)


def load_api_keys(config_dir: Path, file: Path | None = None) -> tuple[ApiKeyEntry, ...]:
    """The API keys; none where the file is missing. Raises ConfigurationError, whose text shows no key and no hash."""
    findings = Findings()
    checked = _load(file or config_dir / API_KEYS_FILE, file is None, "keys", ApiKeyEntry, findings, API_KEYS_MAX)
    entries: list[ApiKeyEntry] = []
    held: set[str] = set()
    for entry, report in checked:
        _check_api_key(entry, report)
        if entry.key_sha256 is not None:
            entry = msgspec.structs.replace(entry, key_sha256=entry.key_sha256.lower())
        fingerprint = entry.key_sha256 or entry.key_hash or ""
        if fingerprint and fingerprint in held:
            report("key_sha256", "an earlier entry has the same key. Keep one of the two.")
        held.add(fingerprint)
        entries.append(entry)
    findings.stop()
    return tuple(entries)


def _load(
    path: Path, may_be_missing: bool, key: str, kind: type[S], findings: Findings, entries_max: int
) -> list[tuple[S, Report]]:
    """Read the entries of a file, each with a way to report a problem at the line of one of its keys."""
    try:
        root = read_yaml(path)
    except FileNotFoundError:
        if not may_be_missing:
            findings.add(f"{path.name}: {path} does not exist. Create it, or correct the variable that names it.")
        return []
    reader = StructReader(path.name, findings, secret=kind is ApiKeyEntry)
    nodes = reader.entries(root, key)
    if len(nodes) > entries_max:
        reader.problem(nodes[entries_max].line, f"more than {entries_max} entries. Remove some.")
        return []
    found = []
    for number, node in enumerate(nodes, 1):
        entry = reader.struct(node, kind, _title(node, key, number))
        if entry is not None:
            found.append((entry, _reporter(reader, node)))
    return found


def _title(node: Node, key: str, number: int) -> str:
    name = node.entries.get("name" if key == "backends" else "user_id") if isinstance(node, Mapping) else None
    label = getattr(name, "text", "")[:40]
    noun = "backend" if key == "backends" else "key of user"
    return f"{noun} `{label}`" if label else f"entry {number} of `{key}`"


def _reporter(reader: StructReader, node: Node) -> Report:
    lines = node.lines if isinstance(node, Mapping) else {}
    return lambda key, text: reader.problem(lines.get(key, node.line), text)


def _check_backend(entry: BackendEntry, report: Report) -> None:
    if not _BACKEND_NAME.fullmatch(entry.name):
        report(
            "name",
            f"`{entry.name[:40]}` is not a backend's name. Start with a lower-case letter, and use at most 32 lower-case "
            "letters, digits, `-` and `_`.",
        )
    if entry.transport == "echo":
        report("transport", "`echo` is always there; it takes no entry. Remove this one, or write `http`.")
    needed = _NEEDED.get(entry.transport)
    if needed and not getattr(entry, needed):
        report(
            "transport",
            f"backend `{entry.name}` is of transport `{entry.transport}` and has no `{needed}`. Add it.",
        )
    if entry.url:
        _check_url(entry.url, report)
    if entry.group in _RESERVED_GROUPS:
        report(
            "group",
            f"the group `{entry.group}` is reserved: {_RESERVED_GROUPS[entry.group]}. Choose another name.",
        )
    elif not _GROUP_NAME.fullmatch(entry.group):
        report(
            "group",
            "use at most 32 lower-case letters, digits and `-` for a group, as in TOOLMESH_MESH_KEYS.",
        )
    if entry.annotations == "trust" and entry.transport not in ("http", "stdio"):
        report("annotations", "only MCP servers (`http`, `stdio`) have annotations. Remove it.")
    if entry.api_key_env is not None and not _VARIABLE.fullmatch(entry.api_key_env):
        report("api_key_env", "write the name of a credential: `X` stands for the variable `CREDENTIAL_X`.")
    for name, variable in entry.env.items():
        _check_env(entry, name, variable, report)
    if not entry.allow_private_url:
        report("allow_private_url", "`false` is not built yet, so it would guard nothing. Remove it to start without it.")
    _check_options(entry, report)


def _check_env(entry: BackendEntry, name: str, variable: str, report: Report) -> None:
    """One line of `env`. What is written in place of a variable's name may be a secret, so it is never shown."""
    if entry.transport != "stdio":
        if not name.startswith("CREDENTIAL_") or not _VARIABLE.fullmatch(variable):
            report("env", "map names to names: `CREDENTIAL_X: THE_VARIABLE_THAT_HOLDS_IT`, never to the secret itself.")
    elif not _VARIABLE.fullmatch(name) or not _VARIABLE.fullmatch(variable):
        report("env", "map names to names: `NAME_FOR_THE_SERVER: VARIABLE_OF_THE_WORKER`, never to the value itself.")
    elif any(each.startswith("TOOLMESH_") or each.removesuffix("_FILE") in _OURS for each in (name, variable)):
        report(
            "env",
            "`TOOLMESH_*`, `REDIS_URL` and `AUTH_REDIS_URL` are the mesh's own; no server gets them. Remove this line.",
        )


def _check_options(entry: BackendEntry, report: Report) -> None:
    for name in ("blob_ttl", "timeout", "streaming_timeout", "start_timeout"):
        text = getattr(entry.options, name)
        try:
            fits = text is None or parse_duration(text) > 0
        except ValueError:
            fits = False
        if not fits:
            report("options", f"`{name}` must be a duration above 0, for instance `30s` or `1h30m`.")
    for name in ("connections", "processes", "memory_mib"):
        number = getattr(entry.options, name)
        if number is not None and number < 1:
            report("options", f"`{name}` must be a whole number above 0.")


def _check_url(url: str, report: Report) -> None:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        fits = False
        parts = None
    if not fits:
        report("url", "not an http or https URL. Write for instance `https://host.example/mcp`.")
    elif parts is not None and (parts.username is not None or parts.password is not None):
        report(
            "url",
            "a user or password in a URL ends up in logs. Put it into CREDENTIAL_X and write `api_key_env: X`.",
        )


def _check_api_key(entry: ApiKeyEntry, report: Report) -> None:
    if (entry.key_sha256 is None) == (entry.key_hash is None):
        report(
            "user_id",
            "give exactly one of `key_sha256` and `key_hash`. `toolmesh key new` writes a whole entry.",
        )
    if entry.key_sha256 is not None and not _SHA256.fullmatch(entry.key_sha256):
        report(
            "key_sha256",
            "not 64 hex digits. Write the SHA-256 of the whole key: `toolmesh key new` prints one.",
        )
    if entry.key_hash is not None and not _BCRYPT.fullmatch(entry.key_hash):
        report("key_hash", "not a bcrypt hash (`$2a$`, `$2b$` or `$2y$`). Put it in single quotes.")
    if not entry.user_id:
        report("user_id", "is empty. Write the name of the user whom the key belongs to.")
