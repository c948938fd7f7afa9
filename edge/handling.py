"""What answers requests of MCP, put together: calls and who waits for them, the edge's own tools, lists, the endpoint."""

from collections.abc import Callable

import structlog

from edge.admit import Gate
from edge.calls import Calls
from edge.code.backend_hints import BackendHints
from edge.code.execute_code import ExecuteCode
from edge.dead_letters import DeadLetters
from edge.direct import Direct
from edge.discovery.called import CalledTools
from edge.discovery.collection import Collections
from edge.discovery.discover_tools import DiscoverTools
from edge.discovery.finding import Finding
from edge.discovery.search_fetch import Fetch, Search
from edge.door import Door
from edge.endpoint import McpEndpoint
from edge.finishing import Finisher
from edge.handles.afterwards import Afterwards
from edge.handles.handles import Handles
from edge.hints import Hints
from edge.inner.naming import Naming
from edge.inner.side import InnerSide
from edge.introduction import Introduction
from edge.listing import Listing
from edge.mesh import Mesh
from edge.methods import Methods
from edge.names import DISCOVER_TOOLS
from edge.outgoing import Outbox
from edge.own_tools import OwnTools
from edge.paging.pager import Pager
from edge.recovery import Recovery
from edge.request_state import RequestStates
from edge.respond import Responder
from edge.sessions.lasting import Lasting
from edge.step_up import StepUp
from edge.waiting import Waiting
from shared.code_mode import CODE, EXECUTE_CODE, offers_code
from shared.jobs import RETRY

log = structlog.get_logger()


class Handling:
    """Of one edge."""

    def __init__(
        self,
        mesh: Mesh,
        gate: Gate,
        door: Door,
        lasting: Lasting,
        outbox: Outbox,
        states: RequestStates,
        public_url: str,
        *,
        in_touch: Callable[[], bool],
    ) -> None:
        """`in_touch`: as of `Calls`."""
        self._mesh = mesh
        self._lasting = lasting
        self._public_url = public_url
        settings, line, ring, clock, recorder = mesh.settings, mesh.line, mesh.ring, mesh.clock, mesh.recorder
        self._handles = handles = Handles(line, ring, clock, settings, refused=recorder.refused)
        self.calls = Calls(
            mesh.directory,
            mesh.relay,
            line,
            ring,
            clock,
            settings,
            recorder,
            in_touch=in_touch,
            hand_after_s=handles.budget.after_s,
        )
        self.waiting = Waiting(line, ring, clock, self.calls.limits, mesh.edge_id, grace_s=settings.cancel_grace_s)
        self.recovery = Recovery(self.calls, mesh.relay, line, recorder, grace_s=settings.holder_grace_s)
        self._pager = Pager(ring, settings)
        hints = Hints(mesh.directory.entries, line, ttl_s=settings.hint_ttl_s)
        self._responder = Responder(
            self.calls, self.waiting, lasting.requests, Finisher(states, self._pager), handles, hints, settings
        )
        self._after = Afterwards(
            handles,
            mesh.directory,
            mesh.authorizer,
            mesh.relay,
            outbox,
            self.calls,
            self._responder,
            self._pager,
            recorder,
            settings,
        )
        called = CalledTools(mesh.directory)
        self._collections = Collections(called)
        self._finding = finding = Finding(self._collections, mesh.authorizer)
        naming = Naming(called, finding, mesh.authorizer)
        self.inner = InnerSide(mesh, self.calls, finding, naming, hints, in_touch=in_touch)
        own_tools = self._own_tools(outbox)
        self.endpoint = self._endpoint(gate, door, outbox, own_tools, public_url)

    def _own_tools(self, outbox: Outbox) -> OwnTools:
        mesh = self._mesh
        tools = dict(self._after.own_tools)
        if offers_code(mesh.settings):
            hints = BackendHints(mesh.directory.entries, lambda: mesh.directory.shelves, mesh.authorizer)
            tools[EXECUTE_CODE] = ExecuteCode(self.calls, hints, mesh.settings)
            tools[DISCOVER_TOOLS] = DiscoverTools(self._finding, mesh.directory.entries, mesh.settings)
        if mesh.settings.search_fetch:
            tools["search"] = Search(self._finding, self._public_url, mesh.settings)
            tools["fetch"] = Fetch(self._finding, self._public_url, mesh.settings)
        return OwnTools(tools, outbox)

    def _endpoint(self, gate: Gate, door: Door, outbox: Outbox, own_tools: OwnTools, public_url: str) -> McpEndpoint:
        mesh, lasting, settings = self._mesh, self._lasting, self._mesh.settings
        introduction = Introduction(mesh.directory, mesh.authorizer, code_mode=offers_code(settings))
        return McpEndpoint(
            door.guard,
            gate,
            outbox,
            self.calls,
            self._methods(outbox, own_tools, introduction),
            introduction,
            lasting.sessions,
            lasting.requests,
            self._responder,
            own_tools,
            mesh.authorizer,
            StepUp(public_url, settings.step_up, door.scope_names),
            settings,
            filling=outbox.lenience,
            backends=frozenset(mesh.directory.entries),
            standing=lasting.standing(mesh.relay, self._responder).answer,
            listen=lasting.listening.answer,
            denied=mesh.recorder.denied,
        )

    def _methods(self, outbox: Outbox, own_tools: OwnTools, introduction: Introduction) -> Methods:
        mesh, settings = self._mesh, self._mesh.settings
        anonymous = settings.auth == "none"
        direct_max = settings.direct_tools_max if offers_code(settings) else None
        listing = Listing(
            mesh.directory,
            mesh.authorizer,
            settings.list_page_tools,
            own_tools.listed_for,
            direct=Direct(mesh.directory, mesh.authorizer, direct_max),
            anonymous=anonymous,
        )
        return Methods(
            listing,
            introduction,
            outbox,
            self._lasting.sessions,
            list_ttl_ms=settings.list_ttl_ms,
            owners={RETRY: self._dead_letters().retry},
            tasks=self._after.tasks.methods,
            bare=lambda exchange: self._handles.budget.cuts(exchange) or self._pager.cuts(exchange),
        )

    def _dead_letters(self) -> DeadLetters:
        mesh = self._mesh
        return DeadLetters(
            mesh.directory,
            mesh.authorizer,
            self.calls,
            mesh.line,
            mesh.ring,
            mesh.clock,
            mesh.settings,
            mesh.edge_id,
            refused=mesh.recorder.refused,
            record=mesh.recorder.record,
        )

    def say_what_is_missing(self) -> None:
        """At the start: what was asked for and can't be had."""
        settings = self._mesh.settings
        if settings.code_mode and not offers_code(settings):
            log.warning(
                "scripts are not run: there is no execute_code",
                hint=f"TOOLMESH_MESH_KEYS has no key of the group {CODE.group!r}. Add one, here and at the workers that "
                "are to run scripts; or set TOOLMESH_CODE_MODE=off.",
            )

    def on_tools(self) -> None:
        """There are others than before. Never waits."""
        settings = self._mesh.settings
        if offers_code(settings) or settings.search_fetch:
            self._collections.prepare()

    async def close(self) -> None:
        """Stop what goes on beside requests."""
        await self.inner.close()
        self.waiting.close()
        self.recovery.close()
        self._collections.stop()
