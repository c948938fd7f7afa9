"""The image: hashes, no build tools, no secrets, not root."""

import re

from tests.mesh import ROOT

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STAGES = {
    (name or f"stage {number}"): body
    for number, (name, body) in enumerate(re.findall(r"^FROM \S+(?: AS (\S+))?\n(.*?)(?=^FROM|\Z)", TEXT, re.M | re.S))
}


def test_base_images_are_pinned_and_of_both_processors() -> None:
    images = [image for image in re.findall(r"^FROM (\S+)", TEXT, re.M) if image not in STAGES]
    assert images
    for image in images:
        assert re.fullmatch(r"(python:3\.\d+-slim|node:\d+-\w+-slim)(-\w+)?", image), image
    assert "--platform=" not in TEXT


def test_packages_come_as_wheels_with_hashes_and_the_project_without_a_look_at_any_index() -> None:
    installs = re.findall(r"pip --python \S+ install ([^\\\n]*)", STAGES["build"])
    assert len(installs) == 2
    assert installs[0] == "--require-hashes --only-binary :all: -r requirements.lock"
    assert installs[1].split() == ["--no-deps", "--no-build-isolation", "--no-index", "."]


def test_what_only_builds_does_not_stay() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.findall(r"^([a-z0-9-]+)==.*?(?=^[a-z0-9-]+==|\Z)", lock, re.M | re.S)
    bodies = dict(zip(entries, re.split(r"^[a-z0-9-]+==", lock, flags=re.M)[1:], strict=True))
    builders = {"hatchling"} | {name for name, body in bodies.items() if re.search(r"# via hatchling\s*\Z", body)}
    removed = re.search(r"uninstall --yes (.*)", STAGES["build"])
    assert removed is not None
    assert set(removed[1].split()) == builders


def test_the_image_runs_the_command_as_an_ordinary_user() -> None:
    for stage in ("runtime", "worker-node"):
        users = re.findall(r"^USER (\S+)", STAGES[stage], re.M)
        assert users[-1] == "10001:10001"
    assert 'ENTRYPOINT ["toolmesh"]' in STAGES["runtime"]
    assert "STOPSIGNAL SIGTERM" in STAGES["runtime"]
    assert "HEALTHCHECK" not in TEXT, "compose.yaml has one for each role"
    assert TEXT.rstrip().endswith("FROM runtime"), "docker build makes the image without Node"


def test_only_what_is_installed_goes_to_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    copied = {name for line in re.findall(r"^COPY (?!--from)(.*)", TEXT, re.M) for name in line.split()[:-1]}
    assert sent == copied
    assert not sent & {"config", "data", "secrets", ".env", "tests", "bench", "."}
    assert not re.search(r"(?i)^(ARG|ENV).*(password|secret|token|_key)", TEXT, re.M)
