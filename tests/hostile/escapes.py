"""H20 and H25: scripts that look for a way out of their engine, or to block it. There is none to find."""

from tests.hostile.case import Case, fails, gives

_OUTSIDE = (
    "process require module exports Deno Bun std os bjson python fetch XMLHttpRequest WebSocket WebAssembly Worker"
    " SharedArrayBuffer Atomics setTimeout setInterval setImmediate load loadFile print scriptArgs gc navigator"
    " importScripts WeakRef FinalizationRegistry bridge __res open exec spawn"
)
"""Names by which engines and hosts give a script more than the language."""

_LOOK = f"const NAMES = {_OUTSIDE.split()!r}; const look = (g) => NAMES.filter((name) => name in g); "

_ROADS: dict[str, str] = {
    "itself": "globalThis",
    "Function": "(() => {}).constructor('return this')()",
    "AsyncFunction": "await (async () => {}).constructor('return this')()",
    "GeneratorFunction": "(function* () {}).constructor('return this')().next().value ?? globalThis",
    "an array's constructor": "[].constructor.constructor('return this')()",
    "a promise's constructor": "Promise.resolve().constructor.constructor('return this')()",
    "a tool's constructor": "toolmesh.echo_echo.constructor('return this')()",
    "the log's constructor": "console.log.constructor('return this')()",
    "a thrown error's constructor": "await toolmesh.none({}).catch((e) => e.constructor.constructor('return this')())",
    "a result's constructor": "(await toolmesh.discover('echo')).constructor.constructor('return this')()",
    "a call's promise": "toolmesh.discover('echo').constructor.constructor('return this')()",
    "eval": "(0, eval)('this')",
    "Reflect.construct": "Reflect.construct(Function, ['return this'])()",
    "Symbol.species": "(() => { class A extends Array { static get [Symbol.species]() { return Function } } "
    "try { new A(1).map((x) => x) } catch {} return globalThis })()",
    "a bound function": "Function.prototype.call.bind(function () { return this })(undefined)?.x ?? globalThis",
    "a getter's caller": "(() => { let seen = globalThis;"
    " const o = {get a() { try { seen = o.f.caller ?? seen } catch {} return 1 }};"
    " o.f = Function('o', 'return JSON.stringify(o)'); o.f(o); return seen })()",
}

_IMPORTED = (
    "os",
    "std",
    "qjs:os",
    "qjs:std",
    "bjson",
    "fs",
    "node:fs",
    "child_process",
    "/etc/passwd",
    "./x.js",
    "data:text/javascript,1",
)

CASES: list[Case] = [
    *(gives("H20", f"what is there by {name}", f"{_LOOK}return look({road})", []) for name, road in _ROADS.items()),
    *(
        gives(
            "H20",
            f"import {name}",
            f"try {{ await import({name!r}); return 'imported' }} catch (e) {{ return e instanceof Error }}",
            True,
        )
        for name in _IMPORTED
    ),
    fails("H20", "import statement", "import * as os from 'os'; return 1", "script_syntax"),
    fails("H20", "import.meta", "return import.meta.url", "script_syntax"),
    fails("H20", "require", "return require('fs').readFileSync('/etc/passwd')", "script_error"),
    fails(
        "H20",
        "getBuiltinModule of the process",
        "return Promise.resolve().constructor.constructor('return process.getBuiltinModule(\"child_process\")')()",
        "script_error",
    ),
    fails("H20", "python.eval", "return python.eval('open(\"/etc/passwd\").read()')", "script_error"),
    fails("H20", "fetch", "return await fetch('http://127.0.0.1/')", "script_error"),
    gives(
        "H20",
        "prepareStackTrace",
        "const seen = []; Error.prepareStackTrace = (e, frames) => { seen.push(frames); return frames }; "
        "const e = await toolmesh.none({}).catch((e) => e); void e.stack; try { null.x } catch (f) { void f.stack } "
        "const open = (f) => typeof f?.getThis?.() === 'object' || typeof f?.getFunction?.() === 'function';"
        " return seen.flat().filter(open).length",
        0,
    ),
    gives(
        "H20",
        "functions of the bridge by their callers",
        "const seen = []; const spy = Function('seen', 'return function f() { "
        "try { for (let g = f.caller; g; g = g.caller) seen.push(String(g)) } catch {} return 1 }')(seen); "
        "try { await toolmesh.echo_echo({get message() { spy(); return 'x' }}) } catch {} "
        "console.log({get a() { return spy() }}); return seen.length",
        0,
    ),
    gives("H20", "with and sloppy code", "return Function('o', 'with (o) { return a }')({a: 1})", 1),
    gives("H20", "names of the child's files", "return new Error().stack.includes('/')", False),
    fails("H25", "Atomics.wait", "Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0)", "script_error"),
    gives(
        "H25",
        "shared memory by another road",
        "return Object.getOwnPropertyNames(ArrayBuffer).filter((n) => /shared/i.test(n))",
        [],
    ),
    gives(
        "H25",
        "a clock, which is no secret",
        "const a = Date.now(); for (let i = 0; i < 1e5; i++);"
        " return Date.now() >= a && typeof performance.now() === 'number'",
        True,
    ),
    gives("H25", "memory that was somebody's", "return new Uint8Array(4e6).includes(83)", False),
]
