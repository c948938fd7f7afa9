"""How a client sees the tools of one backend at that backend's own endpoint: as they are, or as strict clients accept them.

At the endpoint of all backends everybody sees them as all clients accept them.
"""

from edge.accepted.search_fetch import OPENAI
from edge.backend_names import View
from edge.client_name import is_called
from edge.exchange import Exchange
from shared.settings import Settings


class Strictness:
    """Knows it for one edge."""

    def __init__(self, settings: Settings) -> None:
        self._clients = tuple(name.lower() for name in settings.strict_clients if name)
        self._openai = tuple(name for name in self._clients if name.startswith(OPENAI))

    def view(self, exchange: Exchange) -> View:
        """The view of whoever sent a request."""
        if exchange.backend is None:
            return "strict"
        if not is_called(exchange, self._clients):
            return "plain"
        return "openai" if is_called(exchange, self._openai) else "strict"
