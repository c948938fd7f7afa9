"""The other agents that people connect: how each speaks, who it says that it is, and where it wants its person sent back.

Facts of October 2026. What is said of their requests is as far as it matters to a server; none of it was tried against the
agents themselves.
"""

from dataclasses import dataclass
from typing import Any

from tests.chatgpt.identities import Identity
from tests.chatgpt.variants import Variant
from tests.chatgpt.wire import Wire
from tests.oauth.documents import Documents


def _speaks(name: str, version: str, *, modern: bool, older: str = "2025-11-25", headers: bool = True) -> Variant:
    said = {"name": name, "version": version}
    return Variant(f"{name} {version}", envelope=modern, headers=headers, info=said, older=older)


@dataclass(frozen=True)
class Agent:
    """One way in which an agent connects."""

    name: str
    user_agent: str
    variant: Variant
    redirect_uri: str
    """As it is sent with the request; the port of a loopback address is another one each time."""
    announced: tuple[str, ...]
    """Redirect URIs of its document or registration."""
    document: str = ""
    """Path of its metadata document; empty: it registers."""
    registers_as: str = ""
    """User-Agent of the registration, where that is another one."""

    def identify(self, wire: Wire, host: Documents) -> Identity:
        """Become a client."""
        said: dict[str, Any] = {
            "client_name": self.name.partition(",")[0],
            "redirect_uris": list(self.announced),
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }
        if self.document:
            client_id = host.url(self.document)
            host.put(self.document, {"client_id": client_id, **said})
            return Identity(client_id, self.redirect_uri, "none")
        before, wire.agent = wire.agent, self.registers_as or wire.agent
        answer = wire.json(f"{wire.url}/register", said)
        wire.agent = before
        assert (answer.status_code, answer.json()["redirect_uris"]) == (201, list(self.announced)), answer.text
        return Identity(answer.json()["client_id"], self.redirect_uri, "none")


_CLAUDE = _speaks("Anthropic/ClaudeAI", "1.0.0", modern=True)
_CLAUDE_CALLBACKS = ("https://claude.ai/api/mcp/auth_callback", "https://claude.com/api/mcp/auth_callback")
_CLAUDE_CODE = _speaks("claude-code", "2.1.0", modern=True)
_LOOPBACK = ("http://localhost/callback", "http://127.0.0.1/callback")
_CODEX = _speaks("codex-mcp-client", "0.146.0", modern=True)
_CODE = _speaks("Visual Studio Code", "1.131.0", modern=False)
_CODE_CALLBACKS = ("http://127.0.0.1:33418/", "https://vscode.dev/redirect")
_CURSOR = _speaks("cursor-vscode", "1.0.0", modern=False)
_INSPECTOR = _speaks("inspector-client", "2.12.0", modern=False)
_REMOTE = _speaks("mcp-remote", "0.15.1", modern=False)
_COPILOT = _speaks("copilot-studio", "1.0.0", modern=False, older="2024-11-05", headers=False)
_COPILOT_CALLBACK = "https://global.consent.azure-apim.net/redirect/toolmesh-5f0a"

AGENTS = (
    *(
        Agent(
            f"Claude, {kind} {uri.split('/')[2]}",
            "Claude-User",
            _CLAUDE,
            uri,
            _CLAUDE_CALLBACKS if document else (uri,),
            document,
            registers_as="python-httpx/0.28.1",
        )
        for uri in _CLAUDE_CALLBACKS
        for kind, document in (("document", "/oauth/mcp-oauth-client-metadata"), ("registered", ""))
    ),
    *(
        Agent(f"Claude Code, {uri}", "claude-code/2.1.0 (cli)", _CLAUDE_CODE, uri, _LOOPBACK, "/oauth/claude-code")
        for uri in ("http://localhost:54545/callback", "http://127.0.0.1:61234/callback")
    ),
    Agent(
        "Codex, document", "codex/0.146.0", _CODEX, "http://127.0.0.1:49321/callback", _LOOPBACK, "/oauth/codex/client.json"
    ),
    Agent(
        "Codex, registered",
        "codex/0.146.0",
        _CODEX,
        "http://127.0.0.1:49321/callback/7Qk2Tn",
        ("http://127.0.0.1:49321/callback/7Qk2Tn",),
    ),
    *(
        Agent(f"Visual Studio Code, {uri}", "Code/1.131.0", _CODE, uri, _CODE_CALLBACKS, "/oauth/client-metadata.json")
        for uri in (*_CODE_CALLBACKS, "http://127.0.0.1:50111/")
    ),
    *(
        Agent(f"Cursor, {uri}", "Cursor/1.0.0", _CURSOR, uri, (uri,))
        for uri in (
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "https://www.cursor.com/agents/mcp/oauth/callback",
            "http://localhost:8787/callback",
        )
    ),
    *(
        Agent(f"MCP Inspector, {uri}", "node", _INSPECTOR, uri, (uri,))
        for uri in ("http://localhost:6274/oauth/callback", "http://127.0.0.1:6276/oauth/callback")
    ),
    Agent("mcp-remote", "node", _REMOTE, "http://127.0.0.1:3334/oauth/callback", ("http://127.0.0.1:3334/oauth/callback",)),
    Agent("Copilot Studio", "", _COPILOT, _COPILOT_CALLBACK, (_COPILOT_CALLBACK,)),
)
CLAUDE = AGENTS[:4]
