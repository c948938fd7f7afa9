"""Multi round-trip requests (MCP 2026-07-28) for clients that can't make them.

The upstream's result asks, the client is asked on its stream, and the request is sent again with what it answered. Clients
that can make them get the upstream's result as it is.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from shared.errors import UpstreamBadResponse, UpstreamError
from shared.settings import Settings
from workers.client import RELAYED_METHODS
from workers.run import Run

_SIGN: Final = b'"input_required"'
_PAUSE_S: Final = 0.05
_PAUSE_S_MAX: Final = 1.0
_INTERNAL_ERROR: Final = -32603


class _Request(msgspec.Struct):
    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _Kind(msgspec.Struct):
    resultType: Any = None  # noqa: N815 (MCP's name)


class _Wanted(msgspec.Struct):
    """An `InputRequiredResult`."""

    inputRequests: dict[str, _Request] | None = None  # noqa: N815
    requestState: str | None = None  # noqa: N815


_kinds = msgspec.json.Decoder(_Kind)
_wanted = msgspec.json.Decoder(_Wanted)
_objects = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def asks_for_input(body: bytes) -> bool:
    """Whether a result is an `InputRequiredResult`."""
    try:
        return _SIGN in body and _kinds.decode(body).resultType == "input_required"
    except msgspec.DecodeError:
        return False


class Rounds:
    """Brings a call to an end whose upstream answers with questions."""

    def __init__(self, settings: Settings) -> None:
        self._rounds_max = settings.input_rounds_max
        self._asks_max = settings.asks_per_call_max

    async def settle(self, run: Run, body: bytes, again: Callable[[bytes], Awaitable[bytes]]) -> bytes:
        """From a result that may ask to one that the client can take.

        `again(inputs)` sends the request once more. Raises UpstreamBadResponse for what may not be asked or does not end,
        UpstreamError where another method than `tools/call` needs what the client does not give.
        """
        pause_s = _PAUSE_S
        for _ in range(self._rounds_max):
            if not asks_for_input(body):
                return body
            await run.withdraw()
            wanted = self._read(run, body)
            if run.client.asking == "retry":
                return body
            inputs: dict[str, Any] = {}
            if wanted.requestState is not None:
                inputs["requestState"] = wanted.requestState
            if wanted.inputRequests:
                responses = await self._ask_all(run, wanted.inputRequests)
                if isinstance(responses, str):
                    return _refused(run, responses)
                inputs["inputResponses"] = responses
            else:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _PAUSE_S_MAX)
            body = await again(_encode(inputs))
        if not asks_for_input(body):
            return body
        await run.withdraw()
        raise UpstreamBadResponse(f"The backend asked for input more than {self._rounds_max} times in one call.")

    def _read(self, run: Run, body: bytes) -> _Wanted:
        try:
            wanted = _wanted.decode(body)
        except msgspec.DecodeError:
            raise UpstreamBadResponse("The backend asked for input in a form that is not the protocol's.") from None
        requests = wanted.inputRequests or {}
        if not requests and wanted.requestState is None:
            raise UpstreamBadResponse("The backend asked for input and did not say which.")
        if len(requests) > self._asks_max:
            raise UpstreamBadResponse(f"The backend asked {len(requests)} things at once, more than {self._asks_max}.")
        if run.client.asking == "retry":
            for request in requests.values():
                if RELAYED_METHODS.get(request.method) not in run.served.entry.relay:
                    raise UpstreamBadResponse(
                        f"The backend asked for {request.method[:64]!r}, which the operator does not relay (`relay` in "
                        "backends.yaml)."
                    )
        return wanted

    async def _ask_all(self, run: Run, requests: dict[str, _Request]) -> dict[str, msgspec.Raw] | str:
        """The client's responses, or why there is one missing."""
        if run.client.asking == "no":
            methods = ", ".join(sorted({request.method[:64] for request in requests.values()}))
            return f"The backend needs input ({methods}), and this client can not be asked for it."
        responses: dict[str, msgspec.Raw] = {}
        for key, request in requests.items():
            answer = _objects.decode(await run.ask(request.method, bytes(request.params)))
            if "result" not in answer:
                said = msgspec.json.decode(answer["error"]).get("message", "")
                return f"The backend needs input ({request.method[:64]}), and the client gave none: {said[:200]}"
            responses[key] = answer["result"]
        return responses


def _refused(run: Run, text: str) -> bytes:
    """How a call ends that needs what it does not get: the tool's error, for a model to read."""
    if run.call.method != "tools/call":
        raise UpstreamError(text, data={"error": {"code": _INTERNAL_ERROR, "message": text}})
    return _encode({"content": [{"type": "text", "text": text}], "isError": True})
