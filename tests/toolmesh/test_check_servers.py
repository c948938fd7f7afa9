"""What `toolmesh check` says of authorization servers of others."""

from pathlib import Path

import pytest

from toolmesh.check import examine

PUBLIC = {"TOOLMESH_ISSUER": "https://mesh.example", "TOOLMESH_TRUSTED_PROXIES": "10.0.0.5"}
ALONE = {**PUBLIC, "TOOLMESH_OWN_AUTHORIZATION_SERVER": "off"}
ONE = "issuer: https://one.example, allow: {groups: [staff]}"
TWO = "issuer: https://two.example, allow: {groups: [staff]}"
RULES = "plans: {free: {allow: ['**']}}\n"


def warnings(directory: Path, environment: dict[str, str], *entries: str) -> list[str]:
    """Those of the servers."""
    (directory / "authorization.yaml").write_text(RULES)
    (directory / "authorization-servers.yaml").write_text("servers:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries))
    report = examine(environment, directory)
    assert report.errors == []
    return [text for text in report.warnings if "authorization-servers.yaml" in text]


def test_a_strict_entry_needs_no_warning(tmp_path: Path) -> None:
    assert warnings(tmp_path, PUBLIC, ONE) == []
    assert warnings(tmp_path, ALONE, ONE, TWO) == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (f"{ONE}, audiences: [mesh]", "good at every endpoint here"),
        (f"{ONE}, types: [at+jwt, JWT]", "with the type `JWT` a token need not say that it is an access token"),
        (f"{ONE}, types: [absent, JWT]", "with the type `absent` a token need not say that it is an access token"),
        (f"{ONE}, token_life_s_max: 604800", "may live for 604800 s"),
        (ONE.replace("groups: [staff]", "everyone: true"), "lets in whoever that server gives a token"),
    ],
)
def test_what_is_weaker_than_it_need_be_is_said(entry: str, said: str, tmp_path: Path) -> None:
    (found,) = warnings(tmp_path, PUBLIC, entry)
    assert found.startswith("authorization-servers.yaml: https://one.example: ")
    assert said in found


def test_a_server_whose_tokens_can_t_change_anything_is_named(tmp_path: Path) -> None:
    found = warnings(tmp_path, ALONE, f"{ONE}, scopes: {{mesh.read: ['tools:read']}}")
    assert len(found) == 1
    assert "no scope of `scopes` stands for tools:write" in found[0]


@pytest.mark.parametrize(
    ("environment", "entries", "said"),
    [
        (PUBLIC, (f"{ONE}, scope_prefix: api/",), "of https://one.example, and https://mesh.example knows other ones"),
        (
            {**PUBLIC, "TOOLMESH_OWN_AUTHORIZATION_SERVER": "first"},
            (f"{ONE}, scope_prefix: api/",),
            "of https://mesh.example, and https://one.example knows other ones",
        ),
        (ALONE, (f"{ONE}, scope_prefix: api/", TWO), "of https://one.example, and https://two.example knows other ones"),
    ],
)
def test_servers_that_call_scopes_differently_are_named(
    environment: dict[str, str], entries: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    (found,) = warnings(tmp_path, environment, *entries)
    assert said in found


def test_that_nobody_is_told_of_the_servers_is_said(tmp_path: Path) -> None:
    (tmp_path / "authorization-servers.yaml").write_text(f"servers:\n  - {{{ONE}}}\n")
    (tmp_path / "authorization.yaml").write_text("anonymous: {allow: ['echo_*']}\n")
    found = examine({**PUBLIC, "TOOLMESH_AUTH": "none"}, tmp_path).warnings
    assert [text for text in found if "no client is told of the servers in authorization-servers.yaml" in text]


def test_an_entry_that_can_t_be_read_is_an_error_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "authorization-servers.yaml").write_text("servers:\n  - issuer: https://mesh.example\n")
    report = examine(PUBLIC, tmp_path)
    assert len(report.errors) == 2, report.errors
    assert all(text.startswith("authorization-servers.yaml:2: ") for text in report.errors)
