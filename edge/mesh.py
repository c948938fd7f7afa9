"""How one edge reaches the mesh, and what it knows of it: what most of its parts need."""

from dataclasses import dataclass

from edge.authorize import Authorizer
from edge.directory import Directory
from edge.recorder import Recorder
from edge.relay import Relay
from shared.clock import BrokerClock
from shared.line import RedisLine
from shared.mesh_keys import KeyRing
from shared.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """Of one edge."""

    edge_id: str
    settings: Settings
    ring: KeyRing
    line: RedisLine
    clock: BrokerClock
    recorder: Recorder
    relay: Relay
    directory: Directory
    authorizer: Authorizer
