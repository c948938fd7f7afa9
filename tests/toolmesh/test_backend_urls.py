"""URLs that stand for those of backends.yaml."""

import json
from pathlib import Path

import pytest

from shared.backend_urls import notes_of_urls, with_urls
from shared.configuration import ECHO, BackendEntry
from shared.errors import ConfigurationError
from tests.toolmesh.command import toolmesh

NOTES = BackendEntry(name="notes", transport="http", url="https://notes.example/mcp")
DESK = BackendEntry(name="desk", transport="rest", dadl="desk.dadl")
ENTRIES = (ECHO, NOTES, DESK)


def test_a_url_that_is_said_stands_for_that_of_the_file_and_for_none() -> None:
    found = with_urls(ENTRIES, ["notes=http://10.0.0.1:8000/mcp?a=b", " desk = https://desk.example "])
    assert [entry.url for entry in found] == [None, "http://10.0.0.1:8000/mcp?a=b", "https://desk.example"]
    assert with_urls(ENTRIES, []) == ENTRIES


def test_a_name_that_no_entry_has_is_let_pass_and_noted_with_the_nearest() -> None:
    said = ["note=https://x.example"]
    assert with_urls(ENTRIES, said) == ENTRIES
    (note,) = notes_of_urls(ENTRIES, said)
    assert note == (
        "TOOLMESH_BACKEND_URLS names a backend `note`, which backends.yaml does not have. Did you mean `notes`?"
    )
    assert notes_of_urls(ENTRIES, ["desk=https://x.example"]) == ()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("notes", "a list of `name=url`"),
        ("=https://x.example", "a list of `name=url`"),
        ("notes=ftp://x.example", "not an http or https URL"),
        ("notes=https://someone:canary@x.example", "a user or password in a URL"),
        ("echo=https://x.example", "`echo`, which is of transport `echo` and has none"),
    ],
)
def test_what_can_not_be_meant_is_refused_without_showing_it(said: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as refused:
        with_urls(ENTRIES, [said])
    assert "canary" not in str(refused.value)


def test_check_takes_it_into_account(tmp_path: Path) -> None:
    (tmp_path / "backends.yaml").write_text("backends:\n  - {name: notes, transport: http, url: 'https://n.example'}\n")
    urls = "notes=http://n.example/mcp,nots=http://n.example"
    done = toolmesh("check", "--json", "--config", str(tmp_path), TOOLMESH_API_KEY="k" * 32, TOOLMESH_BACKEND_URLS=urls)
    warnings = json.loads(done.out)["warnings"]
    assert any("http://n.example/mcp is not encrypted" in text for text in warnings)
    assert any("`nots`, which backends.yaml does not have" in text for text in warnings)
