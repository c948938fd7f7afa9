"""`tasks/get`, `tasks/update`, `tasks/cancel` (MCP extension `io.modelcontextprotocol/tasks`, specification 2026-07-28).

A task is a call that was answered before it was over; its state is read off the broker each time, so that any edge answers.
Input that a task needs is asked for by the end of one call and given to the next one: `edge/handles/rounds.py`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import structlog
from mcp.shared.inbound import InboundLadderRejection, decode_header_value
from mcp_types import HEADER_MISMATCH

from edge.calls import Calls
from edge.exchange import Exchange
from edge.handles.asked import Asked, asked_in
from edge.handles.budget import declares_tasks, missing_capability
from edge.handles.look import Look
from edge.handles.rounds import Rounds
from edge.handles.store import HandleStore
from edge.handles.task import TaskView
from edge.handles.waited import Waited
from edge.lenience import Lenience
from edge.parse import parse_other, rejected
from edge.render import error_response
from edge.respond import Responder
from shared.errors import InvalidParams
from shared.handles import Handle
from shared.messages import ToolFailure

log = structlog.get_logger()

Handler = Callable[[Exchange], Awaitable[dict[str, Any]]]
_DONE: dict[str, Any] = {"resultType": "complete"}
_responses = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Response(msgspec.Struct):
    """What the original request would have been answered with."""

    result: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_response = msgspec.json.Decoder(_Response)
_message = msgspec.json.Decoder(dict[str, Any])


class Tasks:
    """Answers the methods."""

    def __init__(
        self,
        store: HandleStore,
        look: Look,
        rounds: Rounds,
        view: TaskView,
        calls: Calls,
        responder: Responder,
        lenience: Lenience,
        *,
        responses_bytes_max: int,
    ) -> None:
        self._store = store
        self._look = look
        self._rounds = rounds
        self._view = view
        self._calls = calls
        self._responder = responder
        self._lenience = lenience
        self._responses_bytes_max = responses_bytes_max

    @property
    def methods(self) -> Mapping[str, Handler]:
        """Handlers by method. They raise Refusal for who takes no tasks, InvalidParams for unknown ones."""
        return {"tasks/get": self._get, "tasks/update": self._update, "tasks/cancel": self._cancel}

    async def _get(self, exchange: Exchange) -> dict[str, Any]:
        handle = await self._find(exchange)
        waited = await self._look.at(handle)
        if waited is None:
            raise _unknown()
        asked = asked_in(waited.waiter.final)
        if asked is not None and not asked.requests and not handle.cancelled:
            handle = await self._answered(exchange, handle.call_id, {})  # it only wants to be asked again
            return _DONE | self._view.working(handle)
        return _DONE | await self._state(exchange, waited, asked)

    async def _state(self, exchange: Exchange, waited: Waited, asked: Asked | None) -> dict[str, Any]:
        handle, final = waited.handle, waited.waiter.final
        updated_ms = await self._look.ended_ms(handle) if final is not None else handle.updated_ms
        if final is None and not self._look.is_late(waited):
            return self._view.working(handle)
        if (handle.cancelled and asked is not None) or (isinstance(final, ToolFailure) and final.code == "cancelled"):
            said = final.detail if isinstance(final, ToolFailure) else "The task was cancelled while it waited for input."
            return self._view.in_status(handle, "cancelled", updated_ms) | {"statusMessage": said}
        if asked is not None:
            open_requests = {
                _key(handle, key): request for key, request in asked.requests.items() if key not in handle.responses
            }
            return self._view.in_status(handle, "input_required", updated_ms) | {"inputRequests": open_requests}
        return await self._ended(exchange, waited, updated_ms)

    async def _ended(self, exchange: Exchange, waited: Waited, updated_ms: int) -> dict[str, Any]:
        """A task whose call is over, with the answer that the original request would have got."""
        handle = waited.handle
        original = replace(exchange, message=replace(exchange.message, method="tools/call"))
        body = b""
        if waited.waiter.final is None:
            error = await self._calls.give_up(waited)
            if error is not None:
                _, body = error_response(original.message, error, waited.call.call_id)
        if waited.waiter.final is not None:
            _, body = self._responder.final_body(original, waited, waited.waiter.final)
        self._store.use_up(handle)
        response = _response.decode(body)
        if response.result:
            return self._view.in_status(handle, "completed", updated_ms) | {"result": response.result}
        error_text = _message.decode(response.error).get("message")
        return self._view.in_status(handle, "failed", updated_ms) | {
            "statusMessage": f"The call ended with a protocol error: {error_text}",
            "error": response.error,
        }

    async def _update(self, exchange: Exchange) -> dict[str, Any]:
        handle = await self._find(exchange)
        raw = parse_other(exchange.body, exchange.message).inputs.get("inputResponses")
        if raw is None:
            raise InvalidParams("params.inputResponses must be an object.")
        given = {key: bytes(value) for key, value in _responses.decode(raw).items()}
        await self._answered(exchange, handle.call_id, given)
        return _DONE

    async def _answered(self, exchange: Exchange, call_id: str, given: Mapping[str, bytes]) -> Handle:
        """Take responses of a task; where all that is asked for is there, it goes on. Unknown keys are let pass."""
        async with self._store.changing(call_id):
            handle = await self._find(exchange)
            waited = await self._look.at(handle)
            asked = asked_in(waited.waiter.final) if waited is not None else None
            if asked is None or handle.cancelled:
                return handle
            fresh = {key: given[name] for key in asked.requests if (name := _key(handle, key)) in given}
            responses = fresh | dict(handle.responses)
            if sum(map(len, responses.values())) > self._responses_bytes_max:
                raise InvalidParams(f"The responses of one task have more than {self._responses_bytes_max} bytes.")
            if responses.keys() >= asked.requests.keys():
                return await self._rounds.go_on(handle, exchange.principal, asked.inputs(responses), asked.pending)
            if fresh:
                handle = msgspec.structs.replace(handle, responses=responses)
                await self._store.put(handle)
            return handle

    async def _cancel(self, exchange: Exchange) -> dict[str, Any]:
        handle = await self._find(exchange)
        async with self._store.changing(handle.call_id):
            handle = await self._find(exchange)
            waited = await self._look.at(handle)
            if waited is None:
                raise _unknown()
            if waited.waiter.final is None or asked_in(waited.waiter.final) is not None:
                await self._store.put(msgspec.structs.replace(handle, cancelled=True))
            if waited.waiter.final is None:
                await self._look.cancel(handle)
        return _DONE

    async def _find(self, exchange: Exchange) -> Handle:
        message = exchange.message
        if not declares_tasks(message):
            raise missing_capability(message)
        task_id = message.params.get("taskId")
        if isinstance(task_id, str) and not self._is_named(exchange, task_id):
            # The SDK's ladder knows the header for tools, prompts and resources only.
            mismatch = "mcp-name header does not match the request body's 'taskId' parameter"
            raise rejected(InboundLadderRejection(HEADER_MISMATCH, mismatch), message.id)
        handle = await self._store.find(task_id, exchange.principal)
        if handle is None:
            raise _unknown()
        return handle

    def _is_named(self, exchange: Exchange, task_id: str) -> bool:
        headers = exchange.headers
        if "mcp-name" not in headers:
            self._lenience.complete_name(task_id, exchange.message.params, headers)
        return decode_header_value(headers.get("mcp-name")) == task_id


def _key(handle: Handle, key: str) -> str:
    """A key that is unique over the life of a task: the backend's own, with the round."""
    return f"{handle.round}-{key}"


def _unknown() -> InvalidParams:
    return InvalidParams("There is no such task: it may have expired.")
