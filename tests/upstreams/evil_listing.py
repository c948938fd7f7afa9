"""What the badly behaved server (`evil.py`) lists."""

from collections.abc import Iterable
from typing import Any

SCHEMA = {"type": "object"}


def listing(kind: str, cursor: str | None, names: Iterable[str]) -> dict[str, Any]:
    """The result of tools/list; `names`: of the tools, where nothing is wrong with the listing."""
    good = {"name": "good", "inputSchema": SCHEMA, "x-kept": [1.0]}
    if kind == "bad":
        endless: dict[str, Any] = {"type": "object"}
        for _ in range(100):
            endless = {"type": "object", "properties": {"a": endless}}
        bad = [
            {"name": "ns/slash", "inputSchema": SCHEMA},
            {"name": "no_type", "inputSchema": {"properties": {}}},
            {"name": "no_schema"},
            {"name": "remote", "inputSchema": SCHEMA | {"properties": {"a": {"$ref": "http://127.0.0.1:9/s"}}}},
            {"name": "file", "inputSchema": SCHEMA | {"$ref": "file:///etc/passwd"}},
            {"name": "deep", "inputSchema": endless},
            {"name": "wide", "inputSchema": SCHEMA | {"enum": list(range(5000))}},
            {"name": "fat", "inputSchema": SCHEMA | {"description": "x" * 300_000}},
            {"name": "wrong", "inputSchema": SCHEMA | {"properties": {"a": {"pattern": "("}}}},
            {"name": "output", "inputSchema": SCHEMA, "outputSchema": {"type": "string"}},
            {"name": "good", "inputSchema": SCHEMA, "description": "another of the same name"},
            {"inputSchema": SCHEMA},
        ]
        return {"tools": [good, *bad]}
    if kind == "pages":
        page = int(cursor or 0)
        return {"tools": [{**good, "name": f"page{page}"}], **({"nextCursor": str(page + 1)} if page < 2 else {})}
    if kind == "loop":
        return {"tools": [good], "nextCursor": "again"}
    return {"tools": [{"name": name, "inputSchema": SCHEMA} for name in names]}
