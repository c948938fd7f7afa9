"""What the log-in page's headers let a browser do: ChatGPT opens it in a popup, and wants to hear of its end."""

from toolmesh.doctor.answer import Answer
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import quoted
from toolmesh.doctor.visit import Visit

CHECKS = {
    "authorize.opener": "The page stays in touch with the window that opened it.",
    "authorize.framing": "No other site can show the page inside one of its own.",
}
_CUTS = ("same-origin", "same-origin-plus-coep")


def check_page(visit: Visit, report: Report, page: Answer) -> None:
    """Look at its headers."""
    opener = page.headers.get("cross-origin-opener-policy", "").partition(";")[0].strip().lower()
    if opener in _CUTS:
        found = report.failed if visit.persona.name == "chatgpt" else report.warned
        found(
            "authorize.opener",
            f"The page has `Cross-Origin-Opener-Policy: {opener}`: ChatGPT opens it in a popup, and hears of no end.",
            "Have the proxy, or what adds such headers, leave that one away from /authorize, /login and /consent.",
        )
    else:
        report.passed("authorize.opener", f"The policy for openers is {quoted(opener or 'not set')}.")
    policy = page.headers.get("content-security-policy", "").lower()
    if "frame-ancestors" in policy or page.headers.get("x-frame-options", "").strip().lower() in ("deny", "sameorigin"):
        report.passed("authorize.framing", "Other sites can't.")
    else:
        report.warned(
            "authorize.framing",
            "Other sites can show the log-in inside a page of theirs, and have people click on it unseen.",
            "Send `Content-Security-Policy: frame-ancestors 'none'` with it.",
        )
