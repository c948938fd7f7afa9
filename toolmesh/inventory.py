"""A small MCP server to try things with: devices, and orders for them. `python3 -m toolmesh.inventory` speaks over stdio.

It needs nothing but Python itself, and remembers nothing; `config/backends.yaml` starts it as the backend `inventory`.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26")
_INVALID_PARAMS, _METHOD_NOT_FOUND = -32602, -32601

_DEVICES = [
    {"sku": "AP-60", "name": "Access point", "site": "Hamburg", "stock": 3, "reorder_at": 10},
    {"sku": "CAM-4K", "name": "Camera", "site": "Hamburg", "stock": 25, "reorder_at": 8},
    {"sku": "PDU-16", "name": "Power distribution unit", "site": "Leipzig", "stock": 1, "reorder_at": 4},
    {"sku": "RTR-10", "name": "Router", "site": "Leipzig", "stock": 2, "reorder_at": 5},
    {"sku": "SW-24", "name": "Switch, 24 ports", "site": "Hamburg", "stock": 12, "reorder_at": 6},
    {"sku": "UPS-2K", "name": "Battery backup", "site": "Leipzig", "stock": 7, "reorder_at": 3},
]
_ORDERS = [
    {"id": 1041, "sku": "CAM-4K", "quantity": 10, "state": "delivered"},
    {"id": 1047, "sku": "RTR-10", "quantity": 6, "state": "open"},
    {"id": 1052, "sku": "UPS-2K", "quantity": 2, "state": "open"},
]
_PRICES = {"AP-60": 129.5, "CAM-4K": 219.0, "PDU-16": 340.0, "RTR-10": 415.0, "SW-24": 189.0, "UPS-2K": 560.0}


class _Wrong(Exception):
    """What the caller is told; `code` of JSON-RPC."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def _devices(arguments: dict[str, Any]) -> Any:
    return [device for device in _DEVICES if arguments.get("site") in (None, device["site"])]


def _orders(arguments: dict[str, Any]) -> Any:
    return [order for order in _ORDERS if arguments.get("state") in (None, order["state"])]


def _price(arguments: dict[str, Any]) -> Any:
    sku = arguments.get("sku")
    if sku not in _PRICES:
        raise KeyError(f"There is no device {sku!r}. list_devices names them.")
    return {"sku": sku, "eur": _PRICES[sku]}


def _tool(name: str, description: str, properties: dict[str, Any], *required: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return {"name": name, "description": description, "inputSchema": schema, "annotations": {"readOnlyHint": True}}


_RUN: dict[str, Callable[[dict[str, Any]], Any]] = {
    "get_price": _price,
    "list_devices": _devices,
    "list_orders": _orders,
}
_TOOLS = [
    _tool(
        "get_price",
        "What one device costs, in euros.",
        {"sku": {"type": "string", "description": "As list_devices names it."}},
        "sku",
    ),
    _tool(
        "list_devices",
        "Devices on stock: how many there are, and at how few of them more are to be ordered.",
        {"site": {"type": "string", "enum": ["Hamburg", "Leipzig"], "description": "Only those of one site."}},
    ),
    _tool(
        "list_orders",
        "Orders of devices.",
        {"state": {"type": "string", "enum": ["open", "delivered"], "description": "Only those in one state."}},
    ),
]


def _initialize(params: dict[str, Any]) -> dict[str, Any]:
    asked = params.get("protocolVersion")
    return {
        "protocolVersion": asked if asked in _VERSIONS else _VERSIONS[0],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "inventory", "version": "1"},
    }


def _call(params: dict[str, Any]) -> dict[str, Any]:
    run = _RUN.get(str(params.get("name")))
    if run is None:
        raise _Wrong(_INVALID_PARAMS, f"There is no tool {params.get('name')!r}.")
    try:
        text, failed = json.dumps(run(params.get("arguments") or {})), False
    except KeyError as error:
        text, failed = str(error.args[0]), True
    return {"content": [{"type": "text", "text": text}], "isError": failed}


def _answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    if method == "initialize":
        return _initialize(params)
    if method == "tools/list":
        return {"tools": _TOOLS}
    if method == "tools/call":
        return _call(params)
    if method == "ping":
        return {}
    raise _Wrong(_METHOD_NOT_FOUND, f"There is no method {method!r}.")


def main() -> None:
    """Answer one JSON-RPC message a line until stdin ends (MCP 2025-11-25, basic/transports)."""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue  # a notification
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        try:
            reply["result"] = _answer(message["method"], message.get("params") or {})
        except _Wrong as wrong:
            reply["error"] = {"code": wrong.code, "message": str(wrong)}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
