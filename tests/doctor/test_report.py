"""The report: nothing that a server says reaches the terminal as it is, no secret is shown, and the exit code says how it
went."""

import msgspec
import pytest

from tests.toolmesh.command import refused, toolmesh
from toolmesh.doctor.finding import Finding, Level
from toolmesh.doctor.report import Report
from toolmesh.doctor.shown import clean, quoted

CHECKS = {"url.https", "prm.root"}


def test_what_a_server_says_stays_on_its_line_and_moves_no_cursor() -> None:
    report = Report(CHECKS)
    report.warned("url.https", "it says `\x1b[2J\x9b31m\r\n  PASS  prm.root\u2028\u202eevil\u200b\x00`", "read \x07 it")
    assert report.findings[0].said == "it says ` [2J 31m PASS prm.root evil `"
    assert report.findings[0].fix == "read it"


def test_long_texts_are_cut() -> None:
    assert quoted("x" * 1_000) == f"`{'x' * 300}…`"
    assert len(clean("y " * 10_000)) == 2_001


@pytest.mark.parametrize("secret", ["tmk_0123456789", "a/b+c=0123456789"])
def test_a_secret_is_shown_nowhere(secret: str) -> None:
    shown: list[Finding] = []
    report = Report(CHECKS, shown.append)
    report.hide(secret)
    report.hide("")
    report.hide(None)
    report.failed("prm.root", f"the server says {quoted(secret)}, and ?token=a%2Fb%2Bc%3D0123456789", f"take {secret} away")
    assert secret not in msgspec.json.encode(report.as_json()).decode()
    assert secret not in shown[0].said + shown[0].fix
    if "/" in secret:
        assert "a%2Fb" not in shown[0].said


def test_the_exit_code_says_how_it_went() -> None:
    report = Report(CHECKS)
    assert report.exit_code == 0
    report.passed("url.https", "fine")
    report.skipped("prm.root", "not looked at")
    report.warned("prm.root", "hm", "look")
    assert (report.exit_code, report.as_json()["ok"]) == (0, True)
    report.failed("prm.root", "broken", "mend it")
    assert (report.exit_code, report.as_json()["ok"]) == (1, False)
    report.nothing_seen = True
    assert (report.exit_code, report.as_json()["ok"]) == (2, False)


def test_every_check_is_known_and_every_fault_has_a_way_out() -> None:
    report = Report(CHECKS)
    with pytest.raises(ValueError, match="no group has a check"):
        report.passed("url.nonsense", "fine")
    with pytest.raises(ValueError, match="what to do"):
        report.add("url.https", Level.FAIL, "broken")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mesh.example/mcp", "not an http or https URL"),
        ("ftp://mesh.example/mcp", "not an http or https URL"),
        ("https:///mcp", "not an http or https URL"),
        ("https://mesh.example:99999/mcp", "not an http or https URL"),
        ("https://mesh.example/m cp", "a space or a character that no URL has"),
        ("https://mesh.exämple/mcp", "a space or a character that no URL has"),
        ("https://ada:word@mesh.example/mcp", "no user, password or fragment"),
        ("https://mesh.example/mcp#x", "no user, password or fragment"),
    ],
)
def test_a_url_that_is_none_is_a_matter_of_usage(url: str, words: str) -> None:
    said = refused(toolmesh("doctor", url))
    assert words in said
    assert "https://mesh.example/mcp" in said
    assert ":word" not in said


def test_a_token_and_a_log_in_are_one_too_many() -> None:
    assert "not both" in refused(toolmesh("doctor", "https://mesh.example/mcp", "--token", "x", "--login"))


def test_a_client_that_nobody_knows() -> None:
    assert "chatgpt" in refused(toolmesh("doctor", "https://mesh.example/mcp", "--as", "gemini"))


def test_help_says_what_the_exit_codes_mean() -> None:
    said = " ".join(toolmesh("doctor", "--help").out.split())
    assert "0: fine or warnings, 1: something fails, 2: usage, or nothing answers at URL" in said
