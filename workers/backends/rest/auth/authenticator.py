"""What puts credentials into requests."""

from collections.abc import Collection
from dataclasses import replace
from typing import Protocol

from workers.backends.rest.answer import Answer
from workers.backends.rest.request import Request
from workers.egress.outgoing import Outgoing


class Authenticator(Protocol):
    """One way of authenticating, of one backend."""

    async def sign(self, request: Request) -> Outgoing:
        """The request with its credential, which `secret_headers` and `secret_query` name. One that is not there is
        left out. Raises Failed or MeshError where a token can't be had; nothing was sent to the API then."""
        ...

    async def renew(self, sent: Outgoing, answer: Answer) -> bool:
        """An answer is HTTP 401: whether the same request, signed anew, may be taken. A token that can be renewed is."""
        ...

    def note(self, answer: Answer) -> None:
        """An answer came, whatever its status: cookies of a session are kept."""
        ...

    def secrets(self) -> Collection[str]:
        """What must be in nothing that a caller, a log or Redis gets: credentials and tokens that are in use. The same
        object as long as they are the same."""
        ...

    async def close(self) -> None:
        """Wait until a token that is being got just now is kept, since a refresh token may hang on it; for 2 s at most."""
        ...


class Unauthenticated:
    """Requests as they are; also the rest of those ways that keep nothing."""

    async def sign(self, request: Request) -> Outgoing:
        """Nothing is added."""
        return Outgoing(method=request.method, url=request.url, headers=request.headers, body=request.body)

    async def renew(self, sent: Outgoing, answer: Answer) -> bool:
        """There is nothing to renew."""
        return False

    def note(self, answer: Answer) -> None:
        """Nothing is kept."""

    def secrets(self) -> Collection[str]:
        """There are none."""
        return ()

    async def close(self) -> None:
        """Nothing is under way."""


_ELSEWHERE = Unauthenticated()


def authenticator_of(request: Request, own: Authenticator) -> Authenticator:
    """What authenticates a request: a backend's own way, and nothing for a host of a tool's own."""
    return _ELSEWHERE if request.foreign else own


async def signed(request: Request, own: Authenticator) -> Outgoing:
    """The request as it is sent. A host of a tool's own is a stranger's, whom the operator did not name: its address must
    be public, or listed; and its certificate counts, whatever holds for the backend's own URL. Raises what `sign` does."""
    outgoing = await authenticator_of(request, own).sign(request)
    return replace(outgoing, strange=request.foreign, verified=True) if request.elsewhere else outgoing
