"""8: how a client comes to a token: what the token endpoint does, and with --login the whole way through the browser."""

from toolmesh.doctor import log_in, token_methods
from toolmesh.doctor.answer import Unanswered
from toolmesh.doctor.report import Report
from toolmesh.doctor.visit import Visit

CHECKS = {**token_methods.CHECKS, **log_in.CHECKS}


async def look(visit: Visit, report: Report) -> None:
    """Look at it."""
    if visit.learned.open_door and not visit.learned.server:
        report.skipped("token.answered", "Not looked at: nobody is asked for a token here.")
        return
    if not visit.learned.endpoint("token_endpoint"):
        report.skipped("token.answered", "Not looked at: no metadata names a token_endpoint.")
        return
    try:
        client = await token_methods.check_methods(visit, report)
        if client is not None:
            await token_methods.check_unknown(visit, report, client)
        if visit.wanted.log_in:
            await log_in.log_in(visit, report)
    except Unanswered as why:
        if why.kind != "time":
            raise
        token_methods.too_slow(report, why)
        return
    if not visit.wanted.log_in:
        report.skipped("token.log_in", "Not tried. With --login the doctor logs in by your browser, and looks at the rest.")
    token_methods.report_time(visit, report)
