"""What the tests of this folder share."""

from pathlib import Path

import pytest

from tests.certificates import Authority


@pytest.fixture(scope="package")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A CA of the tests' own; a test that wants it trusted sets SSL_CERT_FILE."""
    directory: Path = tmp_path_factory.mktemp("ca")
    return Authority(directory)
