"""What clients do after a call was answered, put together: wait for its end (`mesh_wait`, tasks), read on (`mesh_more`)."""

from edge.authorize import Authorizer
from edge.calls import Calls
from edge.directory import Directory
from edge.handles.handles import Handles
from edge.handles.look import Look
from edge.handles.mesh_wait import MeshWait
from edge.handles.rounds import Rounds
from edge.handles.tasks import Tasks
from edge.names import MESH_MORE, MESH_WAIT
from edge.outgoing import Outbox
from edge.own_tools import OwnTool
from edge.paging.mesh_more import MeshMore
from edge.paging.pager import Pager
from edge.recorder import Recorder
from edge.relay import Relay
from edge.respond import Responder
from shared.settings import Settings


class Afterwards:
    """These parts of one edge."""

    def __init__(
        self,
        handles: Handles,
        directory: Directory,
        authorizer: Authorizer,
        relay: Relay,
        outbox: Outbox,
        calls: Calls,
        responder: Responder,
        pager: Pager,
        recorder: Recorder,
        settings: Settings,
    ) -> None:
        line, ring, clock = handles.line, handles.ring, handles.clock
        look = Look(handles.store, relay, line, ring, clock, settings)
        rounds = Rounds(handles.store, directory, authorizer, line, ring, clock, calls.drafts, calls.limits)
        mesh_wait = MeshWait(handles.store, look, rounds, outbox, relay, responder, settings)
        mesh_more = MeshMore(pager, relay, directory.entries, settings, record=recorder.continued)
        self.own_tools: dict[str, OwnTool] = {MESH_WAIT: mesh_wait, MESH_MORE: mesh_more}
        self.tasks = Tasks(
            handles.store,
            look,
            rounds,
            handles.view,
            calls,
            responder,
            outbox.lenience,
            responses_bytes_max=settings.body_bytes_max,
        )
