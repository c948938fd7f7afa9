"""What a script is given, how its calls run, and how it ends."""

import asyncio
import json

import pytest

from tests.workers.children.house_of_scripts import House, answered, echo, refused
from workers.children.scripts import Answered, Asked


def test_a_script_returns_what_its_calls_gave(house: House) -> None:
    code = """
        const first = await toolmesh.github_get({repo: "é", n: [1, null, true]});
        const [a, b] = await Promise.all([toolmesh["notes.find-all"]({}), toolmesh.notes_get()]);
        return {first, names: [a.name, b.name]};
    """
    assert house.value(code) == {
        "first": {"kind": "call", "name": "github_get", "given": {"repo": "é", "n": [1, None, True]}},
        "names": ["notes.find-all", "notes_get"],
    }
    assert [(asked.ordinal, asked.kind, asked.name, asked.arguments) for asked in house.asked] == [
        (1, "call", "github_get", '{"repo":"é","n":[1,null,true]}'.encode()),
        (2, "call", "notes.find-all", b"{}"),
        (3, "call", "notes_get", b"{}"),
    ]


def test_calls_of_promise_all_run_at_a_time_and_end_in_any_order(house: House) -> None:
    together = asyncio.Barrier(10)

    async def last_first(asked: Asked) -> Answered:
        await together.wait()
        for _ in range(20 - asked.ordinal):
            await asyncio.sleep(0)
        return answered(asked.ordinal)

    code = "return await Promise.all(Array.from({length: 10}, () => toolmesh.x()))"
    assert house.value(code, last_first) == list(range(1, 11))


def test_more_calls_than_may_run_at_a_time_wait_for_their_turn(house: House) -> None:
    running = most = 0

    async def counting(asked: Asked) -> Answered:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return answered(asked.ordinal)

    code = "return (await Promise.all(Array.from({length: 40}, () => toolmesh.x()))).length"
    assert house.value(code, counting, in_flight_max=3) == 40
    assert most == 3


def test_calls_that_nobody_awaited_are_awaited_before_the_end(house: House) -> None:
    code = """
        const found = [];
        [1, 2, 3].forEach(async (n) => { found.push((await toolmesh.x({n})).given.n); await toolmesh.y(); });
        return found;
    """
    assert house.value(code) == [1, 2, 3]
    assert [asked.name for asked in house.asked] == ["x", "x", "x", "y", "y", "y"]


def test_a_script_may_look_for_tools_and_read_their_definitions(house: House) -> None:
    code = (
        "return [await toolmesh.discover('notes', 5), await toolmesh.discover('a'), await toolmesh.describe('notes_get')]"
    )
    assert [(one["kind"], one["name"], one["given"]) for one in house.value(code)] == [
        ("discover", "", {"query": "notes", "limit": 5}),
        ("discover", "", {"query": "a"}),
        ("describe", "notes_get", {}),
    ]
    assert "too_many_discoveries" in house.value(
        "try { for (;;) await toolmesh.discover('x') } catch (e) { return e.code }", discoveries_max=3
    )
    assert len(house.asked) == 3


def test_a_composite_has_its_params_and_the_tools_of_its_backend_and_nothing_else(house: House) -> None:
    code = "return [params.min, typeof toolmesh, await api.discover({q: params.q})]"
    assert house.value(code, api="api", params={"min": 3, "q": "ü"}) == [
        3,
        "undefined",
        {"kind": "call", "name": "discover", "given": {"q": "ü"}},
    ]
    assert house.value("return typeof params + typeof api") == "undefinedundefined"


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("", None),
        ("return", None),
        ("return undefined", None),
        ("return null", "null"),
        ("// nothing else", None),
        ("return 1 // the end", "1"),
        ("return -0", "0"),
        ("return [NaN, 1/0]", "[null,null]"),
        ("return this === undefined", "true"),
        ("return '\\ud800'", '"\ufffd"'),
        ("const toolmesh = 1, console = 2; return toolmesh + console", "3"),
        ("await 0; return new Date(0)", '"1970-01-01T00:00:00.000Z"'),
        ("return {d: new Date(NaN), u: undefined, l: [undefined]}", '{"d":null,"l":[null]}'),
        ("return Object.create({inherited: 1}, {own: {value: 2, enumerable: true}})", '{"own":2}'),
        ("class P { x = 1; get y() { return 2 } toJSON() { return {p: this.x} } } return [new P()]", '[{"p":1}]'),
        ("return {e: new RangeError('far')}", '{"e":{"name":"RangeError","message":"far"}}'),
    ],
)
def test_a_value_is_what_json_has_for_it(house: House, code: str, value: str | None) -> None:
    ran = house.ran(code)
    assert ran.error is None
    assert ran.value == (None if value is None else value.encode())


def test_a_failed_call_throws_what_is_known_of_it(house: House) -> None:
    code = """
        const facts = {code: "upstream_denied", message: "Not yours.", status: 403, retryable: true, data: {a: 1}};
        try { await toolmesh.fail(facts) }
        catch (e) {
            const own = [e.name, e.code, e.status, e.http_status, e.message, e.tool, e.retryable, e.data];
            return [e instanceof Error, ...own, `${e}`, e];
        }
    """
    assert house.value(code) == [
        *(True, "ToolError", "upstream_denied", 403, 403, "Not yours.", "fail", True, {"a": 1}, "ToolError: Not yours."),
        {
            "name": "ToolError",
            "message": "Not yours.",
            "code": "upstream_denied",
            "status": 403,
            "http_status": 403,
            "tool": "fail",
            "retryable": True,
            "data": {"a": 1},
        },
    ]
    assert house.value("try { await toolmesh.fail({}) } catch (e) { return [e.status ?? 'none', e.retryable] }") == [
        "none",
        False,
    ]


@pytest.mark.parametrize(
    ("code", "message", "line", "column"),
    [
        ("throw new Error('no')", "Error: no", 1, 11),
        ("\n  await toolmesh.fail({message: 'Gone.'})", "ToolError: Gone.", 2, 18),
        ("const x = 1;\nx.a.b", "TypeError: cannot read property 'b' of undefined", 2, 1),
        ("function f() {\n  throw new RangeError('far')\n}\nf()", "RangeError: far", 2, 13),
        ("await 0;\nawait 0;\nundefinedName", "ReferenceError: undefinedName is not defined", 3, 1),
        ("throw 'text'", "Thrown: text", None, None),
        ("throw {a: [1]}", 'Thrown: {"a":[1]}', None, None),
        ("const e = new Error('x'); e.name = 'Mine'; throw e", "Mine: x", 1, 15),
        ("setTimeout(() => 1, 5)", "ReferenceError: setTimeout is not defined", 1, 1),
        ("eval('1;\\n\\n  nowhere')", "ReferenceError: nowhere is not defined", 1, 1),
    ],
)
def test_an_error_that_is_not_caught_says_what_and_where(
    house: House, code: str, message: str, line: int | None, column: int | None
) -> None:
    error = house.error(code)
    assert (error.code, error.message, error.line, error.column) == ("script_error", message, line, column)


@pytest.mark.parametrize(
    ("code", "message", "line"),
    [
        ("let x = ;", "unexpected token", 1),
        ("let a = 1;\nlet a = 2;", "a", 2),
        ("const ok = 1;\nif (ok) {", "ends too early", 2),
        ("return `abc", "unexpected end", 1),
        ("import x from 'y'", "nothing to import", 1),
        ("return 1\nexport const x = 1", "nothing to import", 2),
        ("with ({}) {}", "with", 1),
        ("x = 1\0", "NUL", 1),
        ("}); toolmesh.x(); (async function () {", "did not open", None),
        ("}, async function () {", "did not open", None),
        ("}(toolmesh.x())", "SyntaxError", None),
        ("return " + "(" * 100_000, "nested too deeply", None),
    ],
    ids=["token", "twice", "open", "template", "import", "export", "strict", "nul", "out", "comma", "called", "deep"],
)
def test_a_script_that_is_no_javascript_says_where(house: House, code: str, message: str, line: int | None) -> None:
    error = house.error(code)
    assert error.code == "script_syntax"
    assert error.message.startswith("SyntaxError: ")
    assert message in error.message
    assert line in (None, error.line)
    assert house.asked == []


@pytest.mark.parametrize(
    "code",
    [
        "Promise.reject(new Error('lost'))",
        "(async () => { throw new Error('lost') })(); return 1",
        "toolmesh.fail({message: 'lost'}); return 1",
        "[1].forEach(async () => { await toolmesh.fail({message: 'lost'}) }); return 1",
        "toolmesh.x().then(() => { throw new Error('lost') }); return 1",
        "Promise.all([toolmesh.x(), toolmesh.fail({message: 'lost'})]); return 1",
        "queueMicrotask(() => { throw new Error('lost') })",
    ],
)
def test_a_rejection_that_nobody_handles_is_an_error(house: House, code: str) -> None:
    error = house.error(code)
    assert error.code == "script_error"
    assert "lost (nobody awaited or caught this)" in error.message
    assert error.line == 1


@pytest.mark.parametrize(
    "code",
    [
        "const lost = Promise.reject(1); await toolmesh.x(); await lost.catch(() => 2); return 1",
        "const lost = toolmesh.fail({}); await toolmesh.x(); try { await lost } catch { return 1 }",
        "await Promise.allSettled([toolmesh.fail({}), Promise.reject(2)]); return 1",
        "toolmesh.fail({}).catch(() => 3); return 1",
    ],
)
def test_a_rejection_that_is_handled_late_is_none(house: House, code: str) -> None:
    assert house.value(code) == 1


@pytest.mark.parametrize("code", ["await new Promise(() => {})", "await toolmesh.x(); await {then() {}}"])
def test_a_script_that_waits_for_nothing_ends_at_once(house: House, code: str) -> None:
    error = house.error(code)
    assert error.code == "script_deadlock"
    assert "nothing can resolve" in error.message


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "await toolmesh.x('a')",
            "toolmesh.x takes one object with named arguments, not a string: write toolmesh.x({name: value}).",
        ),
        ("await toolmesh.x(['a'])", "not an array"),
        ("await toolmesh.x(null)", "not null"),
        ("await toolmesh.x({}, {})", "not 2 arguments"),
        ("await toolmesh.x(toolmesh.y())", "not a Promise (await it first)"),
        ("await toolmesh.x(new Map())", "not a Map"),
        ("await toolmesh.x(new (class A {}))", "not an object of a class"),
        ("await toolmesh['a b'](1)", 'write toolmesh["a b"]({name: value})'),
        (
            "await toolmesh.x({a: {b: [1, () => 1]}})",
            "The arguments of toolmesh.x are not JSON: argument.a.b[1] is a function.",
        ),
        ("await toolmesh.x({id: toolmesh.y()})", "argument.id is a Promise: await it"),
        ("await toolmesh.x({n: 1n})", "argument.n is a BigInt"),
        ("await toolmesh.discover()", "toolmesh.discover takes a text"),
        ("await toolmesh.discover('a', 0)", "whole number from 1"),
        ("await toolmesh.describe({})", "takes the name of a tool"),
        ("toolmesh.discover_tools({})", "write await toolmesh.discover("),
        ("await toolmesh.execute_code({code: ''})", "write the code into this script"),
        ("toolmesh.x = 1", "toolmesh can't be changed"),
        ("delete toolmesh.x", "toolmesh can't be changed"),
        ("toolmesh = 1", "read-only"),
        ("console.log = 1", "read-only"),
    ],
)
def test_what_is_called_wrongly_says_what_to_write(house: House, code: str, message: str) -> None:
    error = house.error(code)
    assert error.message.startswith("TypeError: ")
    assert message in error.message
    assert error.line == 1
    assert [asked.name for asked in house.asked] in ([], ["y"])


def test_calls_have_a_number_and_a_size_that_they_may_have(house: House) -> None:
    code = "try { for (;;) await toolmesh.x() } catch (e) { return [e.name, e.code, e.message] }"
    name, slug, message = house.value(code, calls_max=7)
    assert (name, slug, len(house.asked)) == ("ToolError", "too_many_calls", 7)
    assert "7 calls" in message
    code = "await toolmesh.x({a: 'x'.repeat(980)}); await toolmesh.x({a: 'ü'.repeat(500)})"
    error = house.error(code, argument_bytes_max=1000)
    assert error.message == "ToolError: Its arguments have 1008 bytes; 1000 is the most."
    assert len(house.asked) == 1
    error = house.error("await toolmesh.x({a: 'x'.repeat(1000)})", argument_bytes_max=1000)
    assert "The arguments of toolmesh.x are larger than 1000 bytes" in error.message
    assert house.asked == []


def test_large_arguments_and_results_cross_in_several_frames(house: House) -> None:
    code = """
        const text = "x".repeat(1000000);
        const sent = await Promise.all(Array.from({length: 16}, () => toolmesh.x({text})));
        const got = await Promise.all(Array.from({length: 12}, () => toolmesh.big({size: 1000000})));
        try { await toolmesh.big({size: 9000000}) } catch (e) { return [sent.length, got[11].length, e.code] }
    """

    async def short(asked: Asked) -> Answered:
        return answered(1) if asked.name == "x" else await echo(asked)

    assert house.value(code, short) == [16, 1_000_000, "result_too_large"]


def test_what_is_logged_comes_back_in_lines_and_is_cut_with_a_word(house: House) -> None:
    code = """
        console.log("a", 1, {b: [2]}, undefined, null, 3n, Symbol("s"));
        console.info(new Error("e")); console.warn(() => 1); console.debug([new Map([[1, {c: 2}]]), new Set([1])]);
        const o = {}; o.o = o; console.error(o, "\\ud800\\0"); console.log();
        return 1;
    """
    assert house.ran(code).logs == (
        'a 1 {"b":[2]} undefined null 3n Symbol(s)',
        "Error: e",
        "[Function ]",
        '[[[1,{"c":2}]],[1]]',
        '{"o":"[Circular]"} \ufffd\0',
        "",
    )
    cut = house.ran("for (let i = 0; i < 100; i++) console.log(i); return 1", log_lines_max=3)
    assert cut.logs[:3] == ("0", "1", "2")
    assert cut.logs[3].startswith("… the log ends here: it may have 3 lines")
    assert len(cut.logs) == 4
    cut = house.ran("console.log('ü'.repeat(40)); console.log('ü'.repeat(40)); console.log(1)", log_bytes_max=100)
    assert (cut.logs[0], len(cut.logs)) == ("ü" * 40, 2)
    assert cut.logs[1].startswith("… the log ends here")


def test_a_script_that_fails_leaves_its_log(house: House) -> None:
    ran = house.ran("console.log('before'); throw new Error('x')")
    assert (ran.logs, ran.error is not None) == (("before",), True)
    ran = house.ran("console.log('before'); await toolmesh.x(); for (;;);", wall_s=0.5)
    assert ran.error is not None
    assert (ran.error.code, ran.logs) == ("sandbox_timeout", ("before",))


def test_what_still_runs_is_cancelled_when_the_script_fails_or_is_cancelled(house: House) -> None:
    async def test() -> None:
        cancelled: list[int] = []
        started = asyncio.Event()

        async def never(asked: Asked) -> Answered:
            if asked.name == "fail":
                await started.wait()
                return refused("upstream_error", "no")
            try:
                started.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(asked.ordinal)
                raise
            raise AssertionError

        ran = await house.run("toolmesh.x(); toolmesh.x(); await toolmesh.fail()", never)
        assert ran.error is not None
        assert sorted(cancelled) == [1, 2]
        started.clear()
        task = asyncio.create_task(house.run("await toolmesh.x()", never))
        await started.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert sorted(cancelled) == [1, 1, 2]

    house.wait(test())


def test_a_script_may_wait_in_a_loop_for_a_call_that_runs(house: House) -> None:
    code = "let got; toolmesh.x().then((r) => { got = r }); while (!got) await null; return got.name"
    assert house.value(code) == "x"


def test_the_answer_without_a_body_is_undefined_and_one_that_is_no_json_an_error(house: House) -> None:
    async def odd(asked: Asked) -> Answered:
        return Answered(
            ok=asked.name != "bad", body=b"" if asked.name == "empty" else b'["' if asked.name == "broken" else b"[1]"
        )

    code = """
        const told = [typeof await toolmesh.empty()];
        for (const name of ["broken", "bad"]) try { await toolmesh[name]() } catch (e) { told.push(e.code) }
        return told;
    """
    assert house.value(code, odd) == ["undefined", "result_unreadable", "internal"]


def test_a_script_of_more_bytes_than_it_may_have_is_refused(house: House) -> None:
    error = house.error("/*" + "x" * 2000 + "*/", code_bytes_max=1000)
    assert (error.code, "1000 is the most" in error.message) == ("script_too_large", True)


def test_params_and_code_that_fit_no_frame_are_refused_and_the_child_goes_on(house: House) -> None:
    assert house.error("return 1", api="api", params=["x" * 9_000_000]).code == "script_too_large"
    assert json.dumps(house.value("return 1")) == "1"
