"""What earlier checks learned of the server, for those that come after."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Client:
    """A client that the server knows: registered by us, or a metadata document's."""

    client_id: str
    redirect_uri: str
    secret: str = ""
    auth_method: str = "none"
    management_url: str = ""
    """Where it can be deleted (RFC 7592), with `management_token`."""
    management_token: str = ""


@dataclass(slots=True)
class Learned:
    """All of it is a stranger's word: look at the type of a member before you use it."""

    stopped: str = ""
    """Why nothing else can be looked at, as a sentence; empty while the server answers."""
    near: bool = False
    """Whether the URL itself is of this machine or a private network."""
    open_door: bool = False
    """Whether it lets in who brings no credential: there is no log-in to look at."""
    challenge: Mapping[str, str] = field(default_factory=dict)
    """Parameters of the Bearer challenge at the first 401, by lower-case name."""
    resource: Mapping[str, Any] = field(default_factory=dict)
    """Protected resource metadata (RFC 9728): the document that a client would go by."""
    issuer: str = ""
    """The authorization server that is used: the first of `authorization_servers`."""
    server: Mapping[str, Any] = field(default_factory=dict)
    """Authorization server metadata (RFC 8414): the first document in the order of MCP."""
    documented: Client | None = None
    """The client that its metadata document describes, where the server took it."""
    clients: list[Client] = field(default_factory=list)
    """All that were registered here, the one for the client that is asked about first; `leaving` takes them away again."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What one group leaves for another, by `<group>.<what>`."""

    def endpoint(self, name: str) -> str:
        """A URL of the authorization server's metadata, or an empty text."""
        found = self.server.get(name)
        return found if isinstance(found, str) else ""
