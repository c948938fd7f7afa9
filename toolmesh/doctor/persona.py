"""The clients that can be asked about: how each introduces itself, and where its person is sent back to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """One client, as its requests look."""

    name: str
    """As `--as` has it."""
    title: str
    user_agent: str
    info: Mapping[str, str]
    """`clientInfo` of its MCP requests."""
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    discover_id: str | int = 1
    """The JSON-RPC id of its first request."""
    document: str = ""
    """Its Client ID Metadata Document: the client id that it uses where the server takes one."""
    redirect_uris: tuple[str, ...] = ()
    """Where it has its answers sent; those at 127.0.0.1 come with any port."""


_UI: Final = {"extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}}}
LOOPBACK_REDIRECT: Final = "http://127.0.0.1:33418/callback"
_OURS: Final = version("toolmesh")

PERSONAS: Final[Mapping[str, Persona]] = {
    persona.name: persona
    for persona in (
        Persona(
            name="chatgpt",
            title="ChatGPT",
            user_agent="openai-mcp/1.0.0 (ChatGPT)",
            info={"name": "openai-mcp", "version": "1.0.0"},
            capabilities=_UI,
            discover_id="openai-mcp-discover",
            document="https://chatgpt.com/oauth/client.json",
            redirect_uris=(
                "https://chatgpt.com/connector_platform_oauth_redirect",
                "https://chatgpt.com/connector/oauth/AbCdEf012345",
            ),
        ),
        Persona(
            name="claude",
            title="Claude",
            user_agent="Claude-User",
            info={"name": "Anthropic/ClaudeAI", "version": "1.0.0"},
            document="https://claude.ai/oauth/mcp-oauth-client-metadata",
            redirect_uris=("https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback"),
        ),
        Persona(
            name="codex",
            title="Codex",
            user_agent="openai-mcp/1.0.0 (Codex)",
            info={"name": "codex-mcp-client", "version": "1.0.0"},
            document="https://chatgpt.com/oauth/codex/client.json",
            redirect_uris=("http://127.0.0.1:33418/callback",),
        ),
        Persona(
            name="vscode",
            title="VS Code",
            user_agent="node",
            info={"name": "Visual Studio Code", "version": "1.0.0"},
            document="https://vscode.dev/oauth/client-metadata.json",
            redirect_uris=("http://127.0.0.1:33418/", "https://vscode.dev/redirect"),
        ),
        Persona(
            name="generic",
            title="a client",
            user_agent=f"toolmesh-doctor/{_OURS}",
            info={"name": "toolmesh-doctor", "version": _OURS},
            redirect_uris=(LOOPBACK_REDIRECT,),
        ),
    )
}
