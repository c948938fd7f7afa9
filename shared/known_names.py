"""Every name that the environment may have for us: our settings' own, and upstream's that do nothing yet.

All of upstream's names are known from the first release, so that its configuration is taken as it is; each one that does
nothing says so at start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from shared.settings import Settings

PREFIX = "TOOLMESH_"

Kind = Literal["text", "int", "seconds", "bool"]


@dataclass(frozen=True, slots=True)
class Inert:
    """A name that is accepted and does nothing yet: what it is about, and what a value must look like."""

    about: str
    kind: Kind = "text"


ALIASES: Mapping[str, str] = {"TOOLMESH_ACTIVITY_TIMEOUT": "TOOLMESH_EXEC_TIMEOUT"}
"""Older name → the name that it stands for."""

FROM_FILES: Mapping[str, str] = {
    f"{name}_FILE": name
    for name in (
        "REDIS_URL",
        "AUTH_REDIS_URL",
        "TOOLMESH_API_KEY",
        "TOOLMESH_AUTH_PASSWORD",
        "TOOLMESH_IDENTITY_SECRETS",
        "TOOLMESH_OWNER_KEY_SHA256",
        "TOOLMESH_OWNER_PASSWORD_HASH",
    )
}
"""Name of a file that holds a secret → the name that it stands for (the convention of container secrets)."""

CONTROLS: Mapping[str, str] = {
    "OPENFGA_MODE": "`bypass` or absent; `restrict` stops the start, because relations are not built yet",
    "GATE_EVALUATORS": "`goja` or absent; with policies, or with another value, it stops the start",
    "CREDENTIAL_STORE": "`embedded` or absent: secrets come from `CREDENTIAL_*`",
    "TOOLMESH_TRANSPORT": "`http` or absent: ToolMesh serves HTTP only",
    "TOOLMESH_POLICIES_DIR": "where policies are looked for; a `*.js` in it stops the start",
}
"""Names whose value is looked at, because ignoring one would leave out a control that was asked for."""

INERT: Mapping[str, Inert] = {
    "AUDIT_RETENTION_DAYS": Inert("the audit goes to the log, which your log system keeps", "int"),
    "DEBUG_BACKENDS": Inert("set LOG_LEVEL=debug instead"),
    "DEBUG_FILE": Inert("logs go to standard error"),
    "DO_NOT_SEND_ANONYMOUS_STATISTICS": Inert("ToolMesh never sends any"),
    "GOMEMLIMIT": Inert("it is Go's; limit the container's memory"),
    "OPENFGA_API_URL": Inert("relations come with a later release"),
    "OPENFGA_STORE_ID": Inert("relations come with a later release"),
    "TELEMETRY_INTERVAL": Inert("ToolMesh never sends any statistics"),
    "TOOLMESH_DEBUG_TOOLS": Inert("debug tools come with a later release", "bool"),
    "TOOLMESH_DEV": Inert("there is no posture summary yet", "bool"),
    "TOOLMESH_MEM_LIMIT_BYTES": Inert("scripts come with a later release; limit the container's memory", "int"),
    "TOOLMESH_METRICS_BIND": Inert("metrics come with a later release"),
    "TOOLMESH_METRICS_ENABLED": Inert("metrics come with a later release", "bool"),
    "TOOLMESH_METRICS_HOST": Inert("metrics come with a later release"),
    "TOOLMESH_METRICS_LABEL_TOOL": Inert("metrics come with a later release", "bool"),
    "TOOLMESH_METRICS_PORT": Inert("metrics come with a later release", "int"),
    "TOOLMESH_TOOLS_DIR": Inert("the built-in tools bring their own schemas"),
}
"""Accepted, and without effect in this release."""


def _variables() -> dict[str, str]:
    found = {}
    for field in msgspec.inspect.type_info(Settings).fields:  # type: ignore[attr-defined]
        extra = getattr(field.type, "extra", None) or {}
        found[extra.get("env", PREFIX + field.name.upper())] = field.name
    return found


FIELDS: Mapping[str, str] = _variables()
"""Variable → field of Settings."""

KNOWN: frozenset[str] = frozenset((*FIELDS, *ALIASES, *FROM_FILES, *CONTROLS, *INERT))


def injected_by_kubernetes(name: str, value: str) -> bool:
    """Whether Kubernetes sets this variable for a service that is called toolmesh."""
    if name == "TOOLMESH_PORT":
        return value.startswith(("tcp://", "udp://", "sctp://"))
    return name.startswith(("TOOLMESH_SERVICE_", "TOOLMESH_PORT_"))
