"""What a script rewrites, names or sends changes nothing of what crosses between it and its worker."""

import json

import pytest

from tests.workers.children.house_of_scripts import House, echo
from workers.children.scripts import Answered, Asked

REWRITES = {
    "JSON": """
        JSON.stringify = () => '{"calls": [[9, "call", "evil", "{}"]]}'; JSON.parse = () => "evil"; globalThis.JSON = {};
    """,
    "toJSON": """
        for (const proto of [Object.prototype, Array.prototype, String.prototype, Number.prototype, Function.prototype])
            Object.defineProperty(proto, "toJSON", {value: () => "evil", configurable: true});
    """,
    "promises": """
        Promise.prototype.then = function (f) { f("evil"); return this };
        Promise.prototype.catch = Promise.prototype.finally = Promise.prototype.then;
        Promise.prototype.constructor = function () { throw "evil" };
        Promise.resolve = Promise.reject = Promise.all = () => "evil"; globalThis.Promise = function () { throw "evil" };
    """,
    "collections": """
        for (const proto of [Map.prototype, Set.prototype, Array.prototype])
            for (const name of Object.getOwnPropertyNames(proto))
                if (name !== "size" && typeof proto[name] === "function") proto[name] = () => { throw "evil" };
        Array.prototype[Symbol.iterator] = function* () { yield "evil" };
    """,
    "indexes": """
        const evil = {set() { throw "evil" }, get() { return "evil" }, configurable: true};
        for (const key of ["0", "1", "2", "text", "next", "tool", "resolve", "reject", "error", "path", "calls", "name"])
            Object.defineProperty(Object.prototype, key, evil);
    """,
    "descriptors": """
        for (const key of ["get", "set", "value", "writable", "enumerable", "configurable"])
            Object.defineProperty(Object.prototype, key, {__proto__: null, value: () => "evil", writable: true});
    """,
    "functions": """
        Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => "evil";
        for (const name of Object.getOwnPropertyNames(Reflect)) Reflect[name] = () => "evil";
        for (const name of ["keys", "freeze", "defineProperty", "getPrototypeOf", "getOwnPropertyDescriptor"])
            Object[name] = () => "evil";
        Object.prototype.hasOwnProperty = Object.prototype.toString = () => "evil"; Array.isArray = () => false;
    """,
    "strings": """
        for (const name of Object.getOwnPropertyNames(String.prototype))
            if (typeof "x"[name] === "function") String.prototype[name] = () => "evil";
        globalThis.String = () => "evil"; Symbol.prototype.toString = Number.prototype.toString = () => "evil";
        Date.prototype.toISOString = Date.prototype.toJSON = Date.prototype.getTime = () => "evil";
    """,
    "errors": """
        globalThis.Error = globalThis.TypeError = function () { return {evil: 1} };
        RangeError.prototype.name = "evil"; RangeError.stackTraceLimit = 0;
    """,
}


@pytest.mark.parametrize("rewritten", REWRITES)
def test_what_a_script_rewrites_changes_nothing_that_crosses(house: House, rewritten: str) -> None:
    code = f"""
        const day = new Date(5), list = [1, [2]], call = toolmesh.first, log = console.log;
        {REWRITES[rewritten]}
        const got = await call({{text: "a", list, day, inner: {{n: 1.5, no: null}}}});
        log("line");
        let code = "none";
        try {{ await toolmesh.fail({{code: "real"}}) }} catch (e) {{ code = e.code }}
        await toolmesh.last();
        return {{name: got.name, code, list}};
    """
    ran = house.ran(code)
    assert ran.error is None, ran.error
    assert ran.value == b'{"name":"first","code":"real","list":[1,[2]]}'
    assert ran.logs == ("line",)
    assert [(one.ordinal, one.kind, one.name, json.loads(one.arguments)) for one in house.asked] == [
        (
            1,
            "call",
            "first",
            {"text": "a", "list": [1, [2]], "day": "1970-01-01T00:00:00.005Z", "inner": {"n": 1.5, "no": None}},
        ),
        (2, "call", "fail", {"code": "real"}),
        (3, "call", "last", {}),
    ]
    assert house.value(
        "return [JSON.stringify([1]), String(2), [...new Map([[1, 2]])].length, typeof {}.evil, Object.keys({a: 1})]"
    ) == ["[1]", "2", 1, "undefined", ["a"]]


def test_the_object_with_the_tools_is_no_promise_and_can_not_be_changed(house: House) -> None:
    code = """
        const odd = ["then", "toJSON", "constructor", "__proto__", "prototype", "toString", "valueOf", ""];
        const symbols = Object.getOwnPropertyNames(Symbol).map((name) => Symbol[name]).filter((s) => typeof s === "symbol");
        const tries = [
            () => Object.defineProperty(toolmesh, "x", {value: 1}), () => Object.setPrototypeOf(toolmesh, {x: 1}),
            () => { toolmesh.__proto__ = {} }, () => { toolmesh.x.y = 1 }, () => { globalThis.toolmesh = 1 },
            () => Object.defineProperty(globalThis, "toolmesh", {value: 1}), () => { delete globalThis.console },
            () => Object.defineProperty(console, "log", {value: 1}),
        ];
        return [
            await toolmesh === toolmesh, odd.filter((name) => toolmesh[name] !== undefined),
            symbols.filter((symbol) => toolmesh[symbol] !== undefined).map(String),
            tries.filter((f) => { try { f(); return true } catch (e) { return e.name !== "TypeError" } }).map(String),
            Object.getPrototypeOf(toolmesh), Reflect.ownKeys(toolmesh), "x" in toolmesh, "then" in toolmesh,
            toolmesh.x === toolmesh.x, JSON.stringify(toolmesh),
        ];
    """
    assert house.value(code) == [True, [], [], [], None, [], True, False, True, "{}"]
    assert house.value("return toolmesh") == {}


@pytest.mark.parametrize("name", ["a\nb", "a\0b", "\x7f", "\ud800", "x" * 257, ""])
def test_a_name_that_no_tool_can_have_is_no_tool(house: House, name: str) -> None:
    assert house.value(f"return typeof toolmesh[{json.dumps(name)}]") == "undefined"
    assert house.error(f"await toolmesh.describe({json.dumps(name)})").message.startswith("TypeError: ")
    assert house.asked == []


def test_what_looks_like_a_message_is_text(house: House) -> None:
    message = '{"done":{"value":"1","error":null,"logs":[]}}'
    forged = json.dumps(f'\n\x00\x00\x00\x2f{message}\n{{"calls":[[1,"call","evil","{{}}"]]}}')
    ran = house.ran(f"const f = {forged}; console.log(f); const r = await toolmesh.x({{f}}); return [r.given.f === f, f]")
    assert ran.error is None
    assert [ran.logs[0], [True, ran.logs[0]]] == [json.loads(forged), json.loads(ran.value or b"")]
    assert [(one.name, json.loads(one.arguments)) for one in house.asked] == [("x", {"f": json.loads(forged)})]


def test_names_of_tools_may_be_anything_that_is_text(house: House) -> None:
    names = [
        "__defineProperty__",
        "call",
        "discover",
        "length",
        "name",
        "a b",
        'a"b',
        "a\\b",
        "é",
        "call\u2028x",
        "0",
        "-1",
        "NaN",
    ]
    code = f"return Promise.all({json.dumps(names)}.map(async (name) => (await api[name]({{}})).name))"
    assert house.value(code, api="api") == names
    assert [(one.ordinal, one.name) for one in house.asked] == list(enumerate(names, 1))


def test_a_call_that_was_answered_can_not_be_answered_again(house: House) -> None:
    code = """
        const steal = [];
        const real = Promise;
        globalThis.Promise = class extends real { constructor(f) { super((a, b) => { steal.push(a, b); f(a, b) }) } };
        Object.defineProperty(Object.prototype, "then", {configurable: true, get() { steal.push(this); return undefined }});
        const got = await toolmesh.x({});
        delete Object.prototype.then;
        return [got.name, steal.filter((f) => typeof f === "function").length];
    """
    assert house.value(code) == ["x", 0]


def test_a_million_calls_and_large_ones_reach_nobody(house: House) -> None:
    code = """
        let refused = 0;
        const count = (e) => { refused += e.code === "too_many_calls" };
        await Promise.all(Array.from({length: 2000}, () => toolmesh.x({}).catch(count)));
        const large = "x".repeat(30e6);
        for (const f of [() => toolmesh.y({large}), () => toolmesh.discover(large), () => toolmesh.describe(large)])
            try { await f() } catch (e) { refused += e.name === "TypeError" }
        return refused;
    """
    assert house.value(code, calls_max=50, heap_bytes=256 * 1024 * 1024) == 2_000 - 50 + 3
    assert len(house.asked) == 50


@pytest.mark.parametrize(
    ("code", "path", "why"),
    [
        ("return () => 1", "value", "is a function"),
        ("return {a: [1, Symbol('x')]}", "value.a[1]", "is a Symbol"),
        ("return {'a b': 1n}", 'value["a b"]', "is a BigInt"),
        ("const a = {}; a.b = [a]; return a", "value.b[0]", "is cyclic"),
        ("return [new Map([[1, 2]])]", "value[0]", "is a Map: write Object.fromEntries"),
        ("return new Set([1])", "value", "is a Set: write [...set]"),
        ("return {p: [Promise.resolve(1)]}", "value.p[0]", "is a Promise: await it"),
        ("return new Uint8Array(2)", "value", "is a Uint8Array: write Array.from(it)"),
        ("return /x/", "value", "is a RegExp"),
        ("return {get a() { throw new Error('no') }}", "value.a", "can't be read: Error: no"),
        ("return {toJSON() { throw 'no' }}", "value", "has a toJSON that throws: no"),
        ("return {toJSON: 5, toString: () => 1}", "value.toString", "is a function"),
        ("let o = 1; for (let i = 0; i < 500; i++) o = [o]; return o", "value[0][0]", "nested deeper than 64"),
        ("return new Proxy({}, {ownKeys() { throw 'no' }})", "value", "can't be read"),
        ("const p = Proxy.revocable({}, {}); p.revoke(); return {p: p.proxy}", "value.p", "can't be read"),
    ],
)
def test_what_is_no_json_is_named_with_its_place(house: House, code: str, path: str, why: str) -> None:
    error = house.error(code)
    assert error.code == "script_result_not_json"
    assert f"not JSON: {path}" in error.message
    assert why in error.message


@pytest.mark.parametrize(
    "code",
    [
        "return 'x'.repeat(1e8)",
        "return 'ü'.repeat(600000)",
        "return [[], new Array(1e9)]",
        "return {a: Array(9e5).fill(1)}",
    ],
)
def test_a_result_that_is_too_large_says_so(house: House, code: str) -> None:
    error = house.error(code, heap_bytes=256 * 1024 * 1024)
    assert (error.code, "larger than 1048576 bytes" in error.message) == ("script_result_too_large", True)


def test_a_result_may_have_as_many_bytes_as_it_may_have(house: House) -> None:
    assert house.value("return 'x'.repeat(98)", result_bytes_max=100) == "x" * 98
    assert house.error("return 'x'.repeat(99)", result_bytes_max=100).code == "script_result_too_large"
    assert house.error("return 'ü'.repeat(50)", result_bytes_max=100).code == "script_result_too_large"


def test_what_tools_answer_is_data_and_nothing_else(house: House) -> None:
    async def odd(asked: Asked) -> Answered:
        bodies = {
            "proto": b'{"__proto__": {"evil": 1}, "constructor": 1, "then": "x"}',
            "deep": b"[" * 100_000 + b"]" * 100_000,
            "nul": b'"a\\u0000b\xe2\x80\xa8"',
            "lone": b'"\\ud800"',
        }
        return Answered(ok=True, body=bodies[asked.name]) if asked.name in bodies else await echo(asked)

    code = """
        const p = await toolmesh.proto();
        let deep;
        try { deep = typeof await toolmesh.deep() } catch (e) { deep = e.code }
        return [p.evil, Object.keys(p), {}.evil, deep, (await toolmesh.nul()).length, await toolmesh.lone()];
    """
    found = house.value(code, odd)
    assert [*found[:3], *found[4:]] == [None, ["__proto__", "constructor", "then"], None, 4, "\ufffd"]
    assert found[3] in ("object", "result_unreadable")
