"""Invocations for tests of a backend: the other side of the seam, which keeps what is said to it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from shared.identity import Principal
from shared.messages import CallClass, Client
from workers.backends.backend import Backend, Invocation, Offer

REFUSED: dict[str, Any] = {"error": {"code": -32601, "message": "nobody can be asked"}}


async def _refuse(method: str, params: bytes) -> bytes:
    return msgspec.json.encode(REFUSED)


async def _dispatch() -> None:
    return None


def invocation(tool: str, arguments: dict[str, Any] | bytes = b"{}", **how: Any) -> Invocation:
    """An invocation that keeps nothing of what is said to it, but for what `how` says otherwise."""
    plain: dict[str, Any] = {
        "call_id": "test",
        "method": "tools/call",
        "access": "write",
        "meta": b"",
        "inputs": b"",
        "client": Client(),
        "owner": "",
        "principal": Principal(subject="test"),
        "deadline": 0.0,
        "wants_progress": False,
        "report": lambda params: None,
        "notify": lambda method, params: None,
        "ask": _refuse,
        "dispatch": _dispatch,
        "renewed": lambda: None,
    }
    raw = arguments if isinstance(arguments, bytes) else msgspec.json.encode(arguments)
    return Invocation(tool=tool, arguments=raw, **(plain | how))


@dataclass
class Caller:
    """A backend with the other side of the seam: it keeps what came back beside the result."""

    backend: Backend
    changes: asyncio.Event = field(default_factory=asyncio.Event)
    updates: list[str] = field(default_factory=list)
    reports: list[dict[str, Any]] = field(default_factory=list)
    notices: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answer: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda method, params: REFUSED
    """What the client answers: an object with `result` or `error`."""
    dispatched: int = 0
    renewals: int = 0
    """How often it was told that the session of an owner is a new one."""

    async def start(self) -> None:
        """Start the backend."""
        await self.backend.start(self.changes.set, self.updates.append)

    async def offer(self) -> Offer:
        """What it has."""
        return await self.backend.list_all()

    async def call(
        self,
        tool: str,
        arguments: dict[str, Any] | bytes = b"{}",
        *,
        method: str = "tools/call",
        access: CallClass = "write",
        meta: bytes = b"",
        inputs: bytes = b"",
        client: Client | None = None,
        owner: str = "",
        progress: bool = False,
        timeout_s: float = 20.0,
    ) -> bytes:
        """One call; gives the raw result."""
        return await self.backend.call(
            invocation(
                tool,
                arguments,
                method=method,
                access=access,
                meta=meta,
                inputs=inputs,
                client=client or Client(),
                owner=owner,
                deadline=asyncio.get_running_loop().time() + timeout_s,
                wants_progress=progress,
                report=lambda params: self.reports.append(msgspec.json.decode(params)),
                notify=lambda method, params: self.notices.append((method, msgspec.json.decode(params))),
                ask=self._ask,
                dispatch=self._dispatch,
                renewed=self._renewed,
            )
        )

    async def request(self, method: str, params: dict[str, Any], **how: Any) -> dict[str, Any]:
        """One request of another method than `tools/call`; gives the result."""
        return dict(msgspec.json.decode(await self.call("", params, method=method, access="read", **how)))

    async def text(self, tool: str, arguments: dict[str, Any] | bytes = b"{}", **how: Any) -> str:
        """One call; gives the text of the result's first block."""
        return str(msgspec.json.decode(await self.call(tool, arguments, **how))["content"][0]["text"])

    async def _ask(self, method: str, params: bytes) -> bytes:
        asked = msgspec.json.decode(params)
        self.asked.append((method, asked))
        return msgspec.json.encode(self.answer(method, asked))

    def _renewed(self) -> None:
        self.renewals += 1

    async def _dispatch(self) -> None:
        self.dispatched += 1
