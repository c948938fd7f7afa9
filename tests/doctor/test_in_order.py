"""At a house that is in order the doctor finds nothing, whoever is asked about, and says so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doctor.broken import BrokenHouse
from tests.doctor.examined import Doctor, levels, shown
from toolmesh.doctor.finding import Level
from toolmesh.doctor.groups import CHECKS, GROUPS
from toolmesh.doctor.persona import PERSONAS

LEFT_OPEN = {"url.public"}
"""Of what needs no log-in, with --local."""
NO_DOCUMENT = {"generic": {"cimd.fetched"}}


@pytest.mark.parametrize("persona", PERSONAS)
def test_everything_before_the_log_in_passes(doctor: Doctor, persona: str) -> None:
    report = doctor.look("authorize", persona=persona)
    assert levels(report, Level.FAIL) == [], shown(report)
    assert levels(report, Level.WARN) == [], shown(report)
    assert set(levels(report, Level.SKIP)) == LEFT_OPEN | NO_DOCUMENT.get(persona, set())
    assert report.exit_code == 0


def test_every_check_before_the_log_in_is_made(doctor: Doctor) -> None:
    report = doctor.look("authorize")
    before = {check for group in GROUPS[:7] for check in group.checks}
    only_elsewhere = {
        "prm.challenge",  # where the challenge names a third place
        "prm.open",  # where there is no log-in
        "metadata.equal",  # where there is an OpenID document too
        "registration.open",  # where nobody can
    }
    assert before - {finding.check for finding in report.findings} == only_elsewhere


def test_the_command_prints_a_line_for_each_check_under_its_group(house: BrokenHouse) -> None:
    done = _command(house, "--local", "--as", "generic")
    assert done.returncode == 0, done.stdout
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == f"{house.front.mcp_url}, as a client would come to it"
    assert "1 The URL" in lines
    assert "  PASS  url.https                  The URL is https." in lines
    assert lines[-1].endswith(" fine.")
    assert "\x1b" not in done.stdout


def test_the_command_gives_one_json_object(house: BrokenHouse) -> None:
    done = _command(house, "--local", "--as", "generic", "--json")
    said = json.loads(done.stdout)
    assert (said["url"], said["as"], said["ok"], said["exit"]) == (house.front.mcp_url, "generic", True, 0)
    assert said["counts"]["FAIL"] == 0
    assert {"check", "group", "level", "said", "fix"} == set(said["findings"][0])
    assert {finding["check"] for finding in said["findings"]} <= CHECKS


def test_without_local_it_warns_of_what_the_internet_does_not_reach_and_is_fine_all_the_same(doctor: Doctor) -> None:
    report = doctor.look("url", local=False)
    assert levels(report, Level.WARN) == ["url.public"]
    assert report.exit_code == 0


def _command(house: BrokenHouse, *options: str) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).parent / "toolmesh"
    environment = {"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(house.front.certificates.ca)}
    return subprocess.run(
        [str(command), "doctor", house.front.mcp_url, *options],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
