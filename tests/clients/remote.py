"""mcp-remote, which stands between a client on stdio and a server over HTTP."""

from pathlib import Path

from tests.clients import node


def command(url: str, key: str, protocol: str, transport: str = "http-only") -> list[str]:
    """Its command line; `protocol` is `legacy` or `auto`, `transport` `http-only` or `sse-only`."""
    options = ["--transport", transport, "--protocol", protocol, "--header", f"Authorization: Bearer {key}", "--silent"]
    return [*node.command("mcp-remote", "dist/proxy.js"), url, *options]


def environment(home: Path) -> dict[str, str]:
    """Its environment; `home` is where it keeps its files."""
    return node.environment(HOME=str(home), MCP_REMOTE_CONFIG_DIR=str(home / "mcp-remote"))
