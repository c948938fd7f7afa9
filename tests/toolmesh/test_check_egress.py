"""What `toolmesh check` says of where backends lead, and of certificates that nobody looks at."""

from pathlib import Path

import pytest

from toolmesh.check import Report, examine


def checked(directory: Path, entry: str) -> Report:
    (directory / "backends.yaml").write_text(
        f"backends:\n  - {{name: a, transport: http, class: {{x: read}}, url: 'https://a.example/mcp', {entry}}}\n"
    )
    return examine({}, directory)


def test_that_certificates_are_not_verified_is_said_loudly(tmp_path: Path) -> None:
    assert any("NOT verified" in text for text in checked(tmp_path, "tls_skip_verify: true").warnings)
    assert not any("NOT verified" in text for text in checked(tmp_path, "tls_skip_verify: false").warnings)


def test_public_addresses_alone_is_a_configuration_like_any_other(tmp_path: Path) -> None:
    report = checked(tmp_path, "allow_private_url: false, private_hosts: [db.example:5432, 10.0.0.0/8, '[fd00::1]:81']")
    assert [text for text in report.errors + report.warnings if "backend a" in text or "backends.yaml" in text] == []


@pytest.mark.parametrize("listed", ["http://b.example", "10.0.0.7/8", "a b", "127.1"])
def test_a_list_that_can_not_be_read_is_an_error_with_its_line(tmp_path: Path, listed: str) -> None:
    (error,) = checked(tmp_path, f"private_hosts: ['{listed}']").errors
    assert error.startswith("backends.yaml:2:")
    assert listed in error
