"""The kind of backend that runs scripts: the one tool `execute_code`."""

import asyncio
from collections.abc import Callable

import msgspec

from shared.code_mode import CODE, DEFINITION, EXECUTE_CODE
from shared.errors import Internal, InvalidArguments, UnknownTool, UpstreamError
from shared.identity import share_of
from shared.settings import Settings
from workers.backends.backend import Invocation, Offer
from workers.backends.code.report import report
from workers.children.children import Children
from workers.children.script import Script
from workers.children.script_limits import limits_of
from workers.children.scripts import Scripts
from workers.inner.script_run import MARGIN_S, ScriptRun

_SERVER = msgspec.json.encode({"capabilities": {"tools": {}}, "serverInfo": {"name": CODE.name, "version": "1"}})


class _Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    include_results: bool = False


_arguments = msgspec.json.Decoder(_Arguments)


class CodeBackend:
    """Runs scripts in children; holds nothing of them."""

    def __init__(self, settings: Settings, children: Children) -> None:
        self._settings = settings
        self._scripts = Scripts(children)

    async def start(self, changed: Callable[[], None], updated: Callable[[str], None]) -> None:
        """Have children ready."""
        self._scripts.prepare()

    async def list_all(self) -> Offer:
        """The one tool. It is listed by the edge itself, which knows what a script may use."""
        return Offer(tools=(DEFINITION,), server=_SERVER)

    async def call(self, invocation: Invocation) -> bytes:
        """Run a script. What the script does wrong is a result that says so. Raises OutcomeUnknown where the run is another
        worker's after it has changed something, and UnknownTool, InvalidArguments, which the edge has ruled out before."""
        if invocation.method != "tools/call":
            raise UpstreamError("Method not found", data={"error": {"code": -32601, "message": "Method not found"}})
        if invocation.tool != EXECUTE_CODE:
            raise UnknownTool(f"The backend {CODE.name!r} has no tool {invocation.tool!r}.")
        if invocation.inner is None:
            raise Internal("The script came without a grant for its calls. Are all edges of one release?")
        try:
            given = _arguments.decode(invocation.arguments)
        except msgspec.DecodeError as cause:
            raise InvalidArguments(f"The arguments do not fit the tool: {cause}.") from cause
        run = ScriptRun(invocation, invocation.inner)
        ran = await run.end(self._scripts, self._script(given, invocation))
        return report(ran, run.called, whole=given.include_results, echo_bytes_max=self._settings.code_echo_bytes_max)

    def _script(self, given: _Arguments, invocation: Invocation) -> Script:
        settings = self._settings
        left_s = invocation.deadline - asyncio.get_running_loop().time()
        limits = limits_of(
            settings,
            wall_s=max(round(min(settings.code_timeout_s, left_s - 2 * MARGIN_S), 1), 0.1),
            calls_max=settings.code_calls_max,
            discoveries_max=settings.code_discoveries_max,
        )
        return Script(code=given.code, tenant=share_of(invocation.principal), limits=limits)

    async def watch(self, uris: frozenset[str]) -> None:
        """Nothing here changes."""

    async def close(self) -> None:
        """Nothing to let go of: children are the worker's."""
