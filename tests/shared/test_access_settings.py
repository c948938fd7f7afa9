"""Settings of who may come in: what is taken, and what stops the start and what it then says."""

import pytest

from shared.environment import load_settings
from shared.errors import ConfigurationError
from shared.findings import problems_of


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("TOOLMESH_AUTH", "off", "write one of required, none"),
        ("TOOLMESH_STEP_UP", "http403", "`http_403`"),
        ("TOOLMESH_CLIENT_REGISTRATION", "closed", "write one of open, off"),
        ("TOOLMESH_ISSUER", "http://mesh.example", "write https://mesh.example"),
        ("TOOLMESH_ISSUER", "https://user@mesh.example", "public base URL"),
        ("TOOLMESH_ISSUER", "https://mesh.example?x", "public base URL"),
        ("TOOLMESH_AUTH_USER", "a\x01b", "can't be seen"),
        ("TOOLMESH_AUTH_PASSWORD", "x" * 1025, "longer than 1024 bytes"),
        ("TOOLMESH_OWNER_PASSWORD_HASH", "not-a-hash", "TOOLMESH_AUTH_PASSWORD"),
        ("AUTH_REDIS_URL", "none", "is 'none', but ToolMesh needs a broker"),
        ("AUTH_REDIS_URL", "htp://u:hunter2@x/0", "rediss://"),
        ("TOOLMESH_CORS_ORIGINS", "*", "Name the origins"),
        ("TOOLMESH_CORS_ORIGINS", "*.com", "write *.example.com"),
        ("TOOLMESH_CORS_ORIGINS", "https://app.example/", "write origins"),
        ("TOOLMESH_TRUSTED_PROXIES", "proxy.example", "write addresses or networks"),
        ("TOOLMESH_TRUSTED_PROXIES", "10.0.0.1/8", "Did you mean `10.0.0.0/8`?"),
        ("TOOLMESH_ROOT_REDIRECT", "//evil.example", "a path that starts with one /"),
        ("TOOLMESH_ROOT_REDIRECT", "javascript:x", "a path that starts with one /"),
        ("TOOLMESH_CHALLENGE_SCOPES", "tools:raed", "Did you mean `tools:read`?"),
        ("TOOLMESH_CHALLENGE_SCOPES", "offline_access", "tools:read and tools:write"),
        ("TOOLMESH_REDIRECT_SCHEMES", "javascript", "never taken"),
        ("TOOLMESH_REDIRECT_SCHEMES", "cursor:", "without a colon"),
        ("TOOLMESH_CLIENT_DOCUMENT_HOSTS", "https://claude.ai", "names of hosts"),
        ("TOOLMESH_CLIENT_DOCUMENT_PRIVATE_HOSTS", "10.0.0.5:x", "host:port"),
        ("TOOLMESH_REFRESH_GRACE_S", "301", "at most 300"),
        ("TOOLMESH_CODE_S", "601", "at most 600"),
        ("TOOLMESH_LOGIN_MAX_FAILURES_PER_USER", "-1", "whole number of 0 or more"),
        ("TOOLMESH_LOGIN_FAILURE_WINDOW", "0", "a duration above 0"),
    ],
)
def test_what_can_not_be_right_is_refused_and_no_secret_is_shown(name: str, value: str, expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({name: value})
    (problem,) = problems_of(caught.value)
    assert name in problem
    assert expected in problem
    assert "hunter2" not in problem
    assert "not-a-hash" not in problem


def test_what_is_right_is_taken() -> None:
    settings = load_settings(
        {
            "TOOLMESH_AUTH": "None",
            "TOOLMESH_ISSUER": "https://mesh.example/base/",
            "TOOLMESH_CORS_ORIGINS": "https://app.example, *.pages.example,http://*.lab.example",
            "TOOLMESH_TRUSTED_PROXIES": "10.0.0.5,fd00::/8",
            "TOOLMESH_ROOT_REDIRECT": "/mcp",
            "TOOLMESH_CLIENT_DOCUMENT_HOSTS": "*",
            "TOOLMESH_LOGIN_MAX_FAILURES_PER_IP": "0",
            "TOOLMESH_LOGIN_FAILURE_WINDOW": "15m",
            "AUTH_REDIS_URL": "rediss://log-ins.example:6380/0",
        }
    )
    assert settings.auth == "none"
    assert settings.issuer == "https://mesh.example/base"
    assert settings.cors_origins == ("https://app.example", "*.pages.example", "http://*.lab.example")
    assert settings.trusted_proxies == ("10.0.0.5", "fd00::/8")
    assert (settings.login_max_failures_per_ip, settings.login_failure_window_s) == (0, 900.0)
    assert settings.auth_redis_url is not None
    assert "log-ins" not in repr(settings)
