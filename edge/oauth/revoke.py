"""POST /revoke: a token, and with it the whole grant, ends on every edge at once (RFC 7009)."""

from starlette.requests import Request
from starlette.responses import Response

from edge.oauth.answers import answer_of
from edge.oauth.client_request import ClientRequests
from edge.oauth.parameters import Parameters
from edge.oauth.secret_tokens import digest_of, family_of, leads_to, refresh_parts
from edge.oauth.server import Server
from edge.oauth.store import GrantStore
from edge.oauth.transaction import Transaction
from edge.recorder import Recorder
from shared.grants import ACCESS, Grant
from shared.mesh_keys import KeyRing


class RevokeEndpoint:
    """Revokes."""

    def __init__(
        self, server: Server, store: GrantStore, ring: KeyRing, requests: ClientRequests, recorder: Recorder
    ) -> None:
        self._server = server
        self._store = store
        self._ring = ring
        self._requests = requests
        self._recorder = recorder

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        return await self._requests.take(request, "revoke", self._serve)

    async def _serve(
        self, parameters: Parameters, transaction: Transaction, headers: dict[str, str], address: str
    ) -> Response:
        token = parameters.get("token")
        transaction.grant = await self._grant_of(token) if token else None
        answer = self._server.revoke(parameters, transaction, headers)
        if transaction.assertion is not None:
            # Used or not: to revoke twice is to revoke.
            await self._store.use_once(transaction.assertion[0], 660)
        family = transaction.allowed.get("revoke")
        if family is not None and transaction.grant is not None:
            await self._store.end(family)
            self._recorder.access("revoked", transaction.grant.username, transaction.grant.client_id)
        return answer_of(answer)

    async def _grant_of(self, token: str) -> Grant | None:
        """The grant of a genuine token, current or not; None for anything else."""
        family = family_of(ACCESS, token)
        if family is not None:
            record = await self._store.access(token, family)
            return record.grant if record is not None else None
        parts = refresh_parts(token)
        living = await self._store.family(parts.family) if parts is not None else None
        if living is None or not living.record.refresh:
            return None
        current = living.record.refresh
        genuine = digest_of(token) == current or leads_to(self._ring, token, living.generation, current)
        return living.record.grant if genuine else None
