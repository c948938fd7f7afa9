"""One scene for each file of fault tests; every test finds it whole."""

from collections.abc import Iterator

import pytest

from tests.faults.scene import Scene, scene


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The module's scene. A module says in `SCENE` what its roles need (`edges`, `workers`, settings)."""
    with scene(tmp_path_factory.mktemp("scene"), **getattr(request.module, "SCENE", {})) as found:
        yield found
