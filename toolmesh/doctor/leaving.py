"""The last group: takes away what the doctor made at the server."""

from toolmesh.doctor.answer import Unanswered
from toolmesh.doctor.learned import Client
from toolmesh.doctor.reachable import origin_of
from toolmesh.doctor.report import Report
from toolmesh.doctor.visit import Visit

CHECKS = {"leaving.clients": "The clients that were registered are taken away again, or go by themselves."}


async def look(visit: Visit, report: Report) -> None:
    """Delete the registered clients where the server lets it (RFC 7592 section 2.3)."""
    clients = visit.learned.clients
    if not clients:
        report.skipped("leaving.clients", "No client was registered.")
        return
    own = [client for client in clients if await _is_deleted(visit, client)]
    left = len(clients) - len(own)
    if not left:
        report.passed("leaving.clients", f"{len(clients)} clients were registered, and taken away again.")
    elif any(client.management_url for client in clients):
        report.warned(
            "leaving.clients",
            f"{left} of {len(clients)} clients could not be taken away again (RFC 7592).",
            "Remove those called “ToolMesh doctor” by hand.",
        )
    else:
        report.passed(
            "leaving.clients",
            f"{left} clients called “ToolMesh doctor” stay, for the server has no way to take them away (RFC 7592). "
            "ToolMesh forgets them by itself, after TOOLMESH_CLIENT_UNUSED_S (a day).",
        )


async def _is_deleted(visit: Visit, client: Client) -> bool:
    """The token for it was given by this very server, and goes to no other."""
    url = client.management_url
    if not (url and client.management_token) or origin_of(url) != origin_of(visit.learned.issuer):
        return False
    try:
        answer = await visit.request("DELETE", url, headers={"Authorization": f"Bearer {client.management_token}"})
    except Unanswered:
        return False
    return answer.status in (200, 204, 404)
