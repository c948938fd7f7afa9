"""What `toolmesh check` says of a file that asks for another backend's credential."""

import json
from pathlib import Path

import pytest

from tests.toolmesh.command import toolmesh
from tests.workers.rest.written import PLAIN, auth

WX = "{name: wx, transport: rest, dadl: wx.dadl}"
BEARER = auth("{type: bearer, credential: wx}")
OTHER = "{type: oauth2, token_url: 'https://tokens.example/t', client_id_credential: id, client_secret_credential: WX}"


def said(tmp_path: Path, *entries: str) -> list[str]:
    """Warnings about credentials that are shared."""
    (tmp_path / "backends.yaml").write_text("backends:\n" + "".join(f"  - {entry}\n" for entry in entries))
    (tmp_path / "dadl").mkdir()
    (tmp_path / "dadl" / "wx.dadl").write_text(BEARER)
    (tmp_path / "dadl" / "other.dadl").write_text(auth(OTHER).replace("https://wx.example", "https://other.example"))
    (tmp_path / "dadl" / "plain.dadl").write_text(PLAIN)
    done = toolmesh("check", "--json", "--config", str(tmp_path), TOOLMESH_API_KEY="k" * 32)
    return [text for text in json.loads(done.out)["warnings"] if "asks for" in text]


def test_a_file_that_asks_for_the_credential_of_another_backend_is_told_with_where_it_goes(tmp_path: Path) -> None:
    first, second = said(tmp_path, WX, "{name: other, transport: rest, dadl: other.dadl}")
    assert first.startswith(
        "backend wx: its file asks for CREDENTIAL_WX, which other uses too, and sends it to wx.example."
    )
    assert (
        "backend other: its file asks for CREDENTIAL_WX, which wx uses too, and sends it to other.example, tokens."
        in second
    )
    assert "`env: {CREDENTIAL_WX: CREDENTIAL_WX}`" in second


def test_the_credential_of_a_server_that_speaks_mcp_is_anothers_too(tmp_path: Path) -> None:
    server = "{name: notes, transport: http, url: 'https://notes.example/mcp', api_key_env: WX}"
    (only,) = said(tmp_path, server, WX)
    assert only.startswith("backend wx: its file asks for CREDENTIAL_WX, which notes uses too")


@pytest.mark.parametrize(
    "how", ["env: {CREDENTIAL_WX: CREDENTIAL_WX}", "env: {CREDENTIAL_WX: CREDENTIAL_OTHER}", "group: apart"]
)
def test_what_the_entry_says_itself_or_other_workers_hold_is_right(tmp_path: Path, how: str) -> None:
    other = f"{{name: other, transport: rest, dadl: other.dadl, {how}}}"
    expected = 1 if how.endswith(": CREDENTIAL_WX}") else 0
    found = said(tmp_path, WX, other)
    assert [text for text in found if text.startswith("backend other")] == []
    assert len(found) == expected
