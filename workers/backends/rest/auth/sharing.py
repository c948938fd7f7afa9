"""What the workers of a group share on the broker: a secret value, encrypted, and whose turn it is to get another one.

A value is encrypted under a key that is made of the group's key and of the credentials that it was got with: who changes
one of them never meets what was got with another, and an edge, which has the group's key, can't read it. Its name on the
broker is an HMAC of the same; where the group has several keys, all are tried, and the one that signs is written.
"""

import asyncio
import contextlib
import hashlib
import hmac
import os
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import msgspec
from redis.exceptions import ResponseError

from shared.cipher import NONCE_BYTES, Cipher
from shared.errors import BrokerUnavailable, ForgedMessage
from shared.functions import fcall
from shared.line import RedisLine
from shared.mesh_keys import KeyRing

T = TypeVar("T", bound=msgspec.Struct)

_VERSION = b"1"
_VALUE_BYTES_MAX = 512 * 1024
_encode = msgspec.msgpack.Encoder().encode


class SharedValue(Generic[T]):
    """One value. All methods raise BrokerUnavailable where the broker is away, or does not let this worker."""

    def __init__(
        self,
        line: RedisLine,
        ring: KeyRing,
        group: str,
        kind: type[T],
        name: Callable[[str, str], str],
        made_of: Iterable[str],
    ) -> None:
        """`name`: the key on the broker, by group and digest; `made_of`: what makes it this value and no other, the
        credentials that it is got with among it."""
        identity = msgspec.json.encode(list(made_of))
        self._line = line
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._places = [_place(key, group, identity, name) for key in ring.keys_of(group)]

    async def read(self) -> tuple[T, float] | None:
        """The value, and for how many seconds it is good; None where there is none that can be read."""
        for name, cipher in self._places:
            raw, left_ms = await _both(self._line.cmd("GET", name), self._line.cmd("PTTL", name))
            if raw is not None and (value := self._opened(raw, cipher)) is not None:
                return value, left_ms / 1000
        return None

    async def write(self, value: T, life_s: float) -> None:
        """Keep it for that long, in place of any other."""
        (name, cipher), *others = self._places
        nonce, ciphertext = cipher.encrypt(_encode(value))
        life_ms = max(1, int(life_s * 1000))
        written = self._line.cmd("SET", name, _VERSION + nonce + ciphertext, "PX", life_ms)
        await _both(written, *(self._line.cmd("PEXPIRE", other, 0) for other, _ in others))

    def _opened(self, raw: bytes, cipher: Cipher) -> T | None:
        if len(raw) > _VALUE_BYTES_MAX or raw[:1] != _VERSION:
            return None
        try:
            return self._decoder.decode(cipher.decrypt(raw[1 : 1 + NONCE_BYTES], raw[1 + NONCE_BYTES :]))
        except (ForgedMessage, msgspec.DecodeError):
            return None


class Turn:
    """The right of one worker of the group to get a value for all. Ends by itself after `life_s`."""

    def __init__(self, line: RedisLine, name: str, life_s: float) -> None:
        self._line = line
        self._name = name
        self._life_ms = max(1, int(life_s * 1000))
        self._token = os.urandom(16).hex()
        self.until = 0.0
        """Loop time up to which it is ours for certain, once it was taken."""

    async def take(self) -> bool:
        """Whether it is ours now. Raises BrokerUnavailable."""
        self.until = asyncio.get_running_loop().time() + self._life_ms / 1000
        (taken,) = await _both(self._line.cmd("SET", self._name, self._token, "NX", "PX", self._life_ms))
        return taken is not None

    async def give_back(self) -> None:
        """Let others have theirs, unless somebody has it already. Never raises: it ends by itself."""
        with contextlib.suppress(BrokerUnavailable, ResponseError):
            await fcall(self._line, "yield", [self._name], self._token)


def not_now(backend: str, away: BrokerUnavailable) -> BrokerUnavailable:
    """What a caller is told where a token is not to be had without the broker."""
    return BrokerUnavailable(
        f"The refresh token of backend {backend!r} changes each time that it is used, and the broker, which keeps it, "
        "can't be asked now. Nothing was sent to the API; try again when the broker is back.",
        retry_after_s=away.retry_after_s,
    )


def digest_of(made_of: Iterable[str]) -> str:
    """A name for something that is not secret."""
    return hashlib.sha256(msgspec.json.encode(list(made_of))).hexdigest()[:32]


def _place(key: bytes, group: str, identity: bytes, name: Callable[[str, str], str]) -> tuple[str, Cipher]:
    digest = hmac.digest(key, b"toolmesh rest name|" + identity, "sha256").hex()[:32]
    at = name(group, digest)
    return at, Cipher(hmac.digest(key, b"toolmesh rest value|" + identity, "sha256"), at.encode())


async def _both(*replies: asyncio.Future[Any]) -> list[Any]:
    """All replies. Raises BrokerUnavailable, also where the broker refuses: its users may be of an older release."""
    got = await asyncio.gather(*replies, return_exceptions=True)
    for each in got:
        if isinstance(each, ResponseError):
            raise BrokerUnavailable(
                "The broker refuses what workers share; its users may be of an older release: run `toolmesh secrets` again."
            ) from each
        if isinstance(each, BaseException):
            raise each
    return got
