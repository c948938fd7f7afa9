"""`toolmesh check`: everything that is wrong with a configuration, before it is run."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from edge.direct import MANY
from shared.addresses import is_loopback
from shared.authorization_file import load_authorization
from shared.authorization_servers_file import load_authorization_servers
from shared.backend_urls import notes_of_urls, with_urls
from shared.caller_classes_file import load_caller_classes
from shared.claims_mapping import ClaimsMapping
from shared.clients_file import load_clients
from shared.configuration import BackendEntry, credential_variable
from shared.environment import load_settings
from shared.errors import ConfigurationError
from shared.findings import problems_of
from shared.identity_providers_file import load_identity_providers
from shared.settings import Settings
from shared.unbuilt import notes
from shared.users_file import load_users
from shared.yaml_files import load_api_keys, load_backends
from toolmesh.check_access import errors_of_anonymous, warnings_of_access
from toolmesh.check_dadl import check_dadl
from toolmesh.check_names import warnings_of_names
from toolmesh.check_providers import warnings_of_mappings, warnings_of_providers
from toolmesh.check_rules import warnings_of_rules
from toolmesh.check_sandbox import Sandbox, look_at_sandbox
from toolmesh.check_scripts import warnings_of_scripts
from toolmesh.check_servers import warnings_of_servers
from toolmesh.console import say

T = TypeVar("T")


class Report(msgspec.Struct, kw_only=True):
    """What was found."""

    errors: list[str] = []
    warnings: list[str] = []
    sandbox: Sandbox | None = None


def run_check(environment: Mapping[str, str], config: Path, *, as_json: bool) -> int:
    """Check and print; gives 0 for fine or warnings, 1 for errors, 2 where there is nothing to check."""
    if not config.is_dir():
        report, code = Report(errors=[f"The configuration directory {config} does not exist."]), 2
    else:
        report = examine(environment, config)
        _add_sandbox(report, environment, config)
        code = 1 if report.errors else 0
    if as_json:
        say(msgspec.json.encode({"ok": not report.errors, **msgspec.to_builtins(report)}).decode())
        return code
    for text in report.errors:
        say(f"error: {text}")
    for text in report.warnings:
        say(f"warning: {text}")
    if report.sandbox is not None:
        say(f"sandbox: {report.sandbox.line}")
    say(f"{len(report.errors)} errors, {len(report.warnings)} warnings")
    return code


def _add_sandbox(report: Report, environment: Mapping[str, str], config: Path) -> None:
    """What keeps scripts in here; not asked where the settings can't be read."""
    try:
        settings = load_settings(environment, config_dir=config)
    except ConfigurationError:
        return
    report.sandbox = look_at_sandbox(settings)
    report.warnings += report.sandbox.warnings(settings)


def examine(environment: Mapping[str, str], config: Path) -> Report:
    """All errors and warnings of a configuration."""
    report = Report()

    def read(load: Callable[[], T]) -> T | None:
        try:
            return load()
        except ConfigurationError as error:
            report.errors += problems_of(error)
            return None

    settings = read(lambda: load_settings(environment, config_dir=config))
    named = settings or Settings()
    backends = read(lambda: with_urls(load_backends(config, named.backends_config), named.backend_urls)) or ()
    keys = read(lambda: load_api_keys(config, named.apikeys_config)) or ()
    users = read(lambda: load_users(config, named.users_config)) or ()
    read(lambda: load_caller_classes(config, named.caller_classes_config))
    schemes = named.redirect_schemes
    clients = read(lambda: load_clients(config, named.clients_config, schemes=schemes)) or ()
    file = named.authorization_servers_config
    servers = read(lambda: load_authorization_servers(config, file, own_url=named.issuer)) or ()
    providers = read(lambda: load_identity_providers(config, named.identity_providers_config)) or ()
    rules = read(lambda: load_authorization(config, named.authorization_config))
    report.warnings += [*notes(environment), *notes_of_urls(backends, named.backend_urls)]
    if settings is not None:
        report.warnings += warnings_of_access(settings, users, keys, clients)
        report.warnings += warnings_of_scripts(settings)
        report.warnings += warnings_of_servers(settings, servers)
        report.warnings += warnings_of_providers(settings, providers)
        if rules is not None:
            report.errors += errors_of_anonymous(settings, rules)
            elsewhere = [(f"`{entry.name}`", entry.site, entry) for entry in providers]
            mappings: list[tuple[str, str, ClaimsMapping]] = [*elsewhere, *((e.issuer, e.issuer, e) for e in servers)]
            issuers = [issuer for _, issuer, _ in mappings]
            report.warnings += warnings_of_rules(settings, rules, backends, users, keys, issuers)
            report.warnings += warnings_of_mappings(rules, mappings)
    for entry in backends:
        report.warnings += _warnings_of(entry, environment)
    check_dadl(backends, named, environment, report.errors, report.warnings)
    report.warnings += warnings_of_names(backends)
    if named.direct_tools_max > MANY and named.code_mode:
        report.warnings.append(
            f"TOOLMESH_DIRECT_TOOLS is {named.direct_tools_max}: models choose badly among more than {MANY} tools, and "
            "some clients cut the list."
        )
    return report


def _warnings_of(entry: BackendEntry, environment: Mapping[str, str]) -> list[str]:
    found = []
    where = f"backend {entry.name}"
    if entry.transport == "stdio":
        found += _stdio_warnings(entry, where, environment)
    if entry.transport == "http":
        url = urlsplit(entry.url or "")
        if url.scheme == "http" and not is_loopback(url.hostname or ""):
            found.append(f"{where}: {entry.url} is not encrypted; its credential and data can be read on the way.")
        if entry.tls_skip_verify:
            found.append(
                f"{where}: TLS certificates are NOT verified (tls_skip_verify): anyone on the way can read and change its "
                "calls, and read its credential."
            )
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
