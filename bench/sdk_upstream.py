"""An MCP upstream as people write them: the official SDK's server, JSON answers. `python -m bench.sdk_upstream PORT`."""

import logging
import sys

import uvicorn
from mcp.server import MCPServer

server = MCPServer("bench")


@server.tool(structured_output=False)
async def echo(message: str) -> str:
    """Say it back."""
    return message


if __name__ == "__main__":
    logging.disable(logging.INFO)
    uvicorn.run(
        server.streamable_http_app(stateless_http=True, json_response=True),
        port=int(sys.argv[1]),
        log_level="warning",
        access_log=False,
        backlog=4096,
    )
