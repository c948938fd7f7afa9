"""What the pages say can be followed: links lead somewhere, settings, checks and commands exist, snippets can be read."""

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import typer.core
import yaml

from shared.known_names import KNOWN
from tests.source_tree import ROOT
from toolmesh.__main__ import app
from toolmesh.doctor import offline
from toolmesh.doctor.groups import CHECKS

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^]]*]\(([^)\s]+)\)")
PROMPT = re.compile(r"^ *(?:\$ |# )(.*)$", re.MULTILINE)
_BEFORE_A_COMMAND = ("&&", "sudo")
_BEHIND_A_COMMAND = ("|", "&&", ";", ">", "&")
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#{1,6} (.*)$", BLOCK.sub("", text_of(page)), re.MULTILINE):
        said = re.sub(r"\[([^]]*)]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", said.lower()).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
        if found[slug]:
            found[f"{slug}-{found[slug]}"] = 0
    return set(found)


def blocks(page: Path, *kinds: str) -> Iterator[str]:
    """The page's blocks of code of these kinds, without the indentation that they have as part of a list."""
    for indent, kind, body in BLOCK.findall(text_of(page)):
        if kind in kinds:
            yield re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)


@every_page
def test_links_lead_to_files_and_headings_that_there_are(page: Path) -> None:
    dead = []
    for link in LINK.findall(BLOCK.sub("", text_of(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


@every_page
def test_settings_that_are_named_are_known(page: Path) -> None:
    # What ends in an underline (`TOOLMESH_SERVICE_*`) stands for many.
    named = set(re.findall(r"\b(?:TOOLMESH|AUTH_REDIS)_[A-Z0-9_]*[A-Z0-9]\b", text_of(page)))
    assert named - KNOWN == set()


def test_the_guides_table_of_symptoms_names_checks_that_there_are() -> None:
    page = text_of(ROOT / "docs" / "connect-chatgpt.md")
    rows = re.findall(r"^\| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", page.partition("## Troubleshooting")[2], re.MULTILINE)[
        2:
    ]
    assert len(rows) > 15
    by_a_server = [row for row in rows if len(row[2]) > 1]
    assert len(by_a_server) >= len(rows) - 5, "what no server causes is the exception"
    for symptom, _, checks, fix in by_a_server:
        found = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", checks))
        assert found, symptom
        assert found <= CHECKS | set(offline.CHECKS), symptom
        assert fix


def commands(page: Path) -> Iterator[list[str]]:
    """The `toolmesh …` that the page has one type, each as its arguments."""
    for body in blocks(page, "console"):
        for line in PROMPT.findall(body):
            try:
                words = shlex.split(line, comments=True)
            except ValueError:  # an apostrophe of the prose in it
                continue
            for number, word in enumerate(words):
                before = words[number - 1] if number else "&&"
                if word.rpartition("/")[2] == "toolmesh" and ("=" in before or before in _BEFORE_A_COMMAND):
                    rest = words[number + 1 :]
                    end = next((n for n, each in enumerate(rest) if each in _BEHIND_A_COMMAND), len(rest))
                    yield rest[:end]


def parse(arguments: list[str]) -> None:
    """As the command does, without running it. Raises what it says of wrong usage."""
    command = typer.main.get_command(app)
    context = command.make_context("toolmesh", arguments)
    while isinstance(command, typer.core.TyperGroup):
        name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        context = found.make_context(name, rest, parent=context)
        command = found


@every_page
def test_commands_that_are_shown_can_be_typed(page: Path) -> None:
    for arguments in commands(page):
        if "…" not in arguments:
            parse(arguments)


def test_there_are_commands_to_look_at() -> None:
    assert ["user", "add", "ada", "--plan", "pro"] in list(commands(ROOT / "docs" / "connect-chatgpt.md"))
    assert sum(len(list(commands(page))) for page in PAGES) > 20


@every_page
def test_snippets_can_be_read(page: Path) -> None:
    for body in blocks(page, "json"):
        json.loads(body)
    for body in blocks(page, "toml"):
        tomllib.loads(body)
    for body in blocks(page, "yaml"):
        yaml.safe_load(body)
