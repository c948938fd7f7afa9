"""authorize → validate: from a client's request to one that a backend can answer, in the backend's own names.

`tools/call`, `prompts/get`, `resources/read`, `completion/complete`. What may not be used looks like what there is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from mcp.shared.inbound import validate_mcp_param_headers

from edge.accepted.arguments import under_own_names
from edge.authorize import Authorizer, check_scope
from edge.directory import Directory
from edge.exchange import Exchange
from edge.lenience import Lenience
from edge.names import called, inner_uri, outer_uri
from edge.parse import CallParams, OtherParams, parse_call, parse_other, rejected
from edge.request_state import Pending, RequestStates, binding_of
from edge.shelf import Shelf
from edge.strictness import Strictness
from edge.tool import Tool
from shared.catalogue import FurtherCalls, canonical_name
from shared.errors import InvalidParams, MeshError, UnknownTool
from shared.identity import Principal
from shared.messages import CallClass

_encode = msgspec.json.Encoder().encode
_ordered = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One request for a backend."""

    group: str
    backend: str
    method: str
    subject: str
    """What it is about, in the backend's own words: the tool, the prompt, the URI."""
    access: CallClass
    arguments: bytes
    """The tool's arguments as they came; of other methods the params without `_meta`."""
    meta: Mapping[str, Any]
    compared: Any
    """The arguments as values: what makes a request the same one when it is sent again."""
    definition: str = ""
    calls: FurtherCalls | None = None
    """Of a tool that makes calls itself."""
    asked: str = ""
    """The tool as the client called it."""
    inputs: bytes = b""
    """JSON object with `inputResponses` and the backend's own `requestState`; empty for none."""
    pending: Pending | None = None
    """What the client brought back sealed."""

    def binding(self, exchange: Exchange) -> bytes:
        """What ties a `requestState` to this request."""
        return binding_of(exchange.principal, self.backend, self.method, self.subject, _ordered(self.compared))


class Outbox:
    """Makes requests for backends out of what clients ask."""

    def __init__(
        self,
        directory: Directory,
        authorizer: Authorizer,
        states: RequestStates,
        strictness: Strictness,
        lenience: Lenience | None = None,
    ) -> None:
        """`lenience`: whose absent headers are filled in; None: nobody's."""
        self._directory = directory
        self._authorizer = authorizer
        self._states = states
        self.strictness = strictness
        """Who sees other names than a backend's own."""
        self.lenience = lenience or Lenience(())

    def prepare(self, exchange: Exchange) -> Outgoing:
        """Raises MeshError for what may not be asked, Refusal for what is not well formed."""
        message = exchange.message
        if message.method == "tools/call":
            call = parse_call(exchange.body, message)
            return self.brought_back(exchange, self._tool_call(exchange, call), call.inputs)
        params = parse_other(exchange.body, message)
        if message.method == "prompts/get":
            outgoing = self._prompt(exchange, params)
        elif message.method == "resources/read":
            outgoing = self._resource(exchange, params)
        else:
            outgoing = self._completion(exchange, params)
        check_scope(exchange.principal, outgoing.access)
        return self.brought_back(exchange, outgoing, params.inputs)

    def find_tool(self, exchange: Exchange, name: str) -> Tool:
        """The tool of that name, if there is one that this principal may use. Raises UnknownTool."""
        tool = self._directory.find_tool(exchange.backend, name)
        if tool is None or not self._authorizer.may_use(exchange.principal, tool.name, tool.access):
            raise unknown_tool(name)
        return tool

    def find_resource(self, exchange: Exchange, uri: str) -> tuple[Shelf, str]:
        """The backend of a resource and the backend's own URI. Raises InvalidParams.

        Whether there is such a resource only the backend knows. Without a prefix of ours (a link in a tool's result, for
        instance) a URI is looked for among what is listed.
        """
        found = self.resolve(exchange.principal, exchange.backend, uri)
        if found is None:
            raise unknown_resource(uri)
        return self._directory.shelves[found[0]], found[1]

    def resolve(self, principal: Principal, backend: str | None, uri: str) -> tuple[str, str] | None:
        """Backend and the backend's own URI of what clients of an endpoint call by this one; None for what is not there,
        or not for this principal."""
        shelves = self._directory.shelves
        found = (backend, uri) if backend is not None else inner_uri(uri)
        if found is not None and found[0] in shelves and self._authorizer.may_reach(principal, found[0]):
            return found
        if backend is not None:
            return None
        # Only where it may be reached: else a backend that the principal may not use would hide another one's resource.
        listing = (shelf for shelf in shelves.values() if uri in shelf.resources)
        return next(((s.backend, uri) for s in listing if self._authorizer.may_reach(principal, s.backend)), None)

    def _tool_call(self, exchange: Exchange, params: CallParams) -> Outgoing:
        tool = self.find_tool(exchange, params.name)
        check_scope(exchange.principal, tool.access)
        if tool.accepted.renamed and self.strictness.view(exchange) != "plain":
            params = under_own_names(params, tool.accepted.renamed)
        if tool.has_param_headers and exchange.message.era == "modern":
            self._check_param_headers(exchange, tool, params)
        tool.validate(params.arguments)
        return Outgoing(
            group=tool.group,
            backend=tool.backend,
            method="tools/call",
            subject=tool.definition.name,
            access=tool.access,
            arguments=params.raw_arguments,
            meta=params.meta,
            compared=params.arguments,
            definition=tool.definition.hash,
            calls=tool.definition.calls,
            asked=params.name,
        )

    def _check_param_headers(self, exchange: Exchange, tool: Tool, params: CallParams) -> None:
        """The headers `Mcp-Param-*` have to say what the arguments say. Raises Refusal."""
        schema, arguments, headers = tool.input_schema, params.arguments, exchange.headers
        rejection = validate_mcp_param_headers(schema, arguments, headers)
        if rejection and self.lenience.complete_parameters(schema, arguments, exchange.message.params, headers):
            rejection = validate_mcp_param_headers(schema, arguments, headers)
        if rejection is not None:
            raise rejected(rejection, exchange.message.id)

    def _prompt(self, exchange: Exchange, params: OtherParams) -> Outgoing:
        name = _text(params.values, "name")
        shelf, own = self._find_prompt(exchange, name)
        return _other(exchange, shelf, own, params, params.members | {"name": _encode(own)})

    def _resource(self, exchange: Exchange, params: OtherParams) -> Outgoing:
        shelf, own = self.find_resource(exchange, _text(params.values, "uri"))
        return _other(exchange, shelf, own, params, params.members | {"uri": _encode(own)})

    def _completion(self, exchange: Exchange, params: OtherParams) -> Outgoing:
        ref = params.values.get("ref")
        if not isinstance(ref, dict):
            raise InvalidParams("params.ref must be an object.")
        if ref.get("type") == "ref/prompt":
            shelf, own = self._find_prompt(exchange, _text(ref, "name"))
            member = "name"
        elif ref.get("type") == "ref/resource":
            shelf, own = self.find_resource(exchange, _text(ref, "uri"))
            member = "uri"
        else:
            raise InvalidParams("params.ref.type must be ref/prompt or ref/resource.")
        return _other(exchange, shelf, own, params, params.members | {"ref": _encode(ref | {member: own})})

    def _find_prompt(self, exchange: Exchange, name: str) -> tuple[Shelf, str]:
        if exchange.backend is None:
            shelf, item = self._directory.prompts.get(name, (None, {}))
            own = name.removeprefix(canonical_name(shelf.backend, "")) if shelf and item else ""
        else:
            shelf, own = self._directory.shelves.get(exchange.backend), name
        if shelf is None or own not in shelf.prompts:
            raise unknown_prompt(name)
        if not self._authorizer.may_use(exchange.principal, canonical_name(shelf.backend, own), "read"):
            raise unknown_prompt(name)
        return shelf, own

    def brought_back(self, exchange: Exchange, outgoing: Outgoing, inputs: dict[str, bytes]) -> Outgoing:
        """Open what the client brought back of an earlier round. Raises InvalidParams."""
        if not inputs:
            return outgoing
        pending: Pending | None = None
        if state := inputs.pop("requestState", None):
            pending = self._states.open(msgspec.json.decode(state, type=str), outgoing.binding(exchange))
            if pending.state is not None:
                inputs["requestState"] = _encode(pending.state)
        members = b",".join(_encode(name) + b":" + value for name, value in inputs.items())
        return replace(outgoing, inputs=b"{" + members + b"}", pending=pending)


def unknown_tool(name: str) -> UnknownTool:
    """What is said of a tool that is not there, or not for this caller: the two look the same."""
    return UnknownTool(f"Unknown tool: {name[:128]}")


def unknown_prompt(name: str) -> InvalidParams:
    """The same of a prompt."""
    return InvalidParams(f"Unknown prompt: {name[:128]}")


def unknown_resource(uri: str) -> InvalidParams:
    """The same of a resource."""
    return InvalidParams("Resource not found", data={"uri": uri[:2048]})


def unknown_of(exchange: Exchange, outgoing: Outgoing) -> MeshError:
    """What would have been said of a request if what it is about were not there."""
    params = exchange.message.params
    ref = params.get("ref") if outgoing.method == "completion/complete" else None
    uri = (ref if isinstance(ref, dict) else params).get("uri")
    if isinstance(uri, str):
        return unknown_resource(uri)
    own = outgoing.subject
    if outgoing.method == "resources/read":
        return unknown_resource(own if exchange.backend is not None else outer_uri(outgoing.backend, own))
    name = outgoing.asked or (own if exchange.backend is not None else called(outgoing.backend, own))
    return unknown_tool(name) if outgoing.method == "tools/call" else unknown_prompt(name)


def _other(exchange: Exchange, shelf: Shelf, subject: str, params: OtherParams, members: Mapping[str, bytes]) -> Outgoing:
    arguments = b"{" + b",".join(_encode(name) + b":" + value for name, value in members.items()) + b"}"
    return Outgoing(
        group=shelf.group,
        backend=shelf.backend,
        method=exchange.message.method,
        subject=subject,
        access="read",
        arguments=arguments,
        meta=params.meta,
        compared={name: value for name, value in params.values.items() if name in params.members},
    )


def _text(values: Mapping[str, Any], member: str) -> str:
    value = values.get(member)
    if not isinstance(value, str) or not value:
        raise InvalidParams(f"params.{member} must be a string that is not empty.")
    return value
