"""HTTP and MCP in, jobs out.

In the order of the flow: `serve` (the process), `http_connection`, `app` (the composition root), `front_door`, `endpoint`
(one MCP request), `admit`, `authenticate`, `parse`, `outgoing` (authorize, validate), `calls` (listen → enqueue), `relay`,
`finishing`, `render`, `respond`. What the edge answers by itself: `methods`, `introduction`, `listing`. What it knows:
`directory` (shelves of backends and live workers), `shelf`, `tool`, `names`. What comes back: `request_state`. What lasts
longer than a request: `sessions/`; and calls that do: `handles/`. Beside them: `problems` (the table of errors), `health`,
`oauth/`.
"""
