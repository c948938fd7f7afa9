"""Tools of a made-up house, as many as are asked for: what discovery and lists are measured with.

Names, descriptions and parameters are as those of REST APIs of the wild are: a verb, a thing, a sentence or two, five
parameters. The same number gives the same tools.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

_VERBS = ("list", "get", "create", "update", "delete")
_THINGS = (
    *("issue", "repository", "pipeline", "release", "invoice", "customer", "payment", "order", "device", "sensor"),
    *("network", "firewall_rule", "dns_record", "certificate", "backup", "snapshot", "volume", "server", "user", "group"),
)
_PARTS = ("", "_comment", "_label", "_member", "_status")
_SYSTEMS = ("forge", "shop", "cloud", "house", "desk")
_DOES = {
    "list": "Lists all {what} that you may see, page by page, the newest first. Filter with state and text.",
    "get": "Gets one {what} with all of its fields. Use it when you know the id, else look for it in the list.",
    "create": "Creates a {what} and gives it back with its id. Fails when there is one of that name already.",
    "update": "Changes fields of a {what}; those that are left out stay as they are.",
    "delete": "Deletes a {what} for good. This can't be undone.",
}


def definitions(count: int) -> list[dict[str, Any]]:
    """So many MCP `Tool`s, none of whose names is that of another."""
    made = _made()
    return [next(made) for _ in range(count)]


def _made() -> Iterator[dict[str, Any]]:
    for system, part, thing, verb in product(_SYSTEMS, _PARTS, _THINGS, _VERBS):
        what = f"{thing}{part}".replace("_", " ")
        yield {
            "name": f"{system}_{verb}_{thing}{part}",
            "description": _DOES[verb].format(what=what),
            "inputSchema": {"type": "object", "properties": _properties(verb, what), "required": _required(verb)},
            "annotations": {"readOnlyHint": verb in ("list", "get")},
        }


def _properties(verb: str, what: str) -> dict[str, Any]:
    fields = {
        "id": {"type": "string", "description": f"Id of the {what}."},
        "name": {"type": "string", "description": f"Name of the {what}.", "maxLength": 200},
        "state": {"type": "string", "enum": ["open", "closed", "all"], "default": "open", "description": "Its state."},
        "text": {"type": "string", "description": "Words that are in it."},
        "page": {"type": "integer", "minimum": 1, "default": 1, "description": "Page of the list, from 1."},
        "owner": {"type": "string", "description": "Who it belongs to; you, where it is left out."},
    }
    left_out = {"list": ("id", "name"), "create": ("id", "page"), "delete": ("name", "state", "text", "page")}
    return {name: field for name, field in fields.items() if name not in left_out.get(verb, ("page",))}


def _required(verb: str) -> list[str]:
    return {"list": [], "create": ["name"]}.get(verb, ["id"])
