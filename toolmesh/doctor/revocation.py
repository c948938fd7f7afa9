"""Ends the log-in of a visit (RFC 7009), also where the visit itself was ended before its time."""

import asyncio

from toolmesh.doctor.answer import Answer, Unanswered
from toolmesh.doctor.log_in import GRANT, Grant
from toolmesh.doctor.new_client import token_request
from toolmesh.doctor.visit import Visit

_PARTING_S = 5.0


async def revoke(visit: Visit, grant: Grant) -> Answer:
    """Revoke it, at the metadata's `revocation_endpoint`. Raises Unanswered."""
    endpoint = visit.learned.endpoint("revocation_endpoint")
    token = grant.refresh_token or grant.access_token
    answer = await visit.post_form(endpoint, *token_request(grant.client, endpoint, token=token))
    grant.ended = answer.status == 200
    return answer


async def end_log_in(visit: Visit) -> None:
    """Leave no log-in behind, if there is one and a way to end it. Waits for seconds at most, and says nothing."""
    grant = visit.learned.notes.get(GRANT)
    if not isinstance(grant, Grant) or grant.ended or not visit.learned.endpoint("revocation_endpoint"):
        return
    try:
        async with asyncio.timeout(_PARTING_S):
            await revoke(visit, grant)
    except (Unanswered, TimeoutError):
        return
