"""Behind the door: whether there is a credential for it, and what is said where there is none."""

from typing import Any

from toolmesh.doctor.report import Report
from toolmesh.doctor.visit import Visit

SHUT = "mcp.shut"
"""Note: the credential was not let in, so that whatever else would fail says nothing."""
TOOLS = "mcp.tools"
"""Note: all tools, as they were listed."""
_NEEDED = (
    "Not looked at: that is behind the log-in. Run the doctor again with --login (it opens your browser), or with an API "
    "key or access token: --token - reads it from standard input."
)


def is_open(visit: Visit, report: Report, answered: str) -> bool:
    """Whether one may look behind the door. Where not, the check `answered` says why."""
    if visit.learned.notes.get(SHUT):
        report.skipped(answered, "Not looked at: the credential was not let in (mcp.let_in).")
    elif not visit.token and not visit.learned.open_door:
        first = answered == "mcp.answered"
        report.skipped(answered, _NEEDED if first else "Not looked at: that is behind the log-in too (--login or --token).")
    else:
        return True
    return False


def credential(visit: Visit) -> str | None:
    """What to send as `token`: none where nobody is asked for one."""
    return visit.token or None


def listed_tools(visit: Visit) -> list[dict[str, Any]]:
    """The tools that were listed; empty where none could be."""
    found = visit.learned.notes.get(TOOLS)
    return found if isinstance(found, list) else []


def is_openai(visit: Visit) -> bool:
    """Whether the client that is asked about is one of OpenAI's, which stop at what others bear."""
    return visit.persona.user_agent.startswith("openai-mcp")
