"""OAuth clients as lines that a person reads, or as JSON. What a client says of itself is shown as its own word."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from shared.configuration import ClientEntry
from shared.redirect_uris import shown_host
from toolmesh.console import say, say_table

if TYPE_CHECKING:
    from toolmesh.registered_clients import Registered

_NAME_CHARACTERS_MAX = 40


def say_clients(static: tuple[ClientEntry, ...], registered: "list[Registered] | None", *, as_json: bool) -> None:
    """Those of clients.yaml, then those that registered themselves; None for those is: they can't be known."""
    if as_json:
        found = {"clients": [_static(e) for e in static], "registered": _all(registered)}
        say(msgspec.json.encode(found).decode())
        return
    rows: list[tuple[str, ...]] = [
        (
            e.client_id,
            e.client_name or e.client_id,
            "clients.yaml",
            e.token_endpoint_auth_method,
            _hosts(e.redirect_uris),
            "",
        )
        for e in static
    ]
    rows += [_row(each) for each in registered or ()]
    say_table(("client id", "name", "from", "authenticates by", "answered at", "forgotten"), rows)


def _all(registered: "list[Registered] | None") -> list[dict[str, Any]] | None:
    return None if registered is None else [_registered(each) for each in registered]


def _row(each: "Registered") -> tuple[str, ...]:
    from edge.pages.shown_text import shown
    from toolmesh.queue.times import utc

    name = f'"{shown(each.client_name, _NAME_CHARACTERS_MAX)}"'
    return (each.client_id, name, "itself", each.auth_method, _hosts(each.redirect_uris), utc(each.forgotten_ms))


def _hosts(uris: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(shown_host(uri) for uri in uris)) or "nowhere yet"


def _static(entry: ClientEntry) -> dict[str, Any]:
    return {
        "client_id": entry.client_id,
        "client_name": entry.client_name,
        "token_endpoint_auth_method": entry.token_endpoint_auth_method,
        "redirect_uris": entry.redirect_uris,
        "scope": entry.scope,
    }


def _registered(each: "Registered") -> dict[str, Any]:
    from toolmesh.queue.times import utc

    return {
        "client_id": each.client_id,
        "client_name": each.client_name,
        "token_endpoint_auth_method": each.auth_method,
        "redirect_uris": each.redirect_uris,
        "forgotten": utc(each.forgotten_ms),
    }
