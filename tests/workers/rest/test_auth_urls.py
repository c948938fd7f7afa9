"""The URLs of `auth`: pages that a person would open, and endpoints that secrets are sent to."""

from pathlib import Path

import pytest

from tests.workers.rest.written import auth
from workers.backends.rest.reader.authenticating import is_http_url
from workers.backends.rest.reader.loading import load_definition

BAD = (
    *(
        "file:///etc/passwd",
        "javascript:alert(1)",
        "$(calc)",
        "data:text/html,x",
        "vscode://x",
        "ftp://a.example",
        "//a.example",
    ),
    *(
        "http://",
        "https:///x",
        "https://user@a.example",
        "https://:x@a.example",
        "https://[::1",
        "https://a.example:99999/",
    ),
    *(
        "https://a b/",
        "https://a.example/\n",
        "java\nscript:alert(1)",
        "ht\ttps://a.example",
        "https://a.example\\\\@b.example",
    ),
)


@pytest.mark.parametrize("url", BAD)
@pytest.mark.parametrize("key", ["token_url", "authorize_url", "redirect_uri"])
def test_a_url_that_would_open_or_run_something_else_is_refused(tmp_path: Path, key: str, url: str) -> None:
    urls = {"token_url": "https://a.example/t", "authorize_url": "https://a.example/a", key: url.replace("\n", "\\n")}
    said = ", ".join(f'{name}: "{text}"' for name, text in urls.items())
    block = f"{{type: oauth2, flow: authorization_code, {said}, client_id_credential: a, refresh_token_credential: b}}"
    path = tmp_path / "wx.dadl"
    path.write_text(auth(block))
    loaded = load_definition(path)
    assert loaded.definition is None
    assert [problem.text for problem in loaded.problems if problem.severity == "error"] == [
        f"`{key}` of `auth` is not an http or https URL. Write for instance `https://…/token`."
    ]


@pytest.mark.parametrize("url", ["https://a.example", "http://a.example:8080/t?x=y", "https://[2001:db8::1]/t"])
def test_a_web_address_is_one(url: str) -> None:
    assert is_http_url(url)
