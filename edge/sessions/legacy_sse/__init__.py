"""The HTTP+SSE transport of MCP 2024-11-05 for clients that know no other: `GET /sse`, and `POST /messages` on any edge.

The stream stays on the edge that it was opened at; a message that another edge takes in reaches it through Redis.
"""
