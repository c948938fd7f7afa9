"""Nothing of the host is in reach of a script: no way of making code, and no object, leads out of its context."""

import pytest

from tests.workers.children.house_of_scripts import House

NAMES = """
    require process Deno Bun global window self std os bjson print scriptArgs gc navigator python fetch XMLHttpRequest
    WebSocket Worker setTimeout setInterval setImmediate WebAssembly SharedArrayBuffer Atomics FinalizationRegistry WeakRef
    bridge __take __res __state api params load read readFile Java Packages loadScript importScripts structuredClone
"""


def test_a_script_finds_none_of_the_names_that_lead_out(house: House) -> None:
    code = f"return {NAMES.split()!r}.filter((name) => name in globalThis || eval('typeof ' + name) !== 'undefined')"
    assert house.value(code) == []


def test_the_global_object_has_the_language_and_what_a_script_is_given(house: House) -> None:
    ours = house.value(
        "return Object.getOwnPropertyNames(globalThis).filter((n) => "
        "!/^([A-Z]\\w*|undefined|globalThis|parse\\w+|is\\w+|(de|en)codeURI\\w*|(un)?escape|eval|atob|btoa|performance)$/.test(n))"
    )
    assert sorted(ours) == ["console", "queueMicrotask", "toolmesh"]
    assert house.value("return Object.getOwnPropertySymbols(globalThis).map(String)") == ["Symbol(Symbol.toStringTag)"]


@pytest.mark.parametrize(
    "made",
    [
        "(() => {}).constructor('return this')()",
        "(async () => {}).constructor('return this')()",
        "(function* () {}).constructor('return this')().next().value",
        "(async function* () {}).constructor('return this')().next().then((r) => r.value)",
        "[].constructor.constructor('return this')()",
        "Promise.resolve().constructor.constructor('return this')()",
        "Reflect.construct(Function, ['return this'])()",
        "Reflect.getPrototypeOf(async () => {}).constructor('return this')()",
        "new Function('return this')()",
        "(0, eval)('this')",
        "toolmesh.x.constructor('return this')()",
        "console.log.constructor('return this')()",
        "Object.getPrototypeOf(toolmesh.discover).constructor('return this')()",
        "(await toolmesh.x()).constructor.constructor('return this')()",
        "await toolmesh.fail().catch((e) => e.constructor.constructor('return this')())",
        "(function () { return this })()",
        "globalThis",
    ],
)
def test_code_that_is_made_has_the_scripts_own_globals_and_no_others(house: House, made: str) -> None:
    code = f"const found = await ({made}); return found === undefined || found === globalThis"
    assert house.value(code) is True


@pytest.mark.parametrize(
    "module", ["os", "std", "bjson", "fs", "node:fs", "qjs:os", "/etc/passwd", "./bridge.js", "data:text/javascript,1"]
)
def test_nothing_can_be_imported(house: House, module: str) -> None:
    ways = f"""
        () => import("{module}"), () => (0, eval)('import("{module}")'), () => Function('return import("{module}")')(),
        () => import("{module}", {{with: {{type: "json"}}}}),
    """
    code = f"""
        const found = [];
        for (const way of [{ways}])
            try {{ await way(); found.push("imported") }}
            catch (e) {{ found.push(e.name) }}
        return found;
    """
    assert set(house.value(code)) <= {"ReferenceError", "SyntaxError", "TypeError"}


def test_a_stack_shows_a_script_no_functions_and_no_paths(house: House) -> None:
    code = """
        const seen = [];
        Error.prepareStackTrace = (error, sites) => { seen.push(sites); return sites };
        Object.prototype.prepareStackTrace = Error.prepareStackTrace;
        const thrown = [];
        await toolmesh.x({get a() { thrown.push(new Error("in the bridge").stack); return 1 }});
        try { await toolmesh.fail() } catch (e) { thrown.push(e.stack) }
        try { null.x } catch (e) { thrown.push(e.stack) }
        const o = {}; Error.captureStackTrace(o); thrown.push(o.stack);
        return [seen.length, thrown.every((stack) => typeof stack === "string"), thrown.join(" ")];
    """
    seen, texts, stacks = house.value(code)
    assert (seen, texts) == (0, True)
    assert "/" not in stacks
    assert ".py" not in stacks


def test_the_functions_of_the_bridge_can_not_be_had_from_the_stack_or_from_thenables(house: House) -> None:
    code = """
        const found = [];
        const look = (f) => { try { for (let c = f.caller; c; c = c.caller) found.push(String(c)) } catch {} };
        await toolmesh.x({get a() { look(Object.getOwnPropertyDescriptor(this, "a").get); return 1 }});
        Object.defineProperty(Object.prototype, "then", {configurable: true, get() {
            try { found.push(...Array.from(arguments.callee.caller ?? [])) } catch {}
            return undefined;
        }});
        await toolmesh.x();
        delete Object.prototype.then;
        Promise.prototype.constructor = function (f) { found.push(String(f)); f(() => {}, () => {}) };
        Object.defineProperty(Promise, Symbol.species, {value: Promise.prototype.constructor});
        await 0; queueMicrotask(() => 1);
        return [found, String(toolmesh.x), String(console.log), String(queueMicrotask)].flat();
    """
    for text in house.value(code):
        assert "waiting" not in text
        assert "native code" in text or "=>" in text or text == ""


def test_one_tenants_script_sees_nothing_of_anothers(house: House) -> None:
    async def test() -> None:
        for tenant in ("ada", "grace", "ada", "grace"):
            ran = await house.run("globalThis.mine = (globalThis.mine ?? 0) + 1; return mine", tenant=tenant)
            assert ran.value == b"1"

    house.wait(test())
