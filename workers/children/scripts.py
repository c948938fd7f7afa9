"""Runs scripts in children: relays what they ask for, and says what came of them."""

from collections.abc import Awaitable, Callable

from shared.errors import MeshError, SandboxBusy, SandboxUnavailable
from workers.children.children import Children
from workers.children.frames import FrameError
from workers.children.script import Answered, Asked, Kind, Ran, Script, ScriptError, ScriptLimits
from workers.children.script_conversation import ScriptConversation

__all__ = ["Answered", "Asked", "Kind", "Ran", "Script", "ScriptError", "ScriptLimits", "Scripts"]

ENGINE = "javascript"
COMPOSITES = "composites"
"""The same engine, with children of its own: a script that waits for a composite never takes the child that it needs."""


class Scripts:
    """Runs scripts, each in a child that no other tenant's script was ever run in."""

    def __init__(self, children: Children, engine: str = ENGINE) -> None:
        self._children = children
        self._engine = engine

    async def run(self, script: Script, answer: Callable[[Asked], Awaitable[Answered]]) -> Ran:
        """Run one script to its end; `answer` is awaited for each thing that it asks for, all of them at a time.

        A MeshError that `answer` raises is thrown to the script; what else it raises ends the script, and is raised. What
        still runs of it is cancelled when the script ends, or this is cancelled. Raises SandboxBusy and SandboxUnavailable
        where nothing of the script was run.
        """
        limits = script.limits
        size = len(script.code.encode("utf-8", "replace"))
        if size > limits.code_bytes_max:
            return Ran(
                error=ScriptError(
                    code="script_too_large",
                    message=f"The script has {size} bytes; {limits.code_bytes_max} is the most.",
                )
            )
        conversation = ScriptConversation(script, answer)
        try:
            async with self._children.child(self._engine, script.tenant, limits.wall_s) as child:
                return await conversation.hold(child)
        except FrameError as cause:
            return conversation.cut_off("script_too_large", f"The script and its parameters are too large: {cause}.")
        except (SandboxBusy, SandboxUnavailable):
            raise
        except MeshError as cause:
            if conversation.broken is not None:
                raise conversation.broken from None
            if not cause.code.startswith("sandbox_"):
                raise
            return conversation.cut_off(cause.code, cause.detail)

    def prepare(self) -> None:
        """Have children ready before the first run."""
        self._children.prepare(self._engine)
