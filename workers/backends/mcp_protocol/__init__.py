"""What every MCP server has in common, whichever transport it is spoken to by.

`wire` (requests as bytes, for both eras), `message` (what comes back), `hearing` (what a server says beside an answer),
`listing` (its offer, page by page and vetted), `parameter_headers` (`Mcp-Param-*`).
"""
