"""7: whether the authorization endpoint begins a log-in, and refuses what it must (OAuth 2.1, RFC 8707, RFC 9207)."""

from dataclasses import dataclass

from toolmesh.doctor.authorization import Brought, bring
from toolmesh.doctor.diagnosis import diagnosis_of
from toolmesh.doctor.learned import Client
from toolmesh.doctor.page_headers import CHECKS as OF_PAGE
from toolmesh.doctor.page_headers import check_page
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.visit import Visit

CHECKS = {
    "authorize.page": "A proper request leads to a page for the person.",
    **OF_PAGE,
    "authorize.redirect_uri": "One with a foreign redirect URI gets a page, and is sent nowhere.",
    "authorize.pkce": "One without PKCE is refused, by a redirect to the client.",
    "authorize.plain": "So is one with `plain`.",
    "authorize.resource": "So is one for a resource of somebody else.",
    "authorize.response_type": "So is one for another `response_type` than `code`.",
    "authorize.state": "Each refusal brings `state` back as it was sent.",
    "authorize.iss": "Each refusal says `iss`, and that is the issuer, character by character.",
}
_NO_SERVER = "there is no authorization server"
_FOREIGN = "https://doctor.invalid/not/the/clients"


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A request that has to be refused."""

    check: str
    what: str
    changes: dict[str, str | None]
    errors: tuple[str, ...]
    """What it may be called."""
    must: bool
    fix: str


_WRONG = (
    _Wrong(
        "authorize.pkce",
        "without PKCE",
        {"code_challenge": None, "code_challenge_method": None},
        ("invalid_request",),
        True,
        "Require PKCE of every client (OAuth 2.1 section 4.1.1): whoever sees a code could redeem it.",
    ),
    _Wrong(
        "authorize.plain",
        "with `code_challenge_method=plain`",
        {"code_challenge_method": "plain"},
        ("invalid_request",),
        True,
        "Take S256 alone (RFC 9700 section 2.1.1): with `plain` whoever sees the request can redeem the code.",
    ),
    _Wrong(
        "authorize.resource",
        f"for the resource {_FOREIGN}",
        {"resource": _FOREIGN},
        ("invalid_target",),
        False,
        "Refuse resources that are not yours with `invalid_target` (RFC 8707 section 2), and bind each token to its own.",
    ),
    _Wrong(
        "authorize.response_type",
        "with `response_type=token`",
        {"response_type": "token"},
        ("unsupported_response_type", "unauthorized_client", "invalid_request"),
        True,
        "Give codes alone (OAuth 2.1 section 10.1): a token in a URL ends up in logs and histories.",
    ),
)


async def look(visit: Visit, report: Report) -> None:
    """Look at the page, then at the refusals."""
    client = next(iter(visit.learned.clients), None) or visit.learned.documented
    if client is None or not visit.learned.endpoint("authorization_endpoint"):
        why = "there is no client to ask with: none could register, and no document was taken"
        report.skipped("authorize.answered", f"Not looked at: {why if visit.learned.server else _NO_SERVER}.")
        return
    await _check_page(visit, report, client)
    await _check_redirect(visit, report, client)
    refusals = [refusal for wrong in _WRONG if (refusal := await _refusal(visit, report, client, wrong)) is not None]
    _check_state(report, refusals)
    _check_iss(visit, report, refusals)


async def _check_page(visit: Visit, report: Report, client: Client) -> None:
    brought = await bring(visit, client)
    answer = brought.answer
    if brought.parameters is not None:
        told = brought.parameters
        if "code" in told:
            report.hide(told["code"])
            said = "A code is given without anybody being asked"
        else:
            said = f"A proper request is refused: {quoted(told.get('error'))}, {quoted(told.get('error_description', ''))}"
        report.failed("authorize.page", f"{said}.", "Look into the server's log of this moment.")
    elif answer.status == 200 and answer.is_page:
        report.passed("authorize.page", f"It leads to a page, at {answer.url.partition('?')[0]}.")
        check_page(visit, report, answer)
        return
    elif answer.location:
        report.passed("authorize.page", f"It leads to {quoted(answer.location.partition('?')[0])}, to log in there.")
    else:
        known = diagnosis_of(answer, visit.host)
        report.failed("authorize.page", f"{known.said.replace(answer.url, answer.url.partition('?')[0])}.", known.fix)
    for check in OF_PAGE:
        report.skipped(check, "There is no page of this server to look at.")


async def _check_redirect(visit: Visit, report: Report, client: Client) -> None:
    brought = await bring(visit, client, {"redirect_uri": _FOREIGN})
    answer = brought.answer
    fix = (
        "Compare redirect URIs with those of the client character by character, and show a page where none fits (RFC 9700)."
    )
    if brought.parameters is not None:
        report.failed(
            "authorize.redirect_uri",
            "A request with a redirect URI that is not the client's is answered there: anybody can have codes sent.",
            fix,
        )
    elif answer.status in (400, 401, 403):
        report.passed("authorize.redirect_uri", f"A page says no, with {answer.status}.")
    else:
        report.warned(
            "authorize.redirect_uri",
            f"A request with a foreign redirect URI is answered {answer.status}, not refused (400); nothing was "
            "sent to it so far.",
            fix,
        )


async def _refusal(visit: Visit, report: Report, client: Client, wrong: _Wrong) -> Brought | None:
    """The refusal of a wrong request, if the client is told of it; reported."""
    brought = await bring(visit, client, wrong.changes)
    told, answer = brought.parameters, brought.answer
    if told is not None and "error" in told:
        if told["error"] in wrong.errors:
            report.passed(wrong.check, f"It is refused with `{told['error']}`.")
        else:
            report.warned(
                wrong.check,
                f"A request {wrong.what} is refused with {quoted(told['error'])}, which clients may not understand.",
                f"Call it `{wrong.errors[0]}`.",
            )
        return brought
    if told is not None:
        report.hide(told.get("code"))
        report.failed(wrong.check, f"A request {wrong.what} is answered as if it were a good one.", wrong.fix)
    elif answer.status >= 400:
        report.warned(
            wrong.check,
            f"A request {wrong.what} is refused by a page ({answer.status}), and the client never hears of it.",
            f"Redirect to the client with `error={wrong.errors[0]}`, `state` and `iss` (RFC 6749 section 4.1.2.1).",
        )
    else:
        said = f"A request {wrong.what} is not refused: a page is shown for it"
        (report.failed if wrong.must else report.warned)(wrong.check, f"{said}.", wrong.fix)
    return None


def _check_state(report: Report, refusals: list[Brought]) -> None:
    changed = [each for each in refusals if (each.parameters or {}).get("state") != each.state]
    if not refusals:
        report.skipped("authorize.state", "No refusal reached the client.")
    elif changed:
        report.failed(
            "authorize.state",
            f"`state` was lost or changed in {len(changed)} of {len(refusals)} refusals: the client gives up, and its "
            "person sees no reason.",
            "Bring `state` back as it was sent, with every answer (RFC 6749 section 4.1.2.1).",
        )
    else:
        report.passed("authorize.state", f"{len(refusals)} refusals brought it back.")


def _check_iss(visit: Visit, report: Report, refusals: list[Brought]) -> None:
    issuer = visit.learned.issuer
    promised = visit.learned.server.get("authorization_response_iss_parameter_supported") is True
    said = [(each.parameters or {}).get("iss") for each in refusals]
    wrong = [iss for iss in said if iss is not None and iss != issuer]
    if not refusals:
        report.skipped("authorize.iss", "No refusal reached the client.")
    elif wrong:
        report.failed(
            "authorize.iss",
            f"`iss` is {quoted(wrong[0])}, and the issuer {quoted(issuer)}: clients take that for an attack.",
            "Send the issuer as the metadata has it, character by character (RFC 9207 section 2).",
        )
    elif None in said and promised:
        report.failed(
            "authorize.iss",
            f"{said.count(None)} of {len(said)} refusals lack `iss`, which the metadata promises: Codex and others stop "
            "with “response missing required issuer”.",
            "Send `iss` with every answer of the authorization endpoint, errors too; or don't promise it.",
        )
    elif None in said:
        report.skipped("authorize.iss", "It is not promised, and not sent.")
    else:
        report.passed("authorize.iss", f"{len(said)} refusals say it, and it is the issuer.")
