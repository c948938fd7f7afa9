"""The well-behaved MCP server, which writes down all that reaches it: each request as a line of JSON in a file.

    python -m tests.upstreams.recording --port 9001 --file requests.jsonl

Of each request the line has `path`, `query`, `headers` (pairs) and `body`, as text in Latin-1, so that no byte is lost.
With `--widget` it has a tool `chart()` too, which is shown in a page of the server's, `ui://chart.html`; and `shed(name)`,
which takes a tool away, and tells nobody.
"""

import argparse
import json
import warnings
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.upstreams.everything import Announced, server
from tests.upstreams.everything_features import add_features


class Recorded:
    """Writes down what goes into an application."""

    def __init__(self, app: ASGIApp, file: Path) -> None:
        self._app = app
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = b""

        async def receiving() -> Message:
            nonlocal body
            message = await receive()
            if message["type"] == "http.request":
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    self._write(scope, body)
            return message

        await self._app(scope, receiving, send)

    def _write(self, scope: Scope, body: bytes) -> None:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        said = {
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "headers": headers,
            "body": body.decode("latin-1"),
        }
        with self._file.open("a") as file:
            file.write(json.dumps(said) + "\n")


def add_widget() -> None:
    """What an app of ChatGPT's has beside tools."""

    @server.tool(meta={"ui": {"resourceUri": "ui://chart.html"}, "openai/outputTemplate": "ui://chart.html"})
    def chart() -> str:
        """Show a chart."""
        return "a chart"

    @server.resource("ui://chart.html", mime_type="text/html;profile=mcp-app")
    def page() -> str:
        """Where the chart is shown."""
        return "<!doctype html><title>Chart</title>"

    @server.tool()
    def shed(name: str) -> str:
        """Take the tool of that name away."""
        server.remove_tool(name)
        return "shed"


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--widget", action="store_true")
    given = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK warns of what 2026-07-28 has dropped
        add_features(server)
        if given.widget:
            add_widget()
    app = Recorded(server.streamable_http_app(), given.file)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=given.port, log_level="warning", lifespan="on", timeout_graceful_shutdown=1
    )
    Announced(config).run()


if __name__ == "__main__":
    main()
