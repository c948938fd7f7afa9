"""8, first part: the token endpoint without anybody logged in. A code that nobody was given shows how a client is
authenticated, and how a dead token is refused (RFC 6749 section 5.2)."""

import secrets

from toolmesh.doctor.answer import Answer, Unanswered
from toolmesh.doctor.learned import Client
from toolmesh.doctor.new_client import SIGNED, NotRegistered, register, token_request
from toolmesh.doctor.persona import LOOPBACK_REDIRECT
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.timing import check_time
from toolmesh.doctor.visit import Visit

CHECKS = {
    "token.methods": "A client can authenticate by each method that the metadata lists.",
    "token.unknown": "A code or refresh token that nobody knows is 400 `invalid_grant`, upon which a client logs in anew.",
    "token.time": "The token endpoint answers in time.",
}
_METHODS = ("none", "client_secret_post", "client_secret_basic", SIGNED)


async def check_methods(visit: Visit, report: Report) -> Client | None:
    """Try each method with a client of its own, if clients may register. Gives one that can ask further."""
    listed = visit.learned.server.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    methods = [each for each in listed if each in _METHODS] if isinstance(listed, list) else []
    if not visit.learned.endpoint("registration_endpoint"):
        report.skipped("token.methods", "Not tried: clients can't register themselves here.")
        return None
    fine: dict[str, Client] = {}
    for method in methods:
        client = await _check_method(visit, report, method)
        if client is not None:
            fine[method] = client
    if fine:
        report.passed("token.methods", f"Clients can authenticate by {', '.join(fine)}.")
    return next(iter(fine.values()), None)


async def _check_method(visit: Visit, report: Report, method: str) -> Client | None:
    try:
        client = await register(visit, report, LOOPBACK_REDIRECT, method)
    except NotRegistered as why:
        report.skipped("token.methods", f"{method}: not tried, for no client could register with it ({why}).")
        return None
    if client.auth_method != method:
        report.skipped(
            "token.methods", f"{method}: not tried, for the server registered {quoted(client.auth_method)} instead."
        )
        return None
    answer = await ask(visit, client, grant_type="authorization_code", code=secrets.token_urlsafe(32), **_CODE_FIELDS)
    if _error(answer) == "invalid_grant":
        return client
    said = (
        f"The metadata lists {method}, and a client with it gets {answer.status} {quoted(_error(answer) or answer.summary)}"
    )
    if _error(answer) == "invalid_client" or answer.status == 401:
        worse = "; ChatGPT prefers it wherever it is listed" if method == SIGNED else ""
        report.failed(
            "token.methods",
            f"{said}: no client can log in by it{worse}.",
            f"Have the token endpoint take {method}, or take it out of token_endpoint_auth_methods_supported. A proxy that "
            "drops the Authorization header breaks client_secret_basic.",
        )
    else:
        report.warned(
            "token.methods",
            f"{said} for a code that nobody was given, where `invalid_grant` belongs.",
            "Answer with 400 and a JSON object with `error` (RFC 6749 section 5.2).",
        )
    return None


_CODE_FIELDS = {"redirect_uri": LOOPBACK_REDIRECT, "code_verifier": "v" * 43}


async def ask(visit: Visit, client: Client, **fields: str) -> Answer:
    """A request at the token endpoint; how long it took is noted. Raises Unanswered."""
    endpoint = visit.learned.endpoint("token_endpoint")
    sent, headers = token_request(client, endpoint, **fields)
    answer = await visit.post_form(endpoint, sent, headers)
    took: list[float] = visit.learned.notes.setdefault("token.took_s", [])
    took.append(answer.took_s)
    return answer


async def check_unknown(visit: Visit, report: Report, client: Client) -> None:
    """A refresh token that nobody was given."""
    answer = await ask(visit, client, grant_type="refresh_token", refresh_token=secrets.token_urlsafe(32))
    judge_dead(report, "token.unknown", answer, "a refresh token that nobody knows")


def judge_dead(report: Report, check: str, answer: Answer, what: str) -> None:
    """What is no good any more has to be refused so that the client asks its person to log in."""
    error = _error(answer)
    if answer.status == 400 and error == "invalid_grant":
        report.passed(check, f"{what[0].upper()}{what[1:]} is refused with 400 `invalid_grant`.")
        return
    report.failed(
        check,
        f"With {what} the token endpoint answers {answer.status} {quoted(error or answer.summary)}: clients then try it "
        "again and again, or show an error, instead of the log-in.",
        "Answer it with 400 and `invalid_grant` (RFC 6749 section 5.2), not with 401, 403 or 5xx.",
    )


def report_time(visit: Visit, report: Report) -> None:
    """The slowest of all requests so far."""
    took: list[float] = visit.learned.notes.get("token.took_s", [])
    if took:
        check_time(visit, report, "token.time", "The token endpoint", max(took))


def too_slow(report: Report, why: Unanswered) -> None:
    """It did not answer at all."""
    report.failed("token.time", f"{why}.", "See why the token endpoint does not answer; clients wait 10 s.")


def _error(answer: Answer) -> str:
    found = (answer.document() or {}).get("error")
    return found if isinstance(found, str) else ""
