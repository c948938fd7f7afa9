"""The four folder names are generic import names: nothing that is installed may bring a package of the same name."""

from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.source_tree import ROOMS, ROOT


@pytest.mark.parametrize("room", ROOMS)
def test_no_other_distribution_brings_a_package_of_the_name(room: str) -> None:
    assert set(packages_distributions().get(room, ["toolmesh"])) == {"toolmesh"}


@pytest.mark.parametrize("room", ROOMS)
def test_the_package_that_is_imported_is_the_one_in_this_tree(room: str) -> None:
    spec = find_spec(room)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).resolve() == ROOT / room / "__init__.py"
