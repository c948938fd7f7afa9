"""H1 to H19: scripts that want to hang, to fill memory, or to break the engine by depth."""

from bench.bombs import BOMBS as WORST
from tests.hostile.case import Case, fails
from tests.workers.children.bombs import BOMBS

_OVER = ("sandbox_timeout",)
_STEPS = ("sandbox_timeout", "script_endless", "script_out_of_memory")
_FULL = ("script_out_of_memory", "sandbox_memory", "sandbox_timeout")
"""How soon memory ends depends on the machine; what takes longer than its time is ended for that."""
_LARGE = ("script_result_too_large", *_FULL)
_DEEP = ("script_error", "script_syntax", *_FULL)
_UNREAD = ("script_syntax", "sandbox_timeout")
_NO_JSON = ("script_result_not_json", *_FULL)

_OF_BENCH: dict[str, tuple[str, tuple[str, ...]]] = {
    "endless loop": ("H1", _OVER),
    "loop inside of a native search": ("H9", _OVER),
    "search with a long needle": ("H9", _OVER),
    "loop inside of a native fill": ("H10", _OVER),
    "arrays": ("H14", _FULL),
    "typed arrays": ("H16", _FULL),
    "squares of a BigInt": ("H17", ("script_error", *_FULL)),
    "backtracking": ("H8", _OVER),
    "deep object to JSON": ("H12", _DEEP),
    "deep JSON": ("H13", _DEEP),
    "endless microtasks": ("H5", _STEPS),
    "endless awaits": ("H4", _STEPS),
    "a split into twenty million": ("H18", _FULL),
    "recursion": ("H19", ("script_error",)),
}
_OF_CHILDREN: dict[str, tuple[str, tuple[str, ...]]] = {
    "catching loop": ("H2", _OVER),
    "finally that calls itself": ("H3", _OVER),
    "awaiting loop": ("H4", _STEPS),
    "awaiting loop beside a call": ("H4", _STEPS),
    "queueMicrotask for ever": ("H5", _STEPS),
    "microtasks that double": ("H5", _STEPS),
    "rejections without an end": ("H5", _FULL),
    "long chain of promises": ("H5", _FULL),
    "generator without an end": ("H6", _OVER),
    "iterator without an end": ("H6", _FULL),
    "async generator without an end": ("H6", _STEPS),
    "toString that never ends": ("H7", _OVER),
    "then that never calls": ("H7", _OVER),
    "thrown with a getter": ("H7", _OVER),
    "sort": ("H11", _OVER),
    "sort without a comparison": ("H11", _FULL),
    "sort of many": ("H11", _FULL),
    "deep object": ("H12", _NO_JSON),
    "deep argument": ("H12", ("script_error", *_FULL)),
    "indented JSON": ("H12", _FULL),
    "map that grows": ("H14", _FULL),
    "symbols": ("H14", _FULL),
    "closures that hold": ("H14", _FULL),
    "error with a long stack": ("H14", _FULL),
    "string that doubles": ("H15", ("script_error", *_FULL)),
    "long strings": ("H15", ("script_error", *_FULL)),
    "BigInt to the power": ("H17", ("script_error", *_FULL)),
    "huge BigInt": ("H17", ("script_error", *_FULL)),
    "recursion of a proxy": ("H19", ("script_error",)),
    "recursion of a getter": ("H19", ("script_error",)),
    "deep regular expression": ("H19", ("script_error",)),
    "deep code": ("H19", _UNREAD),
    "deep code that is made": ("H19", ("script_error",)),
    "log without an end": ("H14", _OVER),
    "log of what is deep": ("H12", _OVER),
    "calls without an end": ("H22", _FULL),
    "getter that never ends, in the result": ("H24", _OVER),
    "toJSON that never ends": ("H24", _OVER),
    "toJSON that gives itself": ("H24", _NO_JSON),
    "list that says it is long": ("H24", _LARGE),
    "proxy with keys without an end": ("H24", _LARGE),
}


def _opened(count: int, text: str) -> str:
    return "return " + text * count


CASES: list[Case] = [
    *(fails(number, f"{name} (bench)", WORST[name], *codes) for name, (number, codes) in _OF_BENCH.items()),
    *(fails(number, name, BOMBS[name], *codes) for name, (number, codes) in _OF_CHILDREN.items()),
    fails("H6", "Proxy whose get trap never ends", "return new Proxy({}, {get() { for (;;); }}).x", *_OVER),
    fails("H7", "valueOf that never ends", "return +{valueOf() { for (;;); }}", *_OVER),
    fails("H7", "Symbol.toPrimitive that never ends", "return `${{[Symbol.toPrimitive]() { for (;;); }}}`", *_OVER),
    fails("H8", "backtracking with groups", "return /^(\\w+\\s?)*$/.test('a'.repeat(40) + '!')", *_OVER),
    fails("H8", "backtracking in replace", "return 'x'.repeat(50000).replace(/(x+x+)+y/g, '')", *_OVER),
    fails(
        "H9",
        "replaceAll in a loop",
        "let s = 'ab'.repeat(1e6); for (;;) s = s.replaceAll('a', 'c').replaceAll('c', 'a')",
        *_FULL,
    ),
    fails("H10", "copyWithin in a loop", "const a = new Uint8Array(3e7); for (;;) a.copyWithin(1, 0)", *_OVER),
    fails("H11", "sort whose comparison never ends", "[2, 1].sort(() => { for (;;); })", *_OVER),
    fails("H14", "array of holes that is filled", "return new Array(2 ** 32 - 1).fill(0).length", *_FULL),
    fails("H19", "parser nesting", _opened(120_000, "("), *_UNREAD),
    fails("H19", "parser nesting of templates", _opened(40_000, "`${"), *_UNREAD),
    fails("H19", "parser nesting of functions", _opened(20_000, "()=>{"), *_UNREAD),
    fails("H19", "code for the TypeScript parser to mend", "a<b>(" * 25_000, *_UNREAD),
    fails("H19", "a script that is too large", "/*" + "x" * 300_000 + "*/ return 1", "script_too_large"),
    fails("H19", "deep JSON by hand", "let s = '['; for (let i = 0; i < 22; i++) s += s; return JSON.parse(s)", *_DEEP),
]
