"""The upstreams that the tests of this folder share; a test that kills one starts its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.upstreams.started import Upstream


@contextmanager
def _upstream(factory: pytest.TempPathFactory, kind: str, *options: str) -> Iterator[Upstream]:
    upstream = Upstream(factory.mktemp(kind), kind, *options)
    try:
        yield upstream
    finally:
        upstream.kill()


@pytest.fixture(scope="package")
def modern(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """The SDK's server, both eras on one endpoint."""
    with _upstream(tmp_path_factory, "everything") as upstream:
        yield upstream


@pytest.fixture(scope="package")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """The SDK's server, 2025 era only, with sessions, streams and events that are kept."""
    with _upstream(tmp_path_factory, "everything", "--era", "legacy", "--resumable") as upstream:
        yield upstream


@pytest.fixture(scope="package")
def sse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """The SDK's server over HTTP+SSE, at a URL that does not say so."""
    with _upstream(tmp_path_factory, "everything", "--sse") as upstream:
        yield upstream


@pytest.fixture(scope="package", params=["modern", "legacy", "sse"])
def upstream(request: pytest.FixtureRequest) -> Upstream:
    """The SDK's server in each era."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Upstream)
    return found


@pytest.fixture(scope="package")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """The bad one, modern era."""
    with _upstream(tmp_path_factory, "evil") as upstream:
        yield upstream


@pytest.fixture(scope="package")
def evil_legacy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """The bad one, 2025 era."""
    with _upstream(tmp_path_factory, "evil", "--era", "legacy") as upstream:
        yield upstream


@pytest.fixture(scope="package")
def evil_sse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """The bad one, HTTP+SSE."""
    with _upstream(tmp_path_factory, "evil_sse") as upstream:
        yield upstream


@pytest.fixture
def own(tmp_path: Path) -> Iterator["Starter"]:
    """Starts upstreams of the test's own."""
    starter = Starter(tmp_path)
    try:
        yield starter
    finally:
        for upstream in starter.started:
            upstream.kill()


class Starter:
    """Starts upstreams and keeps them for the end."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.started: list[Upstream] = []

    def __call__(self, kind: str, *options: str) -> Upstream:
        upstream = Upstream(self._directory, kind, *options)
        self.started.append(upstream)
        return upstream
