"""What clients do about a call that was answered before it was over, put together: `mesh_wait` and tasks."""

from edge.authorize import Authorizer
from edge.calls import Calls
from edge.directory import Directory
from edge.handles.handles import Handles
from edge.handles.look import Look
from edge.handles.mesh_wait import MeshWait
from edge.handles.rounds import Rounds
from edge.handles.tasks import Tasks
from edge.lenience import Lenience
from edge.outgoing import Outbox
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
        lenience: Lenience,
        settings: Settings,
    ) -> None:
        line, ring, clock = handles.line, handles.ring, handles.clock
        look = Look(handles.store, relay, line, ring, clock, settings)
        rounds = Rounds(handles.store, directory, authorizer, line, ring, clock, calls.drafts, calls.limits)
        self.mesh_wait = MeshWait(handles.store, look, rounds, outbox, relay, responder, settings)
        self.tasks = Tasks(
            handles.store,
            look,
            rounds,
            handles.view,
            calls,
            responder,
            lenience,
            responses_bytes_max=settings.body_bytes_max,
        )
