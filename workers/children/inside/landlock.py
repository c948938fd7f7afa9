"""Landlock (landlock(7)): from now on no file can be opened, no TCP connection made, no signal sent out of this process.

It needs no rights, only a kernel that has it (5.13; TCP from 6.7, signals from 6.12).
"""

import ctypes
import os

from workers.children.inside.kernel import syscall

_CREATE_RULESET = 444
_RESTRICT_SELF = 446
_VERSION = 1
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_RIGHTS_NEWEST = 16
"""How many rights over files an ABI knows, each a bit: all of them are handled, and none is granted."""
_BIND_AND_CONNECT_TCP = 3
_ABSTRACT_SOCKETS_AND_SIGNALS = 3
_ABI_TCP = 4
_ABI_SCOPES = 6


def restrict() -> list[str]:
    """Deny all that the kernel can deny; gives what that is. Raises OSError where there is no Landlock."""
    abi = syscall(_CREATE_RULESET, 0, 0, _VERSION)
    handled = [(1 << _FILE_RIGHTS.get(abi, _FILE_RIGHTS_NEWEST)) - 1]
    denied = ["files"]
    if abi >= _ABI_TCP:
        handled.append(_BIND_AND_CONNECT_TCP)
    if abi >= _ABI_SCOPES:
        handled.append(_ABSTRACT_SOCKETS_AND_SIGNALS)
        denied.append("signals")
    attributes = (ctypes.c_uint64 * len(handled))(*handled)
    rules = syscall(_CREATE_RULESET, ctypes.cast(attributes, ctypes.c_void_p), ctypes.sizeof(attributes), 0)
    try:
        syscall(_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)
    return denied
