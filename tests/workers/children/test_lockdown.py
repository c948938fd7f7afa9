"""Code that has broken out of its engine finds nothing in its child: no network, file, secret, process, or other right."""

import asyncio
import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.errors import SandboxUnavailable
from shared.settings import Settings
from tests.workers.children import payloads
from tests.workers.children.payloads import PAYLOAD, pool_of, run, tell
from workers.children.child import start_child
from workers.children.engine import Engine
from workers.children.inside.lockdown import KEPT

ROOT = Path(__file__).parents[3]
DENIED = (errno.EPERM, errno.EACCES, errno.EMFILE, errno.EAGAIN)


Told = Callable[[str], Any]


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    """What code finds in one child, which outlives all of it."""
    with asyncio.Runner() as runner:
        child = runner.run(start_child(PAYLOAD, Settings()))
        yield lambda python: runner.run(payloads.told(child, python))
        child.kill()
        runner.run(asyncio.wait((child.ended,)))


def told_alone(python: str) -> Any:
    """The same of a child that is started for it."""

    async def ask() -> Any:
        async with pool_of(children_spare=0) as pool:
            return await tell(pool, python)

    return run(ask)


@pytest.mark.parametrize(
    "python",
    [
        "socket.socket()",
        "socket.socket(socket.AF_UNIX)",
        "socket.socketpair()",
        "open('/etc/passwd')",
        "open('/proc/self/environ', 'rb')",
        "open(f'/proc/{os.getppid()}/environ', 'rb')",
        "open(f'/proc/{os.getppid()}/cmdline', 'rb')",
        "os.listdir('/')",
        "os.stat('/etc/passwd')",
        "os.open('/tmp', os.O_RDONLY)",
        "open('/tmp/written', 'w')",
        "os.mkdir('/tmp/made')",
        "os.unlink('/etc/hostname')",
        "os.chdir('/tmp')",
        "os.memfd_create('x')",
        "os.pipe()",
        "os.dup(0)",
        "fcntl.fcntl(0, fcntl.F_DUPFD, 5)",
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.execv('/bin/true', ['true'])",
        "os.kill(os.getppid(), 0)",
        "os.kill(os.getpid(), 9)",
        "os.pidfd_open(os.getppid())",
        "os.setuid(0)",
        "os.nice(-10)",
        "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
        "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (0, 0))",
        "os.sched_setaffinity(os.getppid(), {0})",
        "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    ],
)
def test_what_would_reach_out_is_refused(told: Told, python: str) -> None:
    found = told(python)
    assert found["errno"] in DENIED, found


@pytest.mark.parametrize(
    "call",
    [
        "libc.ptrace(16, os.getppid(), 0, 0)",
        "libc.process_vm_readv(os.getppid(), None, 0, None, 0, 0)",
        "libc.unshare(0x10000000)",
        "libc.mount(None, b'/', None, 0, None)",
        "libc.chroot(b'/')",
        "libc.personality(0)",
        "libc.setns(0, 0)",
        "libc.prctl(22, 0, 0, 0, 0)",
        "libc.syscall(425, 8, 0)",
        "libc.syscall(321, 0, 0, 0)",
        "libc.syscall(250, 0, 0, 0)",
    ],
    ids=[
        "ptrace",
        "read-memory",
        "unshare",
        "mount",
        "chroot",
        "personality",
        "setns",
        "prctl",
        "io_uring",
        "bpf",
        "keyctl",
    ],
)
def test_system_calls_that_no_program_of_ours_makes_are_refused(told: Told, call: str) -> None:
    assert told(f"outcome = {call}\nfound = [outcome, ctypes.get_errno()]") == [-1, errno.EPERM]


def test_there_is_no_environment() -> None:
    os.environ["TOOLMESH_TEST_SECRET"] = "swordfish"
    try:
        assert told_alone("found = dict(os.environ)") == {}
        heap = (
            "found = [b'swordfish' in bytes(repr(o), 'utf-8', 'replace') for o in gc.get_objects() if isinstance(o, dict)]"
        )
        assert not any(told_alone(heap))
    finally:
        del os.environ["TOOLMESH_TEST_SECRET"]


def test_no_descriptor_is_open_but_its_line() -> None:
    ours, theirs = socket.socketpair()
    os.set_inheritable(theirs.fileno(), True)
    look = """
found = {}
for number in range(4096):
    try:
        found[number] = os.lseek(number, 0, os.SEEK_CUR)
    except OSError as cause:
        if cause.errno != 9:
            found[number] = cause.errno
"""
    try:
        assert told_alone(look) == {"0": errno.ESPIPE, "1": 0, "2": 0}, "the line, and twice /dev/null"
    finally:
        ours.close()
        theirs.close()


def test_no_thread_can_be_started(told: Told) -> None:
    assert told("threading.Thread(target=print).start()")["raised"] == "RuntimeError"


def test_nothing_can_be_imported(told: Told) -> None:
    assert told("import sqlite3")["raised"] == "ModuleNotFoundError"
    assert told("import importlib.metadata, decimal")["raised"] == "ModuleNotFoundError"


def test_memory_ends_at_its_limit_and_the_child_goes_on() -> None:
    async def check() -> None:
        async with pool_of(children_spare=0, child_memory_mib=64) as pool, pool.child("payload", "ada", 5.0) as child:
            await child.send({"run": "payload", "python": "found = bytearray(100 << 20)"})
            assert (await child.receive())["done"]["value"] == {"raised": "MemoryError", "errno": None}
            await child.send({"run": "payload", "python": "found = len(bytearray(32 << 20))"})
            assert (await child.receive())["done"]["value"] == 32 << 20

    run(check)


def test_it_says_what_is_kept_from_it_and_by_what() -> None:
    async def check() -> None:
        async with pool_of(children_spare=0) as pool, pool.child("payload", "ada", 5.0) as child:
            assert tuple(child.given) == KEPT
            assert all(child.given.values()), child.refused
            assert "system calls" in child.given["network"]

    run(check)


def alone(code: str) -> str:
    """What one means by itself does, without the others behind it."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=20, check=False)
    return done.stdout.strip() or done.stderr


def test_what_a_system_does_not_have_is_said_and_the_rest_holds() -> None:
    program = Path(__file__).with_name("poor_system.py")
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["refused"].keys() == {"namespace", "landlock", "system calls"}
    assert set(said["refused"].values()) == {os.strerror(errno.EPERM)}
    assert said["given"]["network"] == said["given"]["files"] == []
    assert said["given"]["memory"] == said["given"]["cpu"] == ["limit"]
    assert said["given"]["new privileges"] == ["prctl"]
    assert said["answer"] == 42


def test_its_own_network_has_nothing_in_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"""
from workers.children.inside import lockdown
import socket
lockdown._leave_network()
try:
    socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 1)
except OSError as cause:
    print(cause.errno)
"""
        assert alone(code) == str(errno.ENETUNREACH)


def test_landlock_by_itself_leaves_no_file_and_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"""
from workers.children.inside import kernel, landlock
import os, socket
kernel.prctl(38, 1)
landlock.restrict()
for step in (lambda: open('/etc/passwd'), lambda: os.listdir('/'), lambda: open('/tmp/written', 'w'),
             lambda: socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 1),
             lambda: os.kill(os.getppid(), 0)):
    try:
        step()
        print('done', end=' ')
    except OSError as cause:
        print(cause.errno, end=' ')
"""
        assert alone(code) == f"{errno.EACCES} {errno.EACCES} {errno.EACCES} {errno.EACCES} {errno.EPERM}"


def test_a_child_whose_engine_starts_a_thread_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "threaded.py").write_text("import threading\nthreading.Thread(target=threading.Event().wait).start()\n")

    async def check() -> str:
        with pytest.raises(SandboxUnavailable) as raised:
            await start_child(Engine("threaded", "threaded", paths=(str(tmp_path),)), Settings())
        return raised.value.detail

    assert "has started a thread" in run(check)
