"""What HTTP statuses mean to callers (DADL 0.2, errors)."""

_CODES = {
    400: "invalid_input",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    408: "timeout",
    409: "conflict",
    410: "not_found",
    422: "invalid_input",
    429: "rate_limited",
    500: "internal",
    502: "unavailable",
    503: "unavailable",
    504: "unavailable",
}
PASSING = frozenset({408, 425, 429, 502, 503, 504})
"""What a later request may find gone, where a file does not say it by `retry_on` and `terminal`."""


def succeeded(status: int) -> bool:
    """Whether an answer is no failure: 2xx. A redirect (3xx) that was not followed is one."""
    return 200 <= status < 300


def code_of(status: int) -> str:
    """The code of a status that is a failure."""
    if found := _CODES.get(status):
        return found
    if 400 <= status < 500:
        return "client_error"
    return "server_error" if 500 <= status < 600 else "unexpected_status"
