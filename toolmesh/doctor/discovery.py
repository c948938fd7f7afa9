"""One document of discovery: fetched, and everything that keeps a client from reading it said once."""

from collections.abc import Mapping
from typing import Any

from toolmesh.doctor.answer import Answer, Unanswered
from toolmesh.doctor.diagnosis import Diagnosis, diagnosis_of
from toolmesh.doctor.visit import Visit


async def document_at(visit: Visit, url: str) -> tuple[dict[str, Any] | None, Diagnosis | None, Answer | None]:
    """The JSON object at that URL, or what is wrong with it. Where nothing answers there is no answer either."""
    try:
        answer = await visit.get(url)
    except Unanswered as why:
        return None, Diagnosis(str(why), "See that this URL answers from outside, within 10 s."), None
    document = answer.document()
    if answer.status == 200 and document is not None:
        return document, _wrong_kind(answer), answer
    if answer.status == 200:
        fix = "Send this path to the server, and answer it as JSON; a website's catch-all rule may be in the way."
        if answer.cut:
            return None, Diagnosis(f"{answer.summary}, of more than {visit.bounds.body_bytes_max} bytes", fix), answer
        return None, Diagnosis(f"{answer.summary}, and it is not a JSON object", fix), answer
    if answer.status == 401:
        return None, _locked(answer), answer
    return None, diagnosis_of(answer, visit.host), answer


def _wrong_kind(answer: Answer) -> Diagnosis | None:
    if answer.is_json:
        return None
    kind = answer.headers.get("content-type", "nothing")
    return Diagnosis(f"{answer.url} says that it is {kind}", "Send it as Content-Type: application/json.")


def _locked(answer: Answer) -> Diagnosis:
    return Diagnosis(
        f"{answer.summary}: discovery itself wants a log-in, so nobody can ever begin one",
        "Let /.well-known/* pass without a credential, in the server and in whatever stands before it.",
    )


def texts(document: Any, name: str) -> list[str]:
    """A member that is a list of texts; what is none of them is left out, and anything else is empty."""
    found = document.get(name) if isinstance(document, Mapping) else None
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
