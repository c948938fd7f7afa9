"""The line that a person pastes to make a first call."""


def first_call(url: str, api_key: str) -> str:
    """A curl command that calls `echo_add`, as one line. `api_key` may be a shell variable."""
    body = (
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo_add","arguments":{"a":2,"b":3},'
        '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}'
    )
    headers = (
        "Content-Type: application/json",
        "Accept: application/json, text/event-stream",
        "MCP-Protocol-Version: 2026-07-28",
        "Mcp-Method: tools/call",
        "Mcp-Name: echo_add",
    )
    parts = ["curl", "-sS", url, f'-H "Authorization: Bearer {api_key}"', *(f"-H '{h}'" for h in headers), f"-d '{body}'"]
    return " ".join(parts)
