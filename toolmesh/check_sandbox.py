"""What keeps scripts and transforms in, where `toolmesh check` runs: a child is started and asked."""

import asyncio
import sys
from pathlib import Path

import msgspec

from shared.errors import MeshError
from shared.settings import Settings
from workers.children.child import start_child
from workers.children.engine import ENGINES
from workers.children.remote import RemoteChildren

_ENGINE = "jq"
_WAIT_S = 3.0
_BUDGET_S = 5.0
_ELSEWHERE = (
    "Run them in a sandbox of its own: `toolmesh sandbox` in a container without a network and with read_only, as in "
    "compose.yaml, and TOOLMESH_SANDBOX for the workers (docs/sandbox.md)."
)


class Sandbox(msgspec.Struct, kw_only=True):
    """`kept`: what is kept from a child, and by which means; `missing`: means that this system does not have, and why."""

    kept: dict[str, list[str]] = {}
    missing: dict[str, str] = {}
    reason: str = ""
    """Why there is no child to ask; empty where there was one."""

    @property
    def line(self) -> str:
        """For people."""
        if self.reason:
            return f"there is none here: {self.reason}"
        kept = ", ".join(what for what, means in self.kept.items() if means)
        without = "; ".join(f"{means} ({why})" for means, why in self.missing.items())
        return f"scripts are bound in {kept}" + (f". Not on this system: {without}" if without else "")

    def warnings(self, settings: Settings) -> list[str]:
        """What the operator has to do something about."""
        if self.reason and settings.sandbox is not None:
            return [
                f"TOOLMESH_SANDBOX names {settings.sandbox}, where nothing answers here; workers need it. {self.reason}"
            ]
        if self.reason:
            return [f"sandbox: scripts and transforms can't be run here: {self.reason}"]
        open_ways = [what for what, means in self.kept.items() if not means]
        if not open_ways:
            return []
        whose = "macOS has no means for that" if sys.platform == "darwin" else "this system has no means for that"
        return [f"sandbox: scripts are not bound in {', '.join(open_ways)}: {whose}. {_ELSEWHERE}"]


def look_at_sandbox(settings: Settings) -> Sandbox:
    """Start a child, or have the sandbox service give one, and ask it. Never raises for what can't be had."""
    try:
        return asyncio.run(_ask_own(settings) if settings.sandbox is None else _ask_service(settings.sandbox, settings))
    except MeshError as error:
        return Sandbox(reason=error.detail)


async def _ask_own(settings: Settings) -> Sandbox:
    child = await start_child(ENGINES[_ENGINE], settings)
    child.kill()
    await child.ended
    return Sandbox(kept=child.given, missing=child.refused)


async def _ask_service(path: Path, settings: Settings) -> Sandbox:
    async with RemoteChildren(path, settings).child(_ENGINE, "check", _BUDGET_S, wait_s=_WAIT_S) as child:
        return Sandbox(kept=child.given, missing=child.refused)
