"""From the environment to `Settings`: every problem is found before the start stops, and no secret is ever shown."""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import inspect as types

from shared.durations import parse_duration
from shared.errors import ConfigurationError
from shared.findings import Findings
from shared.known_names import ALIASES, FIELDS, FROM_FILES, INERT, KNOWN, PREFIX, injected_by_kubernetes
from shared.mesh_keys import KeyRing, parse_key_ring
from shared.setting_checks import CHOICES, check_setting
from shared.settings import Secret, Settings
from shared.unbuilt import refuse_controls
from shared.yaml_structs import nearest

EXEC_TIMEOUT_S_MAX = 3000.0
"""A queue lives for an hour after its last enqueue (`QUEUE_TTL_S`); no deadline may come near that."""

_FILE_CHARACTERS_MAX = 64 * 1024

_SWITCHES = {
    **dict.fromkeys(("true", "on", "yes", "1"), True),
    **dict.fromkeys(("false", "off", "no", "0"), False),
}
_INTEGER = re.compile(r"[0-9]{1,15}")


def load_settings(environment: Mapping[str, str], **overrides: Any) -> Settings:
    """Settings from the environment; an override is a field's value from the command line, and None is none.

    An empty variable counts as unset. Raises ConfigurationError with every problem: the variable, what was found (never
    of a secret) and what to write; `problems_of` gives them one by one.
    """
    findings = Findings()
    given = _given(environment, findings)
    values: dict[str, Any] = {}
    fields = {field.name: field for field in _fields()}
    for variable, name in FIELDS.items():
        text = given.get(variable)
        if text is None or overrides.get(name) is not None:
            continue
        try:
            value = _read(variable, text, fields[name].type)
            check_setting(name, variable, value)
            values[name] = _as_one_writes_it(name, value)
        except ConfigurationError as error:
            findings.take(error)
    values |= {name: value for name, value in overrides.items() if value is not None}
    _check_inert(given, findings)
    refuse_controls(given, values.get("config_dir", Settings().config_dir), findings)
    findings.stop()
    if values.get("queue_encrypt") and "mesh_keys" in values:
        values["mesh_keys"] = values["mesh_keys"].encrypting()
    settings = Settings(**values)
    _check_together(settings, findings)
    findings.stop()
    return settings


def _as_one_writes_it(name: str, value: Any) -> Any:
    """The same value as the code compares it: a word in lower case, a URL without a slash at its end."""
    if name in CHOICES:
        return value.lower()
    return value.rstrip("/") if name == "issuer" else value


def _given(environment: Mapping[str, str], findings: Findings) -> dict[str, str]:
    """The names that mean something to us, with aliases resolved; unknown ones become findings."""
    given: dict[str, str] = {}
    for name, value in environment.items():
        text = value.strip()
        if injected_by_kubernetes(name, text):
            continue
        if name in KNOWN:
            if text:
                given[name] = text
        elif name.startswith(PREFIX):
            findings.add(f"{name} is not a setting of ToolMesh.{nearest(name, KNOWN)} docs/configuration.md lists all.")
    for alias, name in ALIASES.items():
        text = given.pop(alias, "")
        if text and given.setdefault(name, text) != text:
            findings.add(f"{alias} and {name} say different things. Keep {name}.")
    for variable, name in FROM_FILES.items():
        path = given.pop(variable, "")
        if path:
            _take_file(given, variable, name, path, findings)
    return given


def _take_file(given: dict[str, str], variable: str, name: str, path: str, findings: Findings) -> None:
    """The value of a secret out of its file. An empty file is a mistake, not an absent secret."""
    try:
        with Path(path).expanduser().open(encoding="utf-8") as file:
            text = file.read(_FILE_CHARACTERS_MAX).strip()
    except (OSError, RuntimeError, ValueError) as cause:
        why = (isinstance(cause, OSError) and cause.strerror) or "not a text file"
        findings.add(f"{variable} names a file that can't be read ({why}). Give the path of a file that holds the value.")
        return
    if not text:
        findings.add(f"{variable} names an empty file. Write the value into it.")
    elif given.setdefault(name, text) != text:
        findings.add(f"{name} and {variable} say different things. Keep one of them.")


def _fields() -> tuple[types.Field, ...]:
    info = types.type_info(Settings)
    assert isinstance(info, types.StructType)
    return info.fields


def _plain(kind: types.Type) -> types.Type:
    """The type itself, without metadata and without `| None`."""
    if isinstance(kind, types.Metadata):
        return _plain(kind.type)
    if isinstance(kind, types.UnionType):
        return _plain(next(member for member in kind.types if not isinstance(member, types.NoneType)))
    return kind


def _read(variable: str, text: str, kind: types.Type) -> Any:
    """One value of a field's type. Raises ConfigurationError."""
    kind = _plain(kind)
    if isinstance(kind, types.BoolType):
        return _switch(variable, text)
    if isinstance(kind, types.IntType):
        return _integer(variable, text, kind)
    if isinstance(kind, types.FloatType):
        return _seconds(variable, text)
    if isinstance(kind, types.VarTupleType):
        return tuple(item for part in text.split(",") if (item := part.strip()))
    if isinstance(kind, types.StrType):
        return text
    assert isinstance(kind, types.CustomType), kind
    readers: dict[type, Callable[[str], Any]] = {
        Secret: Secret,
        Path: lambda t: Path(t).expanduser(),
        KeyRing: parse_key_ring,
    }
    return readers[kind.cls](text)


def _switch(variable: str, text: str) -> bool:
    on = _SWITCHES.get(text.lower())
    if on is None:
        raise ConfigurationError(f"{variable} is {text!r}; write true or false.")
    return on


def _integer(variable: str, text: str, kind: types.IntType) -> int:
    low = kind.ge if kind.ge is not None else (kind.gt or 0) + 1
    number = int(text) if _INTEGER.fullmatch(text) else None
    if number is None or number < low or (kind.le is not None and number > kind.le):
        limits = f"from {low} to {kind.le}" if kind.le is not None else f"of {low} or more"
        raise ConfigurationError(f"{variable} is {text!r}; write a whole number {limits}.")
    return number


def _seconds(variable: str, text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError:
        seconds = 0.0
    if seconds <= 0 or not math.isfinite(seconds):
        raise ConfigurationError(f"{variable} is {text!r}; write a duration above 0: seconds (`30`) or `500ms`, `1m30s`.")
    return seconds


def _check_inert(given: Mapping[str, str], findings: Findings) -> None:
    """A value that a later release would refuse is refused now."""
    for name, inert in INERT.items():
        text = given.get(name)
        if text is None:
            continue
        if inert.kind == "int" and not _INTEGER.fullmatch(text):
            findings.add(f"{name} is {text!r}; write a whole number.")
        elif inert.kind == "bool" and text.lower() not in _SWITCHES:
            findings.add(f"{name} is {text!r}; write true or false.")
        elif inert.kind == "seconds":
            try:
                parse_duration(text)
            except ValueError:
                findings.add(f"{name} is {text!r}; write a duration: seconds (`30`) or `500ms`, `1m30s`.")


def _check_together(settings: Settings, findings: Findings) -> None:
    """Settings that must fit each other."""
    if settings.lease_renew_s * 2 > settings.lease_s:
        findings.add(
            f"TOOLMESH_LEASE_RENEW_S ({settings.lease_renew_s:g}) must be at most half of TOOLMESH_LEASE_S "
            f"({settings.lease_s:g}), or one late renewal loses a running call."
        )
    if settings.heartbeat_s * 2 > settings.heartbeat_ttl_s:
        findings.add(
            f"TOOLMESH_HEARTBEAT_S ({settings.heartbeat_s:g}) must be at most half of TOOLMESH_HEARTBEAT_TTL_S "
            f"({settings.heartbeat_ttl_s:g}), or live workers seem dead."
        )
    if settings.exec_timeout_s > EXEC_TIMEOUT_S_MAX:
        findings.add(f"TOOLMESH_EXEC_TIMEOUT is {settings.exec_timeout_s:g} s; write at most {EXEC_TIMEOUT_S_MAX:g} s.")
    if settings.code_timeout_s > EXEC_TIMEOUT_S_MAX:
        findings.add(f"TOOLMESH_CODE_TIMEOUT is {settings.code_timeout_s:g} s; write at most {EXEC_TIMEOUT_S_MAX:g} s.")
    if not settings.config_dir.is_dir() and settings.config_dir != Settings().config_dir:
        findings.add(f"{settings.config_dir} is not a directory. Name the one with backends.yaml (--config).")
