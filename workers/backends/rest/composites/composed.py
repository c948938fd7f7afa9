"""One composite, got ready to run: a script in a child, whose `api.<tool>` is a further call of the mesh."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from shared.catalogue import COMPOSITE_CALLS_MAX, canonical_name
from shared.errors import Internal, UnknownTool
from shared.identity import share_of
from shared.settings import Settings
from shared.yaml_structs import nearest
from workers.backends.backend import Invocation
from workers.backends.rest.composites.outcome import outcome
from workers.backends.rest.dadl.composite import Composite
from workers.children.script import Script
from workers.children.script_limits import limits_of
from workers.children.scripts import Scripts
from workers.inner.script_run import MARGIN_S, ScriptRun

_encode = msgspec.json.Encoder().encode


class Composed:
    """Made once for a composite of a definition."""

    def __init__(
        self,
        name: str,
        composite: Composite,
        backend: str,
        tools: Collection[str],
        scripts: Scripts,
        settings: Settings,
    ) -> None:
        """`tools`: what it may call, by their own names: the plain tools of its file."""
        self._name = name
        self._composite = composite
        self._backend = backend
        self._tools = tools
        self._scripts = scripts
        self._settings = settings

    async def run(self, invocation: Invocation, arguments: Mapping[str, Any]) -> bytes:
        """The MCP result. What the script does wrong is a result that says so. Raises OutcomeUnknown where the run is
        another worker's after it has changed something."""
        if invocation.inner is None:
            raise Internal("The composite came without a grant for its calls. Are all edges of one release?")
        run = ScriptRun(invocation, invocation.inner, self._canonical)
        ran = await run.end(self._scripts, self._script(invocation, arguments))
        return outcome(self._name, ran, run.called)

    def _script(self, invocation: Invocation, arguments: Mapping[str, Any]) -> Script:
        left_s = invocation.deadline - asyncio.get_running_loop().time() - 2 * MARGIN_S
        limits = limits_of(
            self._settings,
            wall_s=max(round(min(self._composite.timeout_s, left_s), 1), 0.1),
            calls_max=COMPOSITE_CALLS_MAX,
            discoveries_max=0,
        )
        return Script(
            code=self._composite.code,
            api="api",
            params=_encode(self._filled(arguments)),
            tenant=share_of(invocation.principal),
            limits=limits,
        )

    def _filled(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments, with the defaults of what was not given, or given as null."""
        filled = dict(arguments)
        for name, param in self._composite.params.items():
            if filled.get(name) is None and param.default is not None:
                filled[name] = param.default
        return filled

    def _canonical(self, name: str) -> str:
        """Raises UnknownTool for what is no plain tool of the file."""
        if name not in self._tools:
            advice = nearest(name, self._tools) or " It may call the tools of its own file, and no composites."
            raise UnknownTool(f"The composite {self._name} calls api.{name[:128]}, which is no tool of its file.{advice}")
        return canonical_name(self._backend, name)
