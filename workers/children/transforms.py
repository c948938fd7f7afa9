"""jq programs out of the operator's files, run on what upstreams answered."""

from typing import Any

from shared.errors import SandboxCrashed, SandboxMemory, TransformFailed
from shared.settings import Settings
from workers.children.children import Children
from workers.children.frames import FrameError

_ENGINE = "jq"
_MIB = 1024 * 1024


class Transforms:
    """Each program runs in a child that is killed when its time is over."""

    def __init__(self, children: Children, settings: Settings) -> None:
        self._children = children
        self._settings = settings

    async def run(self, program: str, document: bytes, tenant: str) -> bytes:
        """What the program gives for a JSON document: `null` for nothing, one result as it is, several as an array.

        Raises TransformFailed where the program is wrong, fails on the document, or the document or what it gives is too
        large; SandboxTimeout, SandboxMemory, SandboxCrashed, SandboxBusy, SandboxUnavailable.
        """
        limit = self._settings.transform_input_bytes_max
        if len(document) > limit:
            raise TransformFailed(f"The document has {len(document)} bytes; transforms take {limit}.")
        try:
            text = document.decode("utf-8")
        except UnicodeDecodeError as cause:
            raise TransformFailed("The document is not UTF-8, so it is no JSON.") from cause
        within_s = self._settings.transform_timeout_s + self._settings.transform_s_per_mib * len(document) / _MIB
        value = await self._ask(program, tenant, within_s, {"input": text})
        results = value.get("results") if isinstance(value, dict) else None
        if not isinstance(results, list) or not all(isinstance(each, str) for each in results):
            raise SandboxCrashed("The sandbox gave something that is no result.")
        joined = results[0] if len(results) == 1 else f"[{','.join(results)}]" if results else "null"
        output = joined.encode("utf-8", "replace")
        if len(output) > self._settings.transform_output_bytes_max:
            raise TransformFailed(f"It gives more than {self._settings.transform_output_bytes_max} bytes.")
        return output

    async def check(self, program: str) -> None:
        """Whether the program can be compiled: for when a file is loaded. Raises as `run` does."""
        await self._ask(program, "", self._settings.transform_timeout_s, {})

    def prepare(self) -> None:
        """Have a child ready before the first run."""
        self._children.prepare(_ENGINE)

    async def _ask(self, program: str, tenant: str, within_s: float, more: dict[str, Any]) -> Any:
        settings = self._settings
        if len(program) > settings.transform_program_chars_max:
            raise TransformFailed(f"The program is longer than {settings.transform_program_chars_max} characters.")
        job = {
            "run": _ENGINE,
            "program": program,
            "results_max": settings.transform_results_max,
            "output_chars_max": settings.transform_output_bytes_max,
            **more,
        }
        async with self._children.child(_ENGINE, tenant, within_s) as child:
            try:
                await child.send(job)
            except FrameError as cause:
                raise TransformFailed(f"The document does not fit into a message to the sandbox ({cause}).") from cause
            done = (await child.receive()).get("done")
        return _value_of(done)


def _value_of(done: Any) -> Any:
    """What a run gave. Raises what went wrong in it."""
    if not isinstance(done, dict) or "value" not in done:
        raise SandboxCrashed("The sandbox gave something that is no result.")
    error = done.get("error")
    if error is None:
        return done["value"]
    code, message = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, None)
    if code == "memory":
        raise SandboxMemory("The jq program wanted more memory than it may have.")
    if code == "engine":
        raise SandboxCrashed(f"The sandbox failed ({message}).")
    raise TransformFailed(f"The jq program can't be used: {message}" if code == "program" else f"jq: {message}")
