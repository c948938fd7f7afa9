"""Authorization servers of others, whose access tokens are taken (RFC 9068; MCP, authorization)."""
