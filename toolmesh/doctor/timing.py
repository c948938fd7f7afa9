"""How long clients wait: Claude gives discovery, registration and tokens 10 s."""

from toolmesh.doctor.report import Report
from toolmesh.doctor.visit import Visit

_FIX = (
    "See what keeps it: a sleeping host (free plans), a slow name server or store, the fetch of a client's document, a "
    "firewall that reads each body."
)


def check_time(visit: Visit, report: Report, check: str, what: str, took_s: float) -> None:
    """Report on how long something took. `what`: the start of the sentence, for instance `The registration`."""
    said = f"{what} took up to {took_s:.1f} s"
    if took_s > visit.bounds.late_s:
        report.failed(check, f"{said}: clients have given up by then, Claude after 10 s.", _FIX)
    elif took_s > visit.bounds.brisk_s:
        report.warned(check, f"{said}; clients give up after 10 s or so.", _FIX)
    else:
        report.passed(check, f"{said}.")
