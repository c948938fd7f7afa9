"""Jobs in, effects out.

In the order of the flow: `serve` (the process), `runtime` (claim), `calls` (verify → authorize → resolve → dispatch →
execute → publish → record), `authorize`, `leases`, `control` (cancels), `publishing`, `presence` (catalogues and
heartbeats), `vetting`, `credentials`, `backends/`, `children/` (processes that can be killed), `audit_log`.
"""
