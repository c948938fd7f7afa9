"""Tool definitions (MCP `Tool`) out of a DADL definition: `offering` puts them together, `schemas` makes their input
schemas, `descriptions` what models read, `annotations` the hints, `introduction` what the backend says of itself.
"""
