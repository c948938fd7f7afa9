"""A script that sees whether an earlier one has left anything: it has to say the same every time."""

from typing import Any

from tests.client import Client
from tests.hostile.arena import Arena

PLANTED = (
    "globalThis.planted = 1; Object.defineProperty(Object.prototype, 'planted', {value: 1, configurable: true});"
    " globalThis.soil = new Uint8Array(1e6).fill(83); "
)
"""Stands before every hostile script."""
_LOOKED = """
const known = (o) => Reflect.ownKeys(o).map(String).sort().join();
const all = [Object, Function, Array, String, Number, Promise, Map, Set, RegExp, Date, Error, Symbol, JSON, Math, Reflect];
return {
    globals: known(globalThis),
    planted: [typeof planted, typeof ({}).planted, typeof left, typeof late, typeof kept, typeof soil],
    language: all.map((o) => known(o) + "/" + (o.prototype ? known(o.prototype) : "")).join(";").length,
    open: [Object.prototype, Array.prototype, Promise.prototype].every((o) => Object.isExtensible(o)),
    works: [JSON.stringify({a: [1]}), Math.max(1, 2), [3].map((x) => x + 1)[0], [...new Set([5])][0], String(6)],
    memory: new Uint8Array(4e6).includes(83),
    sum: await toolmesh.echo_add({a: 1, b: 2}),
    once: ["call", ...(await Promise.all([1, 2].map((b) => toolmesh.echo_add({a: 7, b}))))],
};
"""


_TRIES_MAX = 3
"""It has no more time than a hostile one, on a machine that others use as well."""


class Canary:
    """Knows what it saw when nothing hostile had run."""

    def __init__(self, arena: Arena, client: Client) -> None:
        self._arena = arena
        self._client = client
        self._first = self._look()
        assert isinstance(self._first, dict), self._first

    def sings(self) -> str:
        """Look again; what is not as it was, or nothing."""
        seen = self._look()
        if seen == self._first:
            return ""
        if not isinstance(seen, dict):
            return f"the next script failed: {seen}"
        return f"left behind: {[(key, seen[key]) for key in self._first if seen.get(key) != self._first[key]]}"[:400]

    def _look(self) -> Any:
        for _ in range(_TRIES_MAX):
            ended = self._arena.run(self._client, _LOOKED)
            if ended.code != "sandbox_timeout":
                break
        return f"{ended.code}: {ended.says}" if ended.code else ended.value
