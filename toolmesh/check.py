"""`toolmesh check`: everything that is wrong with a configuration, before it is run."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from shared.configuration import ApiKeyEntry, BackendEntry, credential_variable
from shared.environment import load_settings
from shared.errors import ConfigurationError
from shared.findings import problems_of
from shared.settings import Settings
from shared.unbuilt import notes
from shared.yaml_files import load_api_keys, load_backends
from toolmesh.console import say

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Report(msgspec.Struct, kw_only=True):
    """What was found."""

    errors: list[str] = []
    warnings: list[str] = []


def run_check(environment: Mapping[str, str], config: Path, *, as_json: bool) -> int:
    """Check and print; gives 0 for fine or warnings, 1 for errors, 2 where there is nothing to check."""
    if not config.is_dir():
        report, code = Report(errors=[f"The configuration directory {config} does not exist."]), 2
    else:
        report = examine(environment, config)
        code = 1 if report.errors else 0
    if as_json:
        say(msgspec.json.encode({"ok": not report.errors, **msgspec.to_builtins(report)}).decode())
        return code
    for text in report.errors:
        say(f"error: {text}")
    for text in report.warnings:
        say(f"warning: {text}")
    say(f"{len(report.errors)} errors, {len(report.warnings)} warnings")
    return code


def examine(environment: Mapping[str, str], config: Path) -> Report:
    """All errors and warnings of a configuration."""
    report = Report()
    settings: Settings | None = None
    backends: tuple[BackendEntry, ...] = ()
    keys: tuple[ApiKeyEntry, ...] = ()
    try:
        settings = load_settings(environment, config_dir=config)
    except ConfigurationError as error:
        report.errors += problems_of(error)
    try:
        backends = load_backends(config, settings.backends_config if settings else None)
    except ConfigurationError as error:
        report.errors += problems_of(error)
    try:
        keys = load_api_keys(config, settings.apikeys_config if settings else None)
    except ConfigurationError as error:
        report.errors += problems_of(error)
    report.warnings += notes(environment, config)
    for entry in backends:
        report.warnings += _warnings_of(entry, environment)
    for number, key in enumerate(keys, 1):
        if key.key_hash is not None:
            report.warnings.append(
                f"key {number} (user {key.user_id}) has a key_hash, which is not checked in this release: it lets nobody "
                "in. Use key_sha256: `toolmesh key new` does."
            )
    return report


def _warnings_of(entry: BackendEntry, environment: Mapping[str, str]) -> list[str]:
    found = []
    where = f"backend {entry.name}"
    if entry.transport == "stdio":
        found += _stdio_warnings(entry, where, environment)
    if entry.transport == "rest":
        found.append(f"{where}: transport {entry.transport} is not built in this release; its tools will not be listed.")
    if entry.transport == "http":
        url = urlsplit(entry.url or "")
        if url.scheme == "http" and url.hostname not in _LOOPBACK:
            found.append(f"{where}: {entry.url} is not encrypted; its credential and data can be read on the way.")
        if entry.tls_skip_verify:
            found.append(f"{where}: tls_skip_verify trusts any certificate; anyone on the way can read its credential.")
    if entry.annotations == "trust":
        found.append(f"{where}: `annotations: trust` lets the server's own word decide which of its calls may run twice.")
    elif entry.transport in ("http", "stdio") and not entry.classes:
        found.append(f"{where}: no `class:` is given, so all its tools count as writes (never run again by us).")
    if entry.relay:
        found.append(
            f"{where}: `relay` lets this server ask the people and models behind your clients "
            f"({', '.join(entry.relay)}); what it is given reaches it."
        )
    if entry.api_key_env is not None:
        variable = credential_variable(entry.api_key_env, entry)
        if not environment.get(variable):
            found.append(f"{where}: {variable} is not set here; its workers need it.")
    return found


def _stdio_warnings(entry: BackendEntry, where: str, environment: Mapping[str, str]) -> list[str]:
    found = []
    command = entry.command or ""
    if shutil.which(command, path=environment.get("PATH")) is None:
        found.append(f"{where}: the command {command} is not found on the PATH here; its workers need it.")
    for name, variable in entry.env.items():
        if not environment.get(variable):
            found.append(
                f"{where}: {variable} (for {name}) is not set here; its workers need it, or do not start the server."
            )
    if entry.relay:
        found.append(
            f"{where}: with `relay` a server takes one call at a time, since over stdio nothing says which call a question "
            "belongs to; `options.processes` starts more of them."
        )
    return found
