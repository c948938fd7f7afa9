"""`backends.yaml` and `apikeys.yaml`: from the file to checked structs (`shared/configuration.py`).

Whether a kind of backend is built is for the workers to say: all of upstream's are accepted here.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from shared.code_mode import CODE
from shared.configuration import ECHO, ApiKeyEntry, BackendEntry
from shared.durations import parse_duration
from shared.findings import Findings
from shared.password_hashes import BCRYPT_COST_MAX, kind_of
from shared.private_entries import check_private
from shared.yaml_entries import EntriesFile, Report, load_entries

BACKENDS_FILE = "backends.yaml"
API_KEYS_FILE = "apikeys.yaml"
BACKENDS_MAX = 1_000
API_KEYS_MAX = 10_000
ALIASES_MAX = 1_000
"""Of one backend."""
SLOW_KEYS_MAX = 100
"""Keys with a bcrypt hash: to look at a key that nobody has, all of them have to be tried."""

_BACKENDS = EntriesFile(
    name=BACKENDS_FILE, key="backends", kind=BackendEntry, noun="backend", named_by="name", entries_max=BACKENDS_MAX
)
_API_KEYS = EntriesFile(
    name=API_KEYS_FILE,
    key="keys",
    kind=ApiKeyEntry,
    noun="key of user",
    named_by="user_id",
    entries_max=API_KEYS_MAX,
    secret=True,
)

_BACKEND_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_GROUP_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_TOOL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_RESERVED_GROUPS = {
    "edge": "it signs what edges alone may say",
    "code": "it is the scripts' own",
}
_OURS = {"REDIS_URL", "AUTH_REDIS_URL"}
"""Beside `TOOLMESH_*`: variables of the mesh itself, which no backend's process may have."""
_NEEDED = {"http": "url", "stdio": "command", "rest": "dadl"}
"""The key without which an entry of that transport can do nothing."""


def load_backends(config_dir: Path, file: Path | None = None) -> tuple[BackendEntry, ...]:
    """The backends, the built-in echo first. `file` stands for `backends.yaml` of the directory, which may be missing.

    Raises ConfigurationError with all problems of the file.
    """
    findings = Findings()
    entries = [ECHO]
    for entry, report in load_entries(_BACKENDS, config_dir, file, findings):
        _check_backend(entry, report)
        if entry.name in (ECHO.name, CODE.name):
            report("name", f"`{entry.name}` is the name of a backend of ToolMesh's own. Choose another.")
        elif any(entry.name == other.name for other in entries):
            report("name", f"a second backend is called `{entry.name}`. Give each its own name.")
        entries.append(entry)
    findings.stop()
    return tuple(entries)


def load_api_keys(config_dir: Path, file: Path | None = None) -> tuple[ApiKeyEntry, ...]:
    """The API keys; none where the file is missing. Raises ConfigurationError, whose text shows no key and no hash."""
    findings = Findings()
    entries: list[ApiKeyEntry] = []
    held: set[str] = set()
    slow = 0
    for entry, report in load_entries(_API_KEYS, config_dir, file, findings):
        _check_api_key(entry, report)
        slow += entry.key_hash is not None
        if entry.key_hash is not None and slow == SLOW_KEYS_MAX + 1:
            report("key_hash", f"more than {SLOW_KEYS_MAX} keys with a `key_hash`. Give the others a `key_sha256`.")
        if entry.key_sha256 is not None:
            entry = msgspec.structs.replace(entry, key_sha256=entry.key_sha256.lower())
        fingerprint = entry.key_sha256 or entry.key_hash or ""
        if fingerprint and fingerprint in held:
            report("key_sha256", "an earlier entry has the same key. Keep one of the two.")
        held.add(fingerprint)
        entries.append(entry)
    findings.stop()
    return tuple(entries)


def _check_backend(entry: BackendEntry, report: Report) -> None:
    if not _BACKEND_NAME.fullmatch(entry.name):
        report(
            "name",
            f"`{entry.name[:40]}` is not a backend's name. Start with a lower-case letter, and use at most 32 lower-case "
            "letters, digits, `-` and `_`.",
        )
    if entry.transport == "echo":
        report("transport", "`echo` is always there; it takes no entry. Remove this one, or write `http`.")
    if entry.transport == "code":
        report("transport", "scripts need no entry: write `http`, `stdio` or `rest`.")
    needed = _NEEDED.get(entry.transport)
    if needed and not getattr(entry, needed):
        report(
            "transport",
            f"backend `{entry.name}` is of transport `{entry.transport}` and has no `{needed}`. Add it.",
        )
    if entry.url and (problem := problem_of_url(entry.url)) is not None:
        report("url", problem)
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
    check_private(entry, report)
    _check_aliases(entry, report)
    _check_delegates(entry, report)
    _check_options(entry, report)


def _check_aliases(entry: BackendEntry, report: Report) -> None:
    """Names that tools had, and those that they have now; both are the backend's own."""
    if len(entry.aliases) > ALIASES_MAX:
        report("aliases", f"more than {ALIASES_MAX} names. Remove those that nobody calls any more.")
    for old, new in entry.aliases.items():
        if not _TOOL_NAME.fullmatch(old) or not _TOOL_NAME.fullmatch(new):
            report(
                "aliases",
                "map names to names: `old_name: new_name`, as the backend calls its tools, without its own name in front.",
            )
        elif new in entry.aliases:
            report(
                "aliases", f"`{old}` leads to `{new}`, which is an old name itself. Write the name that the tool has now."
            )


def _check_delegates(entry: BackendEntry, report: Report) -> None:
    """What composites may call though their callers may not: names alone, so that nobody allows more than is read here."""
    if entry.delegates and entry.transport != "rest":
        report("delegates", "only backends of transport `rest` have composites. Remove it.")
    names = {name for composite, tools in entry.delegates.items() for name in (composite, *tools)}
    if any(not _TOOL_NAME.fullmatch(name) for name in names):
        report(
            "delegates",
            "map a composite to the tools that it may call, each in full as the file names it: `reset_all: [reset, stop]`.",
        )


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


def problem_of_url(url: str) -> str | None:
    """What is wrong with an upstream's URL; None where it can be used. The text holds nothing of it."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        fits = False
        parts = None
    if not fits:
        return "not an http or https URL. Write for instance `https://host.example/mcp`."
    if parts is not None and (parts.username is not None or parts.password is not None):
        return "a user or password in a URL ends up in logs. Put it into CREDENTIAL_X and write `api_key_env: X`."
    return None


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
    if entry.key_hash is not None and kind_of(entry.key_hash) != "bcrypt":
        report(
            "key_hash",
            f"not a bcrypt hash (`$2a$`, `$2b$` or `$2y$`) of a cost up to {BCRYPT_COST_MAX}. Put it in single quotes.",
        )
    if not entry.user_id:
        report("user_id", "is empty. Write the name of the user whom the key belongs to.")
