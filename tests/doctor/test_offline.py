"""`--offline`: what the configuration says of a URL, without a request."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.toolmesh.command import refused, toolmesh

URL = "https://mesh.example/mcp"
GOOD = {
    "TOOLMESH_ISSUER": "https://mesh.example",
    "TOOLMESH_TRUSTED_PROXIES": "10.0.0.5",
    "TOOLMESH_AUTH_PASSWORD": "correct horse battery staple",
}
BACKENDS = "backends: []\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "backends.yaml").write_text(BACKENDS)
    return tmp_path


def looked(config: Path, url: str = URL, persona: str = "chatgpt", **changes: str) -> dict[str, Any]:
    environment = {name: value for name, value in (GOOD | changes).items() if value}
    done = toolmesh("doctor", url, "--offline", "--config", str(config), "--json", "--as", persona, **environment)
    said: dict[str, Any] = json.loads(done.out)
    assert said["exit"] == done.code
    return said


def faults(said: dict[str, Any]) -> dict[str, str]:
    """Check → level, of all that does not pass."""
    return {each["check"]: each["level"] for each in said["findings"] if each["level"] != "PASS"}


def test_a_configuration_that_is_in_order(config: Path) -> None:
    said = looked(config)
    assert faults(said) == {}
    assert (said["exit"], said["counts"]["PASS"]) == (0, 7)
    for url in (f"{URL}/b/notes", "https://mesh.example/sse"):
        assert faults(looked(config, url)) == {}
    assert faults(looked(config, "http://127.0.0.1:8123/mcp", TOOLMESH_ISSUER="")) == {}
    assert faults(looked(config, "https://mesh.example/t/mcp", TOOLMESH_ISSUER="https://mesh.example/t")) == {}


@pytest.mark.parametrize(
    ("url", "changes", "check", "level", "words"),
    [
        (URL, {"TOOLMESH_ISSUER": ""}, "offline.issuer", "FAIL", "Set TOOLMESH_ISSUER to https://mesh.example."),
        (
            URL,
            {"TOOLMESH_ISSUER": "https://old.example"},
            "offline.issuer",
            "FAIL",
            "no token for one is good",
        ),
        ("https://Mesh.example/mcp", {}, "offline.issuer", "FAIL", "upper and lower case"),
        (URL, {"TOOLMESH_ISSUER": "https://old.example"}, "offline.host", "FAIL", "answered 421"),
        (f"{URL}/", {}, "offline.path", "FAIL", "a slash at the end"),
        ("https://mesh.example", {}, "offline.path", "FAIL", "with /mcp at its end"),
        (f"{URL}?key=1", {}, "offline.path", "FAIL", "a query counts too"),
        (URL, {"TOOLMESH_AUTH": "none"}, "offline.log_in", "WARN", "whoever knows the URL"),
        (URL, {"TOOLMESH_OPENID_CONFIGURATION": "true"}, "offline.openid", "FAIL", "Leave it out"),
        (URL, {"TOOLMESH_CLIENT_DOCUMENT_HOSTS": "claude.ai"}, "offline.clients", "WARN", "ChatGPT has to register"),
        (
            URL,
            {"TOOLMESH_CLIENT_DOCUMENT_HOSTS": "claude.ai", "TOOLMESH_CLIENT_REGISTRATION": "off"},
            "offline.clients",
            "FAIL",
            "toolmesh client add",
        ),
        (URL, {"TOOLMESH_TRUSTED_PROXIES": ""}, "offline.configuration", "WARN", "all log-ins then count as one address"),
        (URL, {"TOOLMESH_NONSENSE": "1"}, "offline.configuration", "FAIL", "is not a setting of ToolMesh"),
    ],
    ids=[
        "no issuer",
        "another issuer",
        "upper case",
        "another host",
        "a slash",
        "no path",
        "a query",
        "no log-in",
        "an OpenID document",
        "documents of others",
        "no way in",
        "no proxies",
        "an unknown setting",
    ],
)
def test_a_setting_that_does_not_go_with_the_url(
    config: Path, url: str, changes: dict[str, str], check: str, level: str, words: str
) -> None:
    said = looked(config, url, **changes)
    assert faults(said)[check] == level
    finding = next(each for each in said["findings"] if each["check"] == check and each["level"] == level)
    assert words in f"{finding['said']} {finding['fix']}"
    assert said["exit"] == (1 if said["counts"]["FAIL"] else 0)


def test_who_has_no_document_registers(config: Path) -> None:
    assert faults(looked(config, persona="generic")) == {}
    assert faults(looked(config, persona="generic", TOOLMESH_CLIENT_REGISTRATION="off")) == {"offline.clients": "FAIL"}


def test_it_is_printed_as_lines(config: Path) -> None:
    done = toolmesh("doctor", URL, "--offline", "--config", str(config), **GOOD)
    assert done.code == 0
    assert "  PASS  offline.issuer             TOOLMESH_ISSUER is https://mesh.example." in done.out
    assert done.out.endswith("7 fine.\n")


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    said = looked(tmp_path / "missing")
    assert said["exit"] == 2
    assert faults(said) == {"offline.configuration": "FAIL"}


@pytest.mark.parametrize("option", ["--login", "--slow", "--local"])
def test_what_needs_a_visit_does_not_go_with_it(config: Path, option: str) -> None:
    assert "--offline sends nothing" in refused(toolmesh("doctor", URL, "--offline", option))
    assert "--config is for --offline" in refused(toolmesh("doctor", URL, "--config", str(config)))
