"""Refresh tokens of which each is used once (RFC 9700 section 4.14.2): the newest one, kept for all workers.

The server gives a new one with each access token, and may end the whole grant when an old one comes again. So the new one
is on the broker before the access token is used, in place of the one before, and as long as that is not done nothing else
is asked for. What is kept hangs on the refresh token that the operator set: another one there begins anew.
"""

import asyncio

import msgspec
import structlog

from shared import rest_keys
from shared.errors import BrokerUnavailable
from workers.backends.rest.auth.place import Place
from workers.backends.rest.auth.sharing import SharedValue, not_now

log = structlog.get_logger()

_PAUSE_S = 0.1


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """The newest refresh token."""

    refresh_token: str
    number: int
    """How many came before it."""

    def __repr__(self) -> str:
        return f"Rotated(…, number={self.number})"


class Rotation:
    """Those of one backend, or of several that use the same one: whose client, endpoint and first token are the same."""

    def __init__(self, place: Place, *, must_be_kept: bool) -> None:
        """`must_be_kept`: the file says that they rotate; else one that comes all the same is kept if that is possible."""
        self._place = place
        self._must_be_kept = must_be_kept
        self._newest: tuple[tuple[str, ...], Rotated] | None = None
        """What this worker knows, by what it hangs on: newer than what is kept where that could not be done, or is lost."""

    async def current(self, made_of: tuple[str, ...], first: str) -> Rotated:
        """The one to use now. Raises BrokerUnavailable where it can't be known, or is not kept yet."""
        known = self._known(made_of)
        try:
            found = await self._shared(made_of).read()
            kept = found[0] if found is not None else Rotated(refresh_token=first, number=0)
            if known is None or known.number <= kept.number:
                self._newest = (made_of, kept)
                return kept
            await self._shared(made_of).write(known, self._place.settings.rest_rotated_token_s)
        except BrokerUnavailable as away:
            if self._must_be_kept:
                raise not_now(self._place.entry.name, away) from away
            return known or Rotated(refresh_token=first, number=0)
        return known

    async def replace(self, made_of: tuple[str, ...], used: Rotated, refresh_token: str) -> None:
        """Keep what came in place of the one that was used. Raises BrokerUnavailable where that can't be done; it is tried
        again before the next one is asked for, by this worker."""
        if refresh_token == used.refresh_token or not refresh_token:
            return
        newest = Rotated(refresh_token=refresh_token, number=used.number + 1)
        self._newest = (made_of, newest)
        loop = asyncio.get_running_loop()
        until = loop.time() + 0.4 * self._place.settings.rest_token_s
        while True:
            try:
                await self._shared(made_of).write(newest, self._place.settings.rest_rotated_token_s)
            except BrokerUnavailable as away:
                if not self._must_be_kept:
                    return
                if loop.time() > until:
                    log.error(
                        "a refresh token was replaced, and the new one can't be kept: it is lost if this worker ends now",
                        backend=self._place.entry.name,
                        why=away.detail,
                    )
                    raise not_now(self._place.entry.name, away) from away
                await asyncio.sleep(_PAUSE_S)
            else:
                return

    def _known(self, made_of: tuple[str, ...]) -> Rotated | None:
        return self._newest[1] if self._newest is not None and self._newest[0] == made_of else None

    def _shared(self, made_of: tuple[str, ...]) -> SharedValue[Rotated]:
        return self._place.shared(Rotated, rest_keys.rotated_token, made_of)
