"""What a backend says of itself, as an MCP server says it in its handshake (MCP 2025-11-25, `InitializeResult`)."""

import msgspec

from workers.backends.rest.dadl.definition import Definition

INSTRUCTIONS_CHARS_MAX = 8_000
"""Examples that would go beyond are left out."""
_encode = msgspec.json.Encoder().encode


def introduction(definition: Definition) -> bytes:
    """JSON object: `capabilities`, `serverInfo` and `instructions`, which hold the description and the examples."""
    said = [definition.description] if definition.description else []
    room = INSTRUCTIONS_CHARS_MAX - len(definition.description)
    for example in definition.examples:
        text = f"Example: {example.name}. {example.description}\n{example.code.strip()}"
        if len(text) > room:
            break
        said.append(text)
        room -= len(text)
    server = {"name": definition.name, "version": definition.version or "1"}
    return _encode({"capabilities": {"tools": {}}, "serverInfo": server, "instructions": "\n\n".join(said)})
