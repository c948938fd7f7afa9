"""POST /token: a code, or a refresh token, for an access token (RFC 6749 sections 4.1.3 and 6; OAuth 2.1 section 3.2)."""

import time
from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from edge.identities.identities import Identities
from edge.oauth.answers import answer_of, error_answer, json_answer
from edge.oauth.client_request import ClientRequests
from edge.oauth.parameters import Parameters
from edge.oauth.secret_tokens import (
    digest_of,
    family_of,
    leads_to,
    refresh_parts,
    successor_named,
    successor_of,
)
from edge.oauth.server import Server
from edge.oauth.store import GrantStore, LivingFamily
from edge.oauth.transaction import Transaction
from edge.recorder import Recorder
from shared import scopes
from shared.grants import CODE, Grant
from shared.identity import Principal
from shared.mesh_keys import KeyRing
from shared.watched import Watched

_ENDED = {
    "code_replay": "A code was brought a second time; its grant was ended.",
    "refresh_reuse": "A refresh token was brought again; its grant was ended.",
}
_INVALID_GRANT = "The code or refresh token is not valid, was used before, or belongs to another client."


@dataclass(frozen=True, slots=True)
class _Brought:
    """A genuine refresh token that a client brought: the current one, or the one before it."""

    living: LivingFamily
    generation: int
    successor: str

    @property
    def grant(self) -> Grant:
        return self.living.record.grant


class TokenEndpoint:
    """Exchanges."""

    def __init__(
        self,
        server: Server,
        store: GrantStore,
        ring: KeyRing,
        identities: Watched[Identities],
        requests: ClientRequests,
        recorder: Recorder,
    ) -> None:
        self._server = server
        self._store = store
        self._ring = ring
        self._identities = identities
        self._requests = requests
        self._recorder = recorder

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        return await self._requests.take(request, "token", self._serve)

    async def _serve(
        self, parameters: Parameters, transaction: Transaction, headers: dict[str, str], address: str
    ) -> Response:
        kind = parameters.get("grant_type")
        if kind is None:
            return error_answer(400, "invalid_request", "Send grant_type.")
        code, refresh = parameters.get("code"), parameters.get("refresh_token")
        brought: _Brought | None = None
        if kind == "authorization_code" and code:
            transaction.code = await self._store.code(code)
            self._look_up_user(transaction, transaction.code.grant if transaction.code else None)
        elif kind == "refresh_token" and refresh:
            brought = await self._brought(refresh, transaction)
            transaction.grant = brought.grant if brought else None
            self._look_up_user(transaction, transaction.grant)
        answer = self._server.exchange(parameters, transaction, headers)
        if transaction.assertion is not None and not await self._first_use(transaction.assertion):
            return error_answer(401, "invalid_client", "The assertion was used before.")
        if transaction.tokens is None:
            await self._on_refusal(code, transaction)
            return answer_of(answer)
        if brought is not None:
            return await self._renew(brought, transaction)
        assert code is not None
        return await self._redeem(code, transaction, answer_of(answer))

    def _look_up_user(self, transaction: Transaction, grant: Grant | None) -> None:
        account = self._identities.value.standing(grant.subject) if grant is not None else None
        transaction.user_exists = account is not None and grant is not None and self._store.counts(grant.subject)

    async def _first_use(self, assertion: tuple[str, float]) -> bool:
        identity, until_s = assertion
        return await self._store.use_once(identity, max(1.0, until_s - time.time()))

    async def _on_refusal(self, code: str | None, transaction: Transaction) -> None:
        """What a refused request shows to be in wrong hands, or without its user, ends for good."""
        grant = transaction.code.grant if transaction.code is not None else transaction.grant
        if grant is not None and not transaction.user_exists:
            # Somebody of that name who comes later is another one, or is asked again.
            await self._store.end(grant.family)
        elif code and transaction.code is None and transaction.client is not None:
            family = family_of(CODE, code)
            if family is not None and await self._store.is_spent(code):
                # RFC 6749 section 4.1.2.
                living = await self._store.family(family)
                await self._store.end(family)
                self._note(transaction, "code_replay", living.record.grant if living is not None else None)

    async def _redeem(self, code: str, transaction: Transaction, answer: Response) -> Response:
        assert transaction.code is not None
        assert transaction.tokens is not None
        tokens, grant = transaction.tokens, transaction.code.grant
        outcome = await self._store.redeem(code, grant, tokens["access_token"], tokens.get("refresh_token"))
        if outcome != "ok":
            if outcome == "spent":
                self._note(transaction, "code_replay", grant)
            return error_answer(400, "invalid_grant", _INVALID_GRANT)
        if transaction.client is not None and transaction.client.kind == "registered":
            await self._store.keep_client(grant.client_id)
        self._recorder.access("token", grant.username, grant.client_id)
        return answer

    async def _brought(self, token: str, transaction: Transaction) -> _Brought | None:
        """What a refresh token is, if it is genuine and its grant lives; one that was used before ends its grant."""
        parts = refresh_parts(token)
        living = await self._store.family(parts.family) if parts is not None else None
        if parts is None or living is None or not living.record.refresh:
            return None
        current, generation = living.record.refresh, living.generation
        if parts.generation == generation and digest_of(token) == current:
            return _Brought(living, parts.generation, successor_of(self._ring, token))
        if parts.generation == generation - 1 and (successor := successor_named(self._ring, token, current)):
            return _Brought(living, parts.generation, successor)
        if leads_to(self._ring, token, generation, current):
            await self._store.end(parts.family)
            self._note(transaction, "refresh_reuse", living.record.grant)
        return None

    async def _renew(self, brought: _Brought, transaction: Transaction) -> Response:
        assert transaction.tokens is not None
        tokens, grant = transaction.tokens, brought.grant
        wanted = scopes.in_order(tokens["scope"].split())
        outcome = await self._store.renew(brought.generation, grant, brought.successor, tokens["access_token"], wanted)
        if outcome != "ok":
            if outcome == "reuse":
                self._note(transaction, "refresh_reuse", grant)
            return error_answer(400, "invalid_grant", _INVALID_GRANT)
        self._recorder.access("refresh", grant.username, grant.client_id)
        # The library knows the members of the answer; which successor it is follows from the token that was brought.
        return json_answer(200, tokens | {"refresh_token": brought.successor})

    def _note(self, transaction: Transaction, code: Literal["code_replay", "refresh_reuse"], grant: Grant | None) -> None:
        """Record whose grant was ended, in place of a refusal like any other."""
        principal = None
        if grant is not None:
            account = self._identities.value.standing(grant.subject)
            tenant = account.tenant if account is not None else ""
            principal = Principal(tenant=tenant, subject=grant.username, caller_id=grant.client_id)
        self._recorder.denied(code, principal, "", _ENDED[code])
        transaction.recorded = True
