"""Every outbound request of a worker: what it may reach, and how much may come back.

In the order of a request: `egress` (all HTTP of one backend), `outgoing` (one request), `redirects` (the next one, where
a caller follows them), `policy` (which addresses), `lookups` (names to addresses), `connector` (the connection, pinned to
what was looked at), `tls`, `interim` (1xx), `failures` (aiohttp's errors as ours), `body` and `decoding` (the answer,
bounded), `argument_headers` (what a caller may put into a header).
"""
