"""One house of scripts for each module that runs scripts."""

from collections.abc import Iterator

import pytest

from tests.workers.children.house_of_scripts import House


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Children, warm; closed with the module."""
    house = House(children_spare=1, child_runs_max=1000)
    yield house
    house.close()
