"""A process that keeps to itself can't be read by what it starts."""

import os
import subprocess
import sys

import pytest

from tests.mesh import ROOT

PROGRAM = """
import ctypes, os, sys
sys.path.insert(0, sys.argv[2])
from shared.privacy import keep_to_oneself
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # a change of user alone has the same effect
if sys.argv[1] == "hidden":
    assert keep_to_oneself()
if os.fork() == 0:
    os.execv("/bin/cat", ["cat", f"/proc/{os.getppid()}/environ"])
sys.exit(0 if os.wait()[1] == 0 else 3)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
@pytest.mark.parametrize(("mode", "found"), [("open", True), ("hidden", False)])
def test_a_child_of_the_same_user_reads_the_environment_only_where_nothing_is_done(mode: str, found: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, mode, str(ROOT)],
        env={"PATH": os.environ["PATH"], "CREDENTIAL_X": "hunter2", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (b"CREDENTIAL_X=hunter2" in done.stdout) == found, done.stderr.decode()
    assert done.returncode == (0 if found else 3), done.stderr.decode()
