"""Processes that can be killed, for what a model or a file wrote: scripts and jq programs.

`pool` hands out warm children of an engine, `child` is one of them as the worker sees it, `inside/` is what runs in it,
`transforms` runs jq programs. docs/sandbox.md says what keeps them in.
"""
