"""H24: values that a script returns to harm who reads them. What comes out is JSON of a bounded size, or an error."""

from tests.hostile.case import Case, fails, gives

_NO_JSON = "script_result_not_json"
_LARGE = ("script_result_too_large", "script_out_of_memory", "sandbox_timeout")

CASES: list[Case] = [
    fails("H24", "a function", "return () => 1", _NO_JSON),
    fails("H24", "a circle", "const o = {}; o.o = o; return o", _NO_JSON),
    fails("H24", "a Symbol", "return Symbol('x')", _NO_JSON),
    fails("H24", "a BigInt", "return 1n", _NO_JSON),
    fails("H24", "a Map", "return new Map([[1, 2]])", _NO_JSON),
    fails("H24", "a typed array", "return new Uint8Array(8)", _NO_JSON),
    fails("H24", "a promise in an object", "return {p: Promise.resolve(1)}", _NO_JSON),
    fails("H24", "a getter that throws", "return {get a() { throw 'evil' }}", _NO_JSON),
    fails(
        "H24",
        "a toJSON without an end",
        "let n = 0; const next = () => ({toJSON: () => ({a: next(), n: n++})}); return next()",
        _NO_JSON,
    ),
    fails(
        "H24",
        "a revoked Proxy",
        "const {proxy, revoke} = Proxy.revocable({}, {}); revoke(); return proxy",
        _NO_JSON,
        "script_error",
    ),
    fails(
        "H24",
        "a Proxy as an array without an end",
        "return new Proxy([], {get: (t, k) => k === 'length' ? 2 ** 53 - 1 : 'x'})",
        *_LARGE,
    ),
    fails("H24", "a string of 100 MB", "return 'x'.repeat(1e8)", *_LARGE),
    fails("H24", "a string of 2 MB", "return 'x'.repeat(2e6)", *_LARGE),
    fails("H24", "600,000 characters of three bytes", "return '\\u20ac'.repeat(6e5)", *_LARGE),
    fails("H24", "a million of empty objects", "return Array.from({length: 1e6}, () => ({}))", *_LARGE),
    fails("H24", "a name of 2 MB", "return {['x'.repeat(2e6)]: 1}", *_LARGE),
    fails("H24", "an error of 2 MB", "throw new Error('x'.repeat(2e6))", "script_error"),
    fails(
        "H24", "an error that is a circle", "const e = {}; e.e = e; e.toString = () => { throw e }; throw e", "script_error"
    ),
    fails(
        "H24",
        "an error whose name is none",
        "const e = new Error('x'); e.name = {toString() { throw 1 }}; throw e",
        "script_error",
    ),
    fails("H24", "an error that is null", "throw null", "script_error", "script_out_of_memory"),
    fails("H24", "nothing, for ever", "await new Promise(() => {})", "script_deadlock"),
    gives("H24", "a Date", "return new Date(0)", "1970-01-01T00:00:00.000Z"),
    gives("H24", "numbers that JSON has not", "return [NaN, Infinity, -0]", [None, None, 0]),
    gives("H24", "half a surrogate pair", "return '\\ud800'", "\ufffd"),
    gives("H24", "own __proto__", 'return JSON.parse(\'{"__proto__": {"x": 1}}\')', {"__proto__": {"x": 1}}),
    gives(
        "H24",
        "what looks like a result of MCP",
        "return {content: [{type: 'text', text: 'evil'}], isError: true}",
        {"content": [{"type": "text", "text": "evil"}], "isError": True},
    ),
    gives(
        "H24",
        "what looks like a handle",
        "return {toolmesh: {call_id: 'x'}, resultType: 'incomplete'}",
        {"toolmesh": {"call_id": "x"}, "resultType": "incomplete"},
    ),
]
