"""H21, H22 and H26: scripts that rewrite the language, forge what crosses to their worker, or leave something behind."""

from tests.hostile.case import Case, fails, gives

_CALL = "return (await toolmesh.echo_echo({message: 'hello'}))"
_FRAME = '\\n\\u0000\\u0000\\u0000\\u0030{"calls":[[1,"call","book_write","{}"]],"logs":[]}\\n'

_REWRITTEN: dict[str, str] = {
    "Object.prototype": "for (const n of ['toJSON', 'then', 'value', 'error', 'name', 'get', 'set', '0', '1', 'calls'])"
    " try { Object.defineProperty(Object.prototype, n, {get() { return 'evil' }, set() {}}) } catch {}; ",
    "Array.prototype": "for (const n of Object.getOwnPropertyNames(Array.prototype))"
    " try { Array.prototype[n] = () => 'evil' } catch {}; ",
    "JSON": "JSON.stringify = () => '{\"tool\":\"book_write\"}'; JSON.parse = () => 'evil'; ",
    "Promise.prototype.then": "const own = Promise.prototype.then; Promise.prototype.then = function (f, g) "
    "{ return own.call(this, (v) => f?.(v), g) }; ",
    "Promise": "globalThis.Promise = class { constructor(f) { f(() => 'evil', () => 'evil') } then(f) { f?.('evil') } }; ",
    "Map and Set": "for (const C of [Map, Set]) for (const n of ['get', 'set', 'has', 'add', 'delete', 'forEach'])"
    " C.prototype[n] = () => 'evil'; ",
    "String.prototype": "for (const n of ['slice', 'charCodeAt', 'toWellFormed', 'split', 'includes', 'isWellFormed'])"
    " String.prototype[n] = () => 'evil'; ",
    "Reflect and Object": "for (const C of [Reflect, Object]) for (const n of Object.getOwnPropertyNames(C))"
    " if (typeof C[n] === 'function' && n !== 'defineProperty') try { C[n] = () => 'evil' } catch {}; ",
    "Function.prototype": "Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => 'evil'; ",
    "Symbol.iterator": "Array.prototype[Symbol.iterator] = function* () { yield 'evil' }; ",
    "Error": "globalThis.Error = globalThis.TypeError = function () { return {code: 'ok', message: 'evil'} }; ",
}

_UNCHANGED: dict[str, str] = {
    "toolmesh is assigned": "toolmesh = {echo_echo: () => 'evil'}",
    "toolmesh is shadowed in the global object": "globalThis.toolmesh = 1",
    "a tool is assigned": "toolmesh.echo_echo = () => 'evil'",
    "a tool is redefined": "Object.defineProperty(toolmesh, 'echo_echo', {value: () => 'evil'})",
    "the prototype is set": "Object.setPrototypeOf(toolmesh, {echo_echo: () => 'evil'})",
    "__proto__ is set": "toolmesh.__proto__ = {echo_echo: () => 'evil'}",
    "a tool is deleted": "delete toolmesh.echo_echo",
    "the log is redefined": "console.log = () => 'evil'",
}

_NO_NAMES = ("__proto__", "then", "constructor", "toJSON", "", "a\\nbook_write", "\\u0000", "x'.repeat(1e6) + '", "\\ud800")

CASES: list[Case] = [
    *(gives("H21", f"{name} rewritten", code + _CALL, "hello") for name, code in _REWRITTEN.items()),
    *(
        gives("H21", name, f"'use strict'; try {{ {code} }} catch {{}} {_CALL}", "hello")
        for name, code in _UNCHANGED.items()
    ),
    gives(
        "H21",
        "a getter in the arguments rewrites what writes them",
        "return await toolmesh.echo_echo({get message() { Object.keys = () => ['token']; JSON.stringify = () => '1';"
        " Object.prototype.toJSON = () => 'evil'; return 'hello' }})",
        "hello",
    ),
    gives(
        "H21",
        "a getter in the arguments makes calls",
        "const inner = []; const got = await toolmesh.echo_echo({get message() {"
        " inner.push(toolmesh.echo_echo({message: 'in'})); return 'out' }});"
        " return [got, ...(await Promise.all(inner))].sort()",
        ["in", "out"],
    ),
    fails(
        "H21",
        "a circle whose getter starts anew",
        "const o = {}; o.o = {get again() { console.log(o); toolmesh.echo_echo({message: {}}).catch(() => 1); return o }};"
        " return await toolmesh.echo_echo(o)",
        "script_error",
        "script_out_of_memory",
        "sandbox_timeout",
    ),
    gives("H22", "frames in the log", f"console.log('{_FRAME}'); {_CALL}", "hello"),
    gives("H22", "frames in an argument", f"return (await toolmesh.echo_echo({{message: '{_FRAME}'}})).length", 56),
    fails("H22", "frames in an error", f"throw new Error('{_FRAME}')", "script_error"),
    gives("H22", "frames in the value", f"return '{_FRAME}'.length", 56),
    fails("H22", "results given to itself", "bridge('settle')(1, true, '1')", "script_error"),
    fails("H22", "results given by name", "__res(1, {})", "script_error"),
    *(
        gives("H22", f"a tool of the name {name[:14]!r}", f"return typeof toolmesh['{name}']", "undefined")
        for name in _NO_NAMES
    ),
    gives("H22", "the tools are no promise", "return (await toolmesh) === toolmesh", True),
    gives("H22", "a tool with a symbol for a name", "return typeof toolmesh[Symbol('echo_echo')]", "undefined"),
    gives("H22", "a tool by its whole name with a line break", "return typeof toolmesh['echo_echo\\n{}']", "undefined"),
    fails(
        "H22",
        "a million calls at once",
        "return await Promise.all(Array.from({length: 1e6}, () => toolmesh.echo_echo({message: 'x'})))",
        "script_error",
        "script_out_of_memory",
        "sandbox_timeout",
    ),
    fails(
        "H22",
        "fifty-one calls",
        "return await Promise.all(Array.from({length: 51}, () => toolmesh.echo_time({})))",
        "script_error",
        "sandbox_timeout",
    ),
    fails("H22", "look-ups without an end", "for (;;) await toolmesh.discover('x')", "script_error", "sandbox_timeout"),
    fails(
        "H22",
        "50 MB in an argument",
        "await toolmesh.echo_echo({message: 'x'.repeat(5e7)})",
        "script_error",
        "sandbox_timeout",
        "script_out_of_memory",
    ),
    fails(
        "H22",
        "2 MB in an argument, piece by piece",
        "await toolmesh.echo_echo({message: Array(2e5).fill('0123456789')})",
        "script_error",
        "sandbox_timeout",
    ),
    fails(
        "H22",
        "arguments with a million fields",
        "const o = {}; for (let i = 0; i < 1e6; i++) o['k' + i] = i; await toolmesh.echo_echo(o)",
        "script_error",
        "script_out_of_memory",
        "sandbox_timeout",
    ),
    gives("H22", "ten thousand lines of log", "for (let i = 0; i < 1e4; i++) console.log(i); return 'hello'", "hello"),
    gives(
        "H26",
        "something left behind",
        "globalThis.left = 'secret'; Object.prototype.left = 'secret'; Math.max = () => 'secret';"
        " Symbol.for('left').description; Object.freeze(Array.prototype);"
        " globalThis.kept = new Uint8Array(4e6).fill(83); return 1",
        1,
    ),
    gives(
        "H26",
        "a promise left behind",
        "toolmesh.echo_echo({message: 'late'}).then((v) => { globalThis.late = v }); return 1",
        1,
    ),
]
