"""The whole configuration of a role, loaded at once, so that the operator sees every problem at once."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from shared.authorization import Authorization
from shared.authorization_file import AUTHORIZATION_FILE, load_authorization
from shared.authorization_servers_file import AuthorizationServerEntry, load_authorization_servers
from shared.backend_urls import notes_of_urls, with_urls
from shared.caller_classes_file import load_caller_classes
from shared.clients_file import CLIENTS_FILE, load_clients
from shared.code_mode import CODE, offers_code
from shared.configuration import ApiKeyEntry, BackendEntry, UserEntry
from shared.environment import load_settings
from shared.errors import ConfigurationError
from shared.findings import Findings
from shared.identity_providers_file import IdentityProviderEntry, load_identity_providers
from shared.settings import Settings
from shared.unbuilt import notes
from shared.users_file import USERS_FILE, load_users
from shared.yaml_files import API_KEYS_FILE, load_api_keys, load_backends
from toolmesh.access_notes import access_notes, access_warnings

T = TypeVar("T")

_BUNDLED = Path(__file__).resolve().parent.parent / "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What the environment and the files say."""

    settings: Settings
    entries: tuple[BackendEntry, ...]
    keys: tuple[ApiKeyEntry, ...]
    users: tuple[UserEntry, ...]
    caller_classes: Mapping[str, tuple[str, ...]]
    authorization: Authorization
    authorization_servers: tuple[AuthorizationServerEntry, ...] = ()
    identity_providers: tuple[IdentityProviderEntry, ...] = ()
    notes: tuple[str, ...]
    """What is accepted and has no effect."""
    warnings: tuple[str, ...]
    """What the operator must know of a role that starts."""

    @property
    def served(self) -> tuple[BackendEntry, ...]:
        """The backends, and the one that runs scripts, where there are any and a key of its group is there or made."""
        settings = self.settings
        scripts = settings.code_mode if settings.mesh_keys is None else offers_code(settings)
        return (*self.entries, CODE) if scripts else self.entries


def config_dir(given: Path | None, environment: Mapping[str, str]) -> Path:
    """The directory that is meant: the one given, else `./config`, else the example that ToolMesh brings."""
    default = Settings().config_dir
    named = given or Path(environment.get("TOOLMESH_CONFIG_DIR", "").strip() or default).expanduser()
    if named == default and not named.is_dir() and _BUNDLED.is_dir():
        return _BUNDLED
    return named


def load_configuration(
    config: Path | None, environment: Mapping[str, str] | None = None, *, door: bool = True, **overrides: Any
) -> Configured:
    """Load everything. Raises ConfigurationError with the problems of all places.

    `door`: also who may come in; a role that lets nobody in need not be able to read that.
    """
    environment = os.environ if environment is None else environment
    directory = config_dir(config, environment)
    findings = Findings()

    def read(load: Callable[[], T]) -> T | None:
        try:
            return load()
        except ConfigurationError as error:
            findings.take(error)
            return None

    def at_door(load: Callable[[], T]) -> T | None:
        return read(load) if door else None

    settings = read(lambda: load_settings(environment, config_dir=directory, **overrides))
    entries = read(lambda: load_backends(directory, _named(environment, "TOOLMESH_BACKENDS_CONFIG")))
    rules = read(lambda: load_authorization(directory, _named(environment, "TOOLMESH_AUTHORIZATION_CONFIG")))
    keys = at_door(lambda: load_api_keys(directory, _named(environment, "TOOLMESH_APIKEYS_CONFIG")))
    users = at_door(lambda: load_users(directory, _named(environment, "TOOLMESH_USERS_CONFIG")))
    classes = at_door(lambda: load_caller_classes(directory, _named(environment, "TOOLMESH_CALLER_CLASSES_CONFIG")))
    schemes = (settings or Settings()).redirect_schemes
    at_door(lambda: load_clients(directory, _named(environment, "TOOLMESH_CLIENTS_CONFIG"), schemes=schemes))
    own_url = settings.issuer if settings is not None else None
    file = _named(environment, "TOOLMESH_AUTHORIZATION_SERVERS_CONFIG")
    servers = at_door(lambda: load_authorization_servers(directory, file, own_url=own_url))
    named = _named(environment, "TOOLMESH_IDENTITY_PROVIDERS_CONFIG")
    providers = at_door(lambda: load_identity_providers(directory, named))
    if settings is not None and entries is not None:
        backends, said = entries, settings.backend_urls
        entries = read(lambda: with_urls(backends, said))
    findings.stop()
    assert settings is not None
    return Configured(
        settings=settings,
        entries=entries or (),
        keys=keys or (),
        users=users or (),
        caller_classes=classes or {},
        authorization=rules or Authorization(),
        authorization_servers=servers or (),
        identity_providers=providers or (),
        notes=(
            *notes(environment),
            *notes_of_urls(entries or (), settings.backend_urls),
            *access_notes(settings, users or ()),
        ),
        warnings=access_warnings(settings) if door else (),
    )


def _named(environment: Mapping[str, str], variable: str) -> Path | None:
    text = environment.get(variable, "").strip()
    return Path(text).expanduser() if text else None


def api_keys_file(config: Path | None, environment: Mapping[str, str]) -> Path:
    """Where API keys are kept: never in the example that ToolMesh brings."""
    return _own_file(config, environment, "TOOLMESH_APIKEYS_CONFIG", API_KEYS_FILE)


def users_file(config: Path | None, environment: Mapping[str, str]) -> Path:
    """Where users are kept: never in the example that ToolMesh brings."""
    return _own_file(config, environment, "TOOLMESH_USERS_CONFIG", USERS_FILE)


def clients_file(config: Path | None, environment: Mapping[str, str]) -> Path:
    """Where OAuth clients are kept: never in the example that ToolMesh brings."""
    return _own_file(config, environment, "TOOLMESH_CLIENTS_CONFIG", CLIENTS_FILE)


def authorization_file(config: Path | None, environment: Mapping[str, str]) -> Path:
    """Where rules are kept."""
    return _own_file(config, environment, "TOOLMESH_AUTHORIZATION_CONFIG", AUTHORIZATION_FILE)


def _own_file(config: Path | None, environment: Mapping[str, str], variable: str, name: str) -> Path:
    directory = config or _named(environment, "TOOLMESH_CONFIG_DIR") or Settings().config_dir
    return _named(environment, variable) or directory / name


def log_notes(configured: Configured, role: str) -> None:
    """Write notes and warnings into a role's log, before it serves."""
    import structlog

    from shared.log import configure

    if not (configured.notes or configured.warnings):
        return
    configure(configured.settings.log_level, configured.settings.log_format, role)
    for note in configured.notes:
        structlog.get_logger().warning("accepted without effect", note=note)
    for text in configured.warnings:
        structlog.get_logger().warning("the door is open", warning=text)
