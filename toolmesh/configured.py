"""The whole configuration of a role, loaded at once, so that the operator sees every problem at once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.configuration import ApiKeyEntry, BackendEntry
from shared.environment import load_settings
from shared.errors import ConfigurationError
from shared.findings import Findings
from shared.settings import Settings
from shared.unbuilt import notes
from shared.yaml_files import load_api_keys, load_backends

_BUNDLED = Path(__file__).resolve().parent.parent / "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What the environment and the files say."""

    settings: Settings
    entries: tuple[BackendEntry, ...]
    keys: tuple[ApiKeyEntry, ...]
    notes: tuple[str, ...]
    """What is accepted and does nothing yet."""


def config_dir(given: Path | None, environment: Mapping[str, str]) -> Path:
    """The directory that is meant: the one given, else `./config`, else the example that ToolMesh brings."""
    default = Settings().config_dir
    named = given or Path(environment.get("TOOLMESH_CONFIG_DIR", "").strip() or default).expanduser()
    if named == default and not named.is_dir() and _BUNDLED.is_dir():
        return _BUNDLED
    return named


def load_configuration(config: Path | None, environment: Mapping[str, str] | None = None, **overrides: Any) -> Configured:
    """Load everything. Raises ConfigurationError with the problems of all places."""
    environment = os.environ if environment is None else environment
    directory = config_dir(config, environment)
    findings = Findings()
    settings: Settings | None = None
    entries: tuple[BackendEntry, ...] = ()
    keys: tuple[ApiKeyEntry, ...] = ()
    try:
        settings = load_settings(environment, config_dir=directory, **overrides)
    except ConfigurationError as error:
        findings.take(error)
    try:
        entries = load_backends(directory, _named(environment, "TOOLMESH_BACKENDS_CONFIG"))
    except ConfigurationError as error:
        findings.take(error)
    try:
        keys = load_api_keys(directory, _named(environment, "TOOLMESH_APIKEYS_CONFIG"))
    except ConfigurationError as error:
        findings.take(error)
    findings.stop()
    assert settings is not None
    return Configured(settings=settings, entries=entries, keys=keys, notes=notes(environment, directory))


def _named(environment: Mapping[str, str], variable: str) -> Path | None:
    text = environment.get(variable, "").strip()
    return Path(text).expanduser() if text else None


def api_keys_file(config: Path | None, environment: Mapping[str, str]) -> Path:
    """Where API keys are kept: never in the example that ToolMesh brings."""
    named = _named(environment, "TOOLMESH_APIKEYS_CONFIG")
    directory = config or _named(environment, "TOOLMESH_CONFIG_DIR") or Settings().config_dir
    return named or directory / "apikeys.yaml"


def log_notes(configured: Configured, role: str) -> None:
    """Write the notes into a role's log, before it serves."""
    import structlog

    from shared.log import configure

    if configured.notes:
        configure(configured.settings.log_level, configured.settings.log_format, role)
        for note in configured.notes:
            structlog.get_logger().warning("accepted without effect", note=note)
