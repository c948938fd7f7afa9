"""HTTP and MCP in, jobs out.

In the order of the flow: `serve` (the process), `app` (the composition root), `front_door`, `endpoint` (one MCP request),
`admit`, `authenticate`, `parse`, `outgoing` (authorize, validate), `calls` (listen → enqueue), `relay`, `finishing`,
`render`, `respond`. What the edge answers by itself: `methods`, `introduction`, `listing`. What it knows: `directory`
(shelves of backends and live workers), `shelf`, `tool`, `names`. Beside them: `problems` (the table of errors), `health`,
`oauth/`.

What lasts longer than a request is put together in `lasting`: `sessions`, `session_requests` and `request_state`; `streams`
(all that are open) of `event_stream`s, `session_streams` and `standing`, `listen`, `legacy_sse/`; `changes` that go to
`feed`s, `replay` of what was missed, `wanted`; `resumption` of calls; `edges_channel`, on which edges speak to each other.
"""
