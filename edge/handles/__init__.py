"""Calls that outlive their connection, as their clients see them: handles, `mesh_wait` and tasks.

`budget` (who is answered when), `handles` (the answer), `store` (the record behind it); then `afterwards`: `waited` and
`look` (a call waited for, or looked at), `mesh_wait` (our own tool), `tasks` and `task` (MCP extension
`io.modelcontextprotocol/tasks`), `asked` and `rounds` (calls that go on with the client's input).
"""
