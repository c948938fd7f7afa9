"""HTTP and MCP in, jobs out.

In the order of the flow: `serve` (the process), `app` (the composition root), `front_door`, `endpoint` (one MCP request),
`admit`, `authenticate`, `parse`, `outgoing` (authorize, validate), `calls` (listen → enqueue), `relay`, `finishing`, `render`,
`respond`. What the edge answers by itself: `methods`, `introduction`, `listing`. What it knows: `directory` (shelves of
backends and live workers), `shelf`, `tool`, `names`. What lasts longer than a request: `sessions`, `session_requests`,
`request_state`, `streams`, `standing`, `resumption`, `listen`, `changes`, `legacy_sse`. Beside them: `problems` (the table
of errors), `health`, `oauth/`.
"""
