"""`toolmesh demo`: the demo API as a process."""

import os
from typing import Annotated

import typer

from shared.errors import ConfigurationError

TOKEN_VARIABLE = "DEMO_TOKEN"  # noqa: S105 (its name)
_TOKEN_CHARS_MIN = 4

_HostOption = Annotated[str, typer.Option("--host", help="Address that it listens at")]
_PortOption = Annotated[int, typer.Option("--port", min=1, max=65535, help="Port that it listens at")]


def demo(host: _HostOption = "127.0.0.1", port: _PortOption = 8124) -> None:
    """Serve a small REST API to try things with (config/dadl/desk.dadl describes it). It needs DEMO_TOKEN."""
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if len(token) < _TOKEN_CHARS_MIN or not (token.isascii() and token.isprintable()):
        raise ConfigurationError(
            f"{TOKEN_VARIABLE} is not set, or is shorter than {_TOKEN_CHARS_MIN} characters. Set it to what the demo's "
            "callers have to show; workers send CREDENTIAL_DESK_TOKEN."
        )

    import uvicorn

    from toolmesh.demo.api import demo_api

    uvicorn.run(demo_api(token), host=host, port=port, access_log=False, log_level="warning", server_header=False)
