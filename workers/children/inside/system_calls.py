"""A filter that lets a child make those system calls alone that computing and its one line need (seccomp(2), mode filter).

All others, and all that are not known yet, fail with EPERM: sockets, opening anything, starting processes or threads,
reading other processes. Some pass only where they harm nobody: no memory that can be run, signals to itself alone.
"""

import ctypes
import os
import struct
import sys

from workers.children.inside.kernel import syscall

_SET_MODE_FILTER = 1
_ALL_THREADS = 1
"""SECCOMP_FILTER_FLAG_TSYNC."""
_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_BITS = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | 1  # SECCOMP_RET_ERRNO | EPERM
_KILL = 0x80000000  # SECCOMP_RET_KILL_PROCESS
_AT_NUMBER = 0
_AT_ARCHITECTURE = 4
_AT_ARGUMENTS = 16
_PROT_EXEC = 4

# Name → number on x86_64, on aarch64 (asm/unistd_64.h, asm-generic/unistd.h); None: it is not there.
_HARMLESS: dict[str, tuple[int, int | None]] = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "select": (23, None),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "exit": (60, 93),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "times": (100, 153),
    "getuid": (102, 174),
    "getgid": (104, 176),
    "geteuid": (107, 175),
    "getegid": (108, 177),
    "getppid": (110, 173),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "pselect6": (270, 72),
    "getcpu": (309, 168),
    "getrandom": (318, 278),
}
_MAPPING = {"mmap": (9, 222), "mprotect": (10, 226)}
_TO_ITSELF = {"tgkill": (234, 131)}
_OF_ITSELF = {"prlimit64": (302, 261)}
_SECCOMP = (317, 277)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Which of the numbers counts, and what the kernel calls it (linux/audit.h)."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def restrict() -> None:
    """From now on, for all threads of this process. Raises OSError where that can't be."""
    known = _ARCHITECTURES.get(os.uname().machine)
    if known is None or sys.maxsize < 1 << 32:
        raise OSError(0, f"not for {os.uname().machine}")
    column, architecture = known
    install(column, _filter(column, architecture))


def install(column: int, instructions: bytes) -> None:
    """Have the kernel run a program at each system call. Raises OSError."""
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    program = _Program(len(instructions) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    pointer = ctypes.cast(ctypes.pointer(program), ctypes.c_void_p)
    if syscall(_SECCOMP[column], _SET_MODE_FILTER, _ALL_THREADS, pointer):
        raise OSError(0, "a thread could not be restricted")


def _filter(column: int, architecture: int) -> bytes:
    """The program: first who asks, then each call that may pass; what is left over is refused."""
    lines = [
        _line(_LOAD, _AT_ARCHITECTURE),
        _line(_IF_EQUAL, architecture, skip=1),
        _line(_RETURN, _KILL),
        _line(_LOAD, _AT_NUMBER),
    ]
    for number in (numbers[column] for numbers in _HARMLESS.values()):
        if number is not None:
            lines += [_line(_IF_EQUAL, number, otherwise=1), _line(_RETURN, _ALLOW)]
    for numbers in _MAPPING.values():
        lines += _checked(numbers[column], 2, [_line(_IF_BITS, _PROT_EXEC, skip=1)])
    for numbers in _TO_ITSELF.values():
        lines += _checked(numbers[column], 0, [_line(_IF_EQUAL, os.getpid(), otherwise=1)])
    for numbers in _OF_ITSELF.values():
        lines += _checked(numbers[column], 0, [_line(_IF_EQUAL, 0, otherwise=1)])
    return b"".join([*lines, _line(_RETURN, _REFUSE)])


def _checked(number: int, argument: int, check: list[bytes]) -> list[bytes]:
    """A call that passes where the check of the low half of one argument does not skip the next line."""
    body = [_line(_LOAD, _AT_ARGUMENTS + 8 * argument), *check, _line(_RETURN, _ALLOW), _line(_RETURN, _REFUSE)]
    return [_line(_IF_EQUAL, number, otherwise=len(body)), *body]


def _line(code: int, value: int, *, skip: int = 0, otherwise: int = 0) -> bytes:
    """One instruction: `skip` so many lines where a condition holds, `otherwise` so many."""
    return struct.pack("=HBBI", code, skip, otherwise, value)
