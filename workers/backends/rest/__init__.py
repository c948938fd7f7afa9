"""The kind `rest`: REST APIs that DADL files describe.

In the order of the flow: `backend` (its parts, deadline, offer), `held` (a definition in force), `operation` (one tool, as
it is run), `requests` (arguments → request), `pages` (one request, or those of a list), `attempts` (what is sent again),
`auth` (what is secret of it), `wire` (HTTP, by `workers/egress`), `response` (answer → result), `failed` (what went wrong,
as a result). `dadl` is what a file says, `reader` reads it, `tools` makes tool definitions of it.
"""
