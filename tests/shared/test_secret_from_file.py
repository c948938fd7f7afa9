"""Secrets that are read from files: the convention of container secrets."""

from pathlib import Path

import pytest

from shared.environment import load_settings
from shared.errors import ConfigurationError
from shared.findings import problems_of


def problems(**environment: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environment)
    return problems_of(caught.value)


def test_a_value_is_read_from_the_file_without_the_space_around_it(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://edge:pw@host/0\n")
    (tmp_path / "sum").write_text("  " + "a" * 64 + "\n")
    settings = load_settings(
        {"REDIS_URL_FILE": str(tmp_path / "url"), "TOOLMESH_OWNER_KEY_SHA256_FILE": str(tmp_path / "sum")}
    )
    assert settings.redis_url.reveal() == "redis://edge:pw@host/0"
    assert settings.owner_key_sha256 == "a" * 64


def test_a_value_and_a_file_that_contradict_each_other_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("one-key-of-the-owner")
    file = str(tmp_path / "key")
    (problem,) = problems(TOOLMESH_API_KEY_FILE=file, TOOLMESH_API_KEY="another-key-of-the-owner")
    assert "TOOLMESH_API_KEY_FILE" in problem
    assert "owner" not in problem
    assert load_settings({"TOOLMESH_API_KEY_FILE": file, "TOOLMESH_API_KEY": "one-key-of-the-owner"}).api_key is not None


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"])
def test_a_file_that_gives_no_value_stops_the_start(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    (problem,) = problems(TOOLMESH_API_KEY_FILE=str(tmp_path / "key"))
    assert problem.startswith("TOOLMESH_API_KEY_FILE names ")


def test_a_value_from_a_file_is_checked_like_any_other_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("htp://user:hunter2@host/0")
    (problem,) = problems(REDIS_URL_FILE=str(tmp_path / "url"))
    assert "REDIS_URL" in problem
    assert "hunter2" not in problem
