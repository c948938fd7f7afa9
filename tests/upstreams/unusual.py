"""MCP servers whose tools are what a file says, whatever that is: plain JSON over Streamable HTTP, as one process.

    python tests/upstreams/unusual.py --port 9001 --tools DIR

Prints `listening` when it accepts connections. At `/mcp/NAME` there is a server with the tools of `DIR/NAME.json` (a JSON
array of MCP `Tool`s, read whenever they are listed). Each call answers with the tool's name and the arguments as they came.
"""

import argparse
import json
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.upstreams.everything import Announced

INTRODUCTION: dict[str, object] = {
    "supportedVersions": ["2026-07-28"],
    "capabilities": {"tools": {}},
    "resultType": "complete",
}


def serve(tools: Path) -> Starlette:
    """The servers of a directory."""

    async def answer(request: Request) -> Response:
        body = await request.body()
        message = json.loads(body)
        if "id" not in message:
            return Response(status_code=202)
        if message["method"] == "server/discover":
            result = INTRODUCTION
        elif message["method"] == "tools/list":
            file = tools / f"{request.path_params['name']}.json"
            result = {"tools": json.loads(file.read_text()), "resultType": "complete"}
        elif message["method"] == "tools/call":
            told = {"tool": message["params"]["name"], "arguments": message["params"]["arguments"]}
            result = {"content": [{"type": "text", "text": json.dumps(told)}], "resultType": "complete"}
        else:
            error = {"code": -32601, "message": "Method not found"}
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": error}, 404)
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result})

    return Starlette(routes=[Route("/mcp/{name}", answer, methods=["POST"])])


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tools", type=Path, required=True)
    given = parser.parse_args()
    config = uvicorn.Config(serve(given.tools), host="127.0.0.1", port=given.port, log_level="warning")
    Announced(config).run()


if __name__ == "__main__":
    main()
