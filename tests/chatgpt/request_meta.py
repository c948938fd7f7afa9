"""What ChatGPT sends along with each call, as it was seen in September 2026. Hints, and personal ones: who the person is,
where, with what device."""

from typing import Any

SESSION, SUBJECT = "v1/session-Qm7ZtR2p", "v1/subject-k3VdX9wL"
META: dict[str, Any] = {
    "timezone": "Atlantic/Stanleyville",
    "openai/locale": "fo-QZ",
    "openai/session": SESSION,
    "openai/subject": SUBJECT,
    "openai/userAgent": "Mozilla/5.0 (Pocketdevice; CPU OS 27_4) Wandererbrowser/31.7",
    "openai/organization": "v1/organization-7hBn4TcE",
    "openai/userLocation": {
        "city": "Havnarvik",
        "region": "Sudurstreym",
        "country": "QZ",
        "latitude": "62.01143",
        "timezone": "Atlantic/Stanleyville",
        "longitude": "-6.77182",
    },
}
"""`_meta` beside the envelope; latitude and longitude are strings."""
HEADERS = {
    "X-OpenAI-Session": SESSION,
    "X-OpenAI-Subject": SUBJECT,
    "X-Forwarded-For": "198.51.100.23, 203.0.113.4",
}
"""The leftmost address is the person's own."""
TRACES = (
    *("Stanleyville", "fo-QZ", "Havnarvik", "Sudurstreym", "62.01143", "6.77182", "Pocketdevice", "Wandererbrowser"),
    *("session-Qm7ZtR2p", "subject-k3VdX9wL", "organization-7hBn4TcE", "198.51.100.23"),
)
"""None of this may get anywhere."""


def of_conversation(name: str) -> dict[str, Any]:
    """The same in another conversation: ChatGPT repeats a call within one."""
    return {**META, "openai/session": f"v1/{name}"}
