"""6: whether the server takes the client's own metadata document, and can fetch it (Client ID Metadata Documents)."""

from urllib.parse import urlsplit

from toolmesh.doctor.answer import Answer
from toolmesh.doctor.authorization import Brought, bring
from toolmesh.doctor.diagnosis import diagnosis_of, words_of
from toolmesh.doctor.learned import Client
from toolmesh.doctor.report import Report
from toolmesh.doctor.server_document import takes_documents
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.visit import Visit

CHECKS = {"cimd.fetched": "A log-in begins for the client that its document describes: the server could fetch it."}
_NOT_FETCHED = ("fetch", "retriev", "download", "unreachable", "could not be loaded", "timed out", "not reach")
_NOT_ALLOWED = ("not taken", "not allowed", "host", "not trusted", "unsupported")


async def look(visit: Visit, report: Report) -> None:
    """Begin a log-in with the document's URL as the client id."""
    document = visit.persona.document
    if not visit.learned.server:
        report.skipped("cimd.fetched", "There is no authorization server.")
    elif not takes_documents(visit.learned.server):
        report.skipped("cimd.fetched", "The server takes no documents; the client registers.")
    elif not document:
        report.skipped("cimd.fetched", "This client has no document; --as names others.")
    elif not visit.learned.endpoint("authorization_endpoint"):
        report.skipped("cimd.fetched", "There is no authorization endpoint.")
    else:
        client = Client(client_id=document, redirect_uri=visit.persona.redirect_uris[0])
        _report(visit, report, client, await bring(visit, client))


def _report(visit: Visit, report: Report, client: Client, brought: Brought) -> None:
    answer = brought.answer
    if brought.parameters is not None and "error" in brought.parameters:
        report.failed(
            "cimd.fetched",
            f"The log-in of {quoted(client.client_id)} is refused: {quoted(brought.parameters['error'])}, "
            f"{quoted(brought.parameters.get('error_description', 'without a description'))}.",
            "Look into the server's log of this moment; it knows the client, and refuses the request.",
        )
    elif answer.status < 400:
        visit.learned.documented = client
        report.passed("cimd.fetched", f"A log-in begins for {quoted(client.client_id)}.")
    elif answer.status == 429:
        report.warned(
            "cimd.fetched",
            f"{_summary(answer)}: there were too many requests from here.",
            "Wait for a minute, and run this again.",
        )
    else:
        _report_refusal(visit, report, client, answer)


def _report_refusal(visit: Visit, report: Report, client: Client, answer: Answer) -> None:
    host = urlsplit(client.client_id).hostname
    said = words_of(answer)
    words = said.lower()
    if any(word in words for word in _NOT_FETCHED):
        why = "the server can't fetch it"
        fix = (
            f"Let the edge reach https://{host} (DNS, firewall, egress rules; it uses no proxy), and look into its log: "
            "`client document not fetched` says why. Until then the client can only register."
        )
    elif any(word in words for word in _NOT_ALLOWED):
        why = "the server takes no document of that host"
        fix = f"Add {host} to TOOLMESH_CLIENT_DOCUMENT_HOSTS; another server has a list of its own."
    else:
        known = diagnosis_of(answer, visit.host)
        why = "the server does not take it"
        fix = (
            f"{known.fix} It has to read the document, and to choose of `token_endpoint_auth_methods_supported` (plural) "
            "what it knows, for ChatGPT's says `private_key_jwt` in the singular one."
        )
    report.failed("cimd.fetched", f"The client id is {quoted(client.client_id)}, and {why}: {_summary(answer)}{said}.", fix)


def _summary(answer: Answer) -> str:
    return f"{answer.url.partition('?')[0]} answered {answer.status}"
