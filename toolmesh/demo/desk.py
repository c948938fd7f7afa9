"""The tickets of the demo's help desk. They are gone when it ends."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

Status = Literal["open", "waiting", "closed"]
STATUSES: tuple[str, ...] = get_args(Status)
TICKETS_MAX = 1_000
COMMENTS_MAX = 100
TEXT_CHARS_MAX = 2_000


class Full(Exception):
    """There are as many as there may be."""


@dataclass
class Ticket:
    """One request for help. Mutable: its status changes, comments are added."""

    id: int
    title: str
    site: str
    sku: str | None = None
    status: str = "open"
    comments: list[str] = field(default_factory=list)

    @property
    def summary(self) -> dict[str, Any]:
        """Without its comments."""
        return {key: value for key, value in asdict(self).items() if key != "comments"}


class Desk:
    """All tickets, by their number."""

    def __init__(self) -> None:
        self._tickets: dict[int, Ticket] = {}
        self._made_by: dict[str, int] = {}
        """Idempotency key → the ticket that was made by it."""
        self._last = 200
        for title, site, sku, status in _EXAMPLES:
            self.add(title, site, sku).status = status

    def list(self, status: str | None, site: str | None) -> list[Ticket]:
        """Those of a status and a site; None: of any."""
        return [t for t in self._tickets.values() if status in (None, t.status) and site in (None, t.site)]

    def find(self, number: int) -> Ticket | None:
        """The ticket of that number, or None."""
        return self._tickets.get(number)

    def add(self, title: str, site: str, sku: str | None = None, key: str = "") -> Ticket:
        """A new ticket; the one that was made before by the same key. Raises Full."""
        if key and (made := self._tickets.get(self._made_by.get(key, 0))) is not None:
            return made
        if len(self._tickets) >= TICKETS_MAX:
            raise Full(f"The demo keeps {TICKETS_MAX} tickets; delete some.")
        self._last += 1
        ticket = self._tickets[self._last] = Ticket(self._last, title, site, sku)
        if key:
            self._made_by[key] = ticket.id
        return ticket

    def comment(self, ticket: Ticket, text: str) -> None:
        """Add a comment. Raises Full."""
        if len(ticket.comments) >= COMMENTS_MAX:
            raise Full(f"A ticket of the demo takes {COMMENTS_MAX} comments.")
        ticket.comments.append(text)

    def remove(self, ticket: Ticket) -> None:
        """Forget it, and the key that it was made by."""
        del self._tickets[ticket.id]
        self._made_by = {key: number for key, number in self._made_by.items() if number != ticket.id}


_EXAMPLES = (
    ("The camera at the gate is dark", "Hamburg", "CAM-4K", "open"),
    ("The router restarts every night", "Leipzig", "RTR-10", "open"),
    ("A new colleague needs a badge", "Hamburg", None, "waiting"),
    ("The battery backup beeps", "Leipzig", "UPS-2K", "open"),
    ("No network in room 12", "Hamburg", "AP-60", "closed"),
    ("The printer is out of paper", "Leipzig", None, "closed"),
    ("The switch in the basement is hot", "Leipzig", "SW-24", "open"),
)
