"""The npm packages that tests run are pinned with hashes, wherever they come from."""

import json
import re
from typing import Any

from tests.clients import node

LOCK = node.ROOT / "tests" / "clients" / "package-lock.json"


def packages() -> dict[str, Any]:
    locked: dict[str, Any] = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]
    return {name: package for name, package in locked.items() if name}


def test_the_npm_lock_pins_every_package_with_a_hash() -> None:
    assert len(packages()) > 100
    loose = [name for name, package in packages().items() if not package.get("integrity", "").startswith("sha512-")]
    assert not loose


def test_the_npm_lock_names_no_address() -> None:
    assert not re.findall(r'"resolved"|\w+://|"git\+|"file:', LOCK.read_text(encoding="utf-8"))


def test_the_npm_lock_holds_the_exact_versions_that_are_asked_for() -> None:
    asked = json.loads((LOCK.parent / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert {name: packages()[f"node_modules/{name}"]["version"] for name in asked} == asked
