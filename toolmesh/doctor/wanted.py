"""What the operator asked the doctor for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Of the command line."""

    token: str = ""
    """An access token or API key, sent to the URL alone."""
    log_in: bool = False
    client_id: str = ""
    """A client that the server knows already, for the log-in; empty: the doctor registers one."""
    callback_port: int = 0
    """Where on 127.0.0.1 the browser comes back to; 0: any port."""
    slow: bool = False
    local: bool = False
    """Whether it is left open if the internet reaches the server."""
