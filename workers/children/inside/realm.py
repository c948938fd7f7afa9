"""A fresh JavaScript context with the bridge in it: one for each run, never used again.

`_quickjs` is what the package `quickjs` wraps; the wrapper would cost a child threads and executors that it never uses.
"""

from collections.abc import Callable
from typing import Any

import _quickjs

from workers.children.inside import native

JSException = _quickjs.JSException
"""What the engine raises: `str()` is `Name: message`, then the stack."""

_PARTS = ("primordials", "globals", "json", "errors", "calls", "tools", "log", "run")
_ENDING_BYTES = 16 * 1024 * 1024
_HANDLES = ("begin", "isWhole", "start", "take", "settle", "line", "ended", "finish", "rejected")


def _bridge() -> bytes:
    """Compiled once, when this is imported: a locked-down child reads no files."""
    directory = __file__.rpartition("realm.py")[0] + "bridge/"
    texts = []
    for part in _PARTS:
        with open(f"{directory}{part}.js", "rb") as file:
            texts.append(file.read())
    return native.compiled(b'(() => {"use strict";\n' + b"\n".join(texts) + b"})();", b"bridge")


_BRIDGE = _bridge()


class Realm:
    """Mutable: a context, and the functions of the bridge that a script never sees."""

    def __init__(self) -> None:
        self.context = _quickjs.Context()
        native.run(self.context, _BRIDGE)
        bridge = self.context.get("bridge")
        handles: dict[str, Callable[..., Any]] = {name: bridge(name) for name in _HANDLES}
        self.context.eval("delete globalThis.bridge")
        self.begin = handles["begin"]
        self.is_whole = handles["isWhole"]
        self.start = handles["start"]
        self.take = handles["take"]
        self.settle = handles["settle"]
        self.line = handles["line"]
        self.ended = handles["ended"]
        self.finish = handles["finish"]
        # The handles are all that keeps the bridge alive.
        self._rejected = handles["rejected"]
        native.tell_of_rejections(self.context, self._rejected)

    def limit(self, heap_bytes: int, stack_bytes: int) -> None:
        """What the script may use; said before any of it runs."""
        self.context.set_memory_limit(heap_bytes)
        self.context.set_max_stack_size(stack_bytes)

    def make_room(self, heap_bytes: int) -> None:
        """Room to say what came of a script that used up its memory."""
        self.context.set_memory_limit(heap_bytes + _ENDING_BYTES)

    def close(self) -> None:
        """Over: it is not told of anything any more. Its memory is given back with the last reference to it."""
        native.forget(self.context)
