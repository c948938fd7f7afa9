"""What a client that is known to leave things out is taken to have said: routing headers are filled in from the body, and
members of the envelope from the headers (MCP 2026-07-28, transports, "Per-request protocol fields").

Only what is absent, never what contradicts; and only for the clients that the operator names. For everybody else the
envelope is as strict as the specification has it: two readers of one request must not read it differently.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    NAME_BEARING_METHODS,
    encode_header_value,
    mcp_param_headers,
    x_mcp_header_map,
)
from mcp_types import CLIENT_CAPABILITIES_META_KEY, PROTOCOL_VERSION_META_KEY

from edge.admit import Headers
from edge.client_name import names_in

log = structlog.get_logger()

_NAMED_BY: Mapping[str, str] = {
    **NAME_BEARING_METHODS,
    **dict.fromkeys(("tasks/get", "tasks/update", "tasks/cancel"), "taskId"),
}
"""Method → the member of its params that the header `Mcp-Name` says again."""


class Lenience:
    """Fills in, for one edge, and counts the requests where it had to."""

    def __init__(self, clients: tuple[str, ...]) -> None:
        """`clients`: how the User-Agent, or the name in `clientInfo`, of those begins for whom it is done."""
        self._clients = tuple(name.lower() for name in clients if name)
        self.requests = 0
        """Requests in which something was filled in."""

    def complete(self, value: dict[str, Any], headers: Headers) -> bool:
        """Fill in what a request of the 2026 era leaves out, in the message and in the headers that are given; gives
        whether anything was. To be asked only for a request that was found wanting: one that has all is not looked at."""
        params, method = value["params"], value["method"]
        meta = params.get("_meta")
        if meta is None:
            meta = {}
        if not isinstance(meta, dict) or not self._is_known(headers, params):
            return False
        absent: list[str] = []
        version = headers.get(MCP_PROTOCOL_VERSION_HEADER)
        if version is not None:
            _add(meta, PROTOCOL_VERSION_META_KEY, version, absent)
        elif isinstance(said := meta.get(PROTOCOL_VERSION_META_KEY), str):
            _add(headers, MCP_PROTOCOL_VERSION_HEADER, said, absent)
        _add(meta, CLIENT_CAPABILITIES_META_KEY, {}, absent)
        _add(headers, MCP_METHOD_HEADER, method, absent)
        name = params.get(_NAMED_BY.get(method, ""))
        if isinstance(name, str):
            _add(headers, MCP_NAME_HEADER, encode_header_value(name), absent)
        params["_meta"] = meta
        return self._note(absent, headers)

    def complete_name(self, name: str, params: Mapping[str, Any], headers: Headers) -> bool:
        """Fill in the header `Mcp-Name`, if it alone is absent, and the method is one that only we hold it against."""
        absent: list[str] = []
        if self._is_known(headers, params):
            _add(headers, MCP_NAME_HEADER, encode_header_value(name), absent)
        return self._note(absent, headers)

    def complete_parameters(
        self, schema: Mapping[str, Any], arguments: Mapping[str, Any], params: Mapping[str, Any], headers: Headers
    ) -> bool:
        """Fill in the headers `Mcp-Param-*` that a tool's input schema wants (`x-mcp-header`) out of the arguments."""
        absent: list[str] = []
        if self._is_known(headers, params):
            for name, value in mcp_param_headers(x_mcp_header_map(schema), arguments).items():
                _add(headers, name.lower(), value, absent)
        return self._note(absent, headers)

    def _is_known(self, headers: Headers, params: Mapping[str, Any]) -> bool:
        if not self._clients:
            return False
        agent, name = names_in(headers, params)
        return agent.startswith(self._clients) or name.startswith(self._clients)

    def _note(self, absent: list[str], headers: Headers) -> bool:
        """Count it. The log has the 1st, the 10th, the 100th and so on; at level debug each."""
        if not absent:
            return False
        self.requests += 1
        said = log.info if str(self.requests).strip("0") == "1" else log.debug
        said("absent parts of a request filled in", absent=absent, agent=headers.get("user-agent"), requests=self.requests)
        return True


def _add(where: dict[str, Any], name: str, value: Any, absent: list[str]) -> None:
    if name not in where:
        where[name] = value
        absent.append(name)
