"""14: what becomes of the log-in: renewed, renewed twice with one token, ended (RFC 6749 section 6, RFC 9700 section 4.14).

It comes last, because where it fails the log-in may be gone.
"""

from toolmesh.doctor.answer import Answer
from toolmesh.doctor.log_in import GRANT, Grant, take_tokens
from toolmesh.doctor.report import Report
from toolmesh.doctor.revocation import revoke
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.token_methods import ask, judge_dead
from toolmesh.doctor.visit import LEGACY, Visit

CHECKS = {
    "renewal.refresh": "The refresh token gives a new access token, which is let in.",
    "renewal.twice": "The same refresh token, brought again within seconds, still gives a usable answer.",
    "renewal.after": "After that the newest refresh token still works.",
    "renewal.revoke": "The log-in can be revoked, and is then refused.",
    "renewal.dead": "A refresh token whose grant was ended is 400 `invalid_grant`.",
    "renewal.code": "A code that was used is 400 `invalid_grant`.",
}


async def look(visit: Visit, report: Report) -> None:
    """Renew, renew again, and end."""
    grant = visit.learned.notes.get(GRANT)
    if not isinstance(grant, Grant):
        report.skipped("renewal.answered", "Not looked at: there is no log-in of ours. With --login there is one.")
        return
    first = grant.refresh_token
    if not first:
        report.skipped("renewal.refresh", "There is no refresh token to renew.")
    elif await _check_refresh(visit, report, grant):
        await _check_twice(visit, report, grant, first)
    await _end(visit, report, grant)


async def _refresh(visit: Visit, grant: Grant, token: str) -> Answer:
    return await ask(visit, grant.client, grant_type="refresh_token", refresh_token=token, resource=grant.resource)


async def _check_refresh(visit: Visit, report: Report, grant: Grant) -> bool:
    answer = await _refresh(visit, grant, grant.refresh_token)
    if not take_tokens(report, grant, answer):
        report.failed(
            "renewal.refresh",
            f"The refresh token gives no token: {_shown(answer)}. The connection ends with its first token.",
            "See the server's log of this moment. The state of log-ins must outlive a request, a process and a restart.",
        )
        return False
    if not await _is_let_in(visit, grant.access_token):
        report.failed(
            "renewal.refresh",
            "The refresh token gives an access token that is not let in.",
            "A renewed token needs the same audience (resource) and scope as the first.",
        )
        return False
    report.passed("renewal.refresh", "The refresh token gives an access token, and it is let in.")
    return True


async def _check_twice(visit: Visit, report: Report, grant: Grant, first: str) -> None:
    """ChatGPT's two planes share one link, and each renews it by itself."""
    newest = grant.refresh_token
    again = Grant(grant.client, "", "", resource=grant.resource)
    answer = await _refresh(visit, again, first)
    advice = (
        "Take the refresh token before the current one for some time (ToolMesh: TOOLMESH_REFRESH_GRACE_S, 60 s) instead of "
        "ending the grant: ChatGPT has two planes with one log-in, and a lost answer must log nobody out."
    )
    if not take_tokens(report, again, answer):
        report.failed(
            "renewal.twice",
            f"Strict rotation: the refresh token that was just renewed is refused when it comes again ({_shown(answer)}).",
            advice,
        )
    elif not await _is_let_in(visit, again.access_token):
        report.failed("renewal.twice", "The second answer's access token is not let in.", advice)
    else:
        report.passed("renewal.twice", "The refresh token, brought twice, gives a usable answer twice.")
    latest = again.refresh_token or newest
    answer = await _refresh(visit, grant, latest)
    if take_tokens(report, grant, answer):
        report.passed("renewal.after", "The newest refresh token works on.")
        return
    report.failed(
        "renewal.after",
        f"After that the newest refresh token is refused too ({_shown(answer)}): people have to connect again and again.",
        advice,
    )


async def _end(visit: Visit, report: Report, grant: Grant) -> None:
    """Leave nothing behind."""
    await _check_revoke(visit, report, grant)
    answer = await ask(
        visit,
        grant.client,
        grant_type="authorization_code",
        code=grant.code,
        redirect_uri=grant.client.redirect_uri,
        code_verifier=grant.verifier,
        resource=grant.resource,
    )
    if answer.status == 200:
        # A second time: what it gave is ended, as far as that can be.
        take_tokens(report, grant, answer)
        if visit.learned.endpoint("revocation_endpoint"):
            await revoke(visit, grant)
    judge_dead(report, "renewal.code", answer, "a code that was used already")


async def _check_revoke(visit: Visit, report: Report, grant: Grant) -> None:
    if not visit.learned.endpoint("revocation_endpoint"):
        report.skipped(
            "renewal.revoke", "There is no revocation_endpoint: the log-in of this visit lives on until it expires."
        )
        return
    answer = await revoke(visit, grant)
    if answer.status != 200:
        report.failed(
            "renewal.revoke",
            f"The revocation endpoint answers {_shown(answer)}: the log-in of this visit lives on until it expires.",
            "Answer a revocation by the token's own client with 200 (RFC 7009 section 2.2).",
        )
        return
    if await _is_let_in(visit, grant.access_token):
        life = f"{grant.expires_in_s:.0f} s at most" if grant.expires_in_s is not None else "an unknown time"
        report.warned(
            "renewal.revoke",
            f"The refresh token was revoked, and its access token is still let in, for {life}.",
            "End access tokens with their grant, or let them live for minutes only.",
        )
    else:
        report.passed("renewal.revoke", "The log-in of this visit was revoked, and its token is refused now.")
    if grant.refresh_token:
        judge_dead(report, "renewal.dead", await _refresh(visit, grant, grant.refresh_token), "a revoked refresh token")


async def _is_let_in(visit: Visit, token: str) -> bool:
    answer = await visit.rpc("tools/list", era=LEGACY, rpc_id="toolmesh-doctor-renewed", token=token)
    return answer.status not in (401, 403)


def _shown(answer: Answer) -> str:
    error = (answer.document() or {}).get("error")
    return f"{answer.status} {quoted(error if isinstance(error, str) else answer.media_type)}"
