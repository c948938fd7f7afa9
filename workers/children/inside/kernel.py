"""What a child asks of the kernel beside what Python's `os` and `resource` have. Linux."""

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """prctl(2) with one value. Raises OSError."""
    _check(_libc.prctl(option, value, 0, 0, 0))


def unshare(spaces: int) -> None:
    """unshare(2): new namespaces for this process. Raises OSError."""
    _check(_libc.unshare(spaces))


def syscall(number: int, *arguments: ctypes.c_void_p | int) -> int:
    """What the C library has no function for, the same on all architectures or looked up. Raises OSError."""
    passed = [each if isinstance(each, ctypes.c_void_p) else ctypes.c_long(each) for each in arguments]
    _libc.syscall.restype = ctypes.c_long
    return _check(_libc.syscall(ctypes.c_long(number), *passed))


def drop_capabilities() -> None:
    """capset(2) to none. Raises OSError."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
    none = (ctypes.c_uint32 * 6)()
    _check(_libc.capset(header, none))


def _check(outcome: int) -> int:
    if outcome < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(outcome)
