"""HTTP and MCP in, jobs out.

In the order of the flow: `serve` (the process), `app` (the composition root), `front_door`, `endpoint` (one MCP request),
`admit`, `authenticate`, `parse`, `authorize`, `validate`, `calls` (listen → enqueue), `relay`, `render`, `respond`.
Beside them: `directory` (tools and live workers), `listing`, `sdk` (all else of MCP, by the SDK), `problems` (the table of
errors), `health`, `oauth/`.
"""
