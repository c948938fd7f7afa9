"""TypeScript is run without its types: values are those of the JavaScript, lines and columns those of the source."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.children.house_of_scripts import House
from workers.children.inside.typescript import NoTypes, Unsupported, blanked, looks_generic

TYPED = [
    (
        "const n: number = 1; let s!: string; var a: Array<{b: string}> = []; return n",
        "const n = 1; let s; var a = []; return n",
    ),
    ("interface A<T> extends B { x?: T; readonly y: string[] }\nreturn 2", ";\nreturn 2"),
    ("type A = {x: number} | null\nreturn 2", ";\nreturn 2"),
    ("type F = (a: number) => Promise<void>; return 3", "; return 3"),
    ("declare const q: number; declare function f(a: string): void; return typeof q", "return typeof q"),
    ("import type { X } from 'y'; import type Z from 'z'; return 1", "return 1"),
    (
        "function f(a: number, b?: string, ...c: any[]): [number, string?] { return [a, b] } return f(1, 'x')",
        "return [1, 'x']",
    ),
    ("function f(this: Window, a: number) { return a } return f(4)", "return 4"),
    ("function f(this: any) { return 5 } return f()", "return 5"),
    ("function f(a: string): void; function f(a: any) { return a } return f(6)", "return 6"),
    ("function is(x: unknown): x is string { return typeof x === 'string' } return is('a')", "return true"),
    ("function no(x: unknown): asserts x { } no(1); return 7", "return 7"),
    ("function g<T, K extends keyof T>(o: T, k: K): T[K] { return o[k] } return g({a: 8}, 'a')", "return 8"),
    ("const f = <T,>(x: T): T => x; return f<number>(9)", "return 9"),
    ("const f = async (x: number): Promise<number> => x; return await f(10)", "return 10"),
    ("const f = async <T,>(x: T): Promise<T> => x; return await f(11)", "return 11"),
    ("const x = {a: {b: 12}} as const; return (x as any).a!.b! satisfies number", "return 12"),
    ("const x = <any>13; return <number>x", "return 13"),
    ("const m = new Map<string, Array<number>>([['a', [14]]]); return m.get('a')![0]", "return 14"),
    ("let o: {a?: {b: number}} | undefined = {a: {b: 15}}; return o?.a!.b", "return 15"),
    ("const {a, b = 2}: {a: number; b?: number} = {a: 14}; return a + b", "return 16"),
    ("const [a]: number[] = [17]; for (const x of [1] as number[]) { } return a", "return 17"),
    ("try { throw 18 } catch (e: unknown) { return e as number }", "return 18"),
    ("let x: any = {n: 1}; x!.n = 19; x.n!++; return x.n - 1", "return 19"),
    ("const f = (x: number | string = 20) => x; return f()", "return 20"),
    (
        "const o = {m<T>(x: T): T { return x }, get g(): number { return 21 }, async a(): Promise<void> {}}; return o.g",
        "return 21",
    ),
    ("const f = Array.isArray as (x: unknown) => boolean; return f([])", "return true"),
    (
        "const tag = (s: TemplateStringsArray, ...v: unknown[]): string => s.join('') + v.join('')\nreturn tag`a${1}b`",
        "return 'ab1'",
    ),
    ("const ok = 5 as number < 6; return ok", "return true"),
    ("label: for (const i of [1, 2] as const) { continue label } return 22", "return 22"),
    ("return [1, 2].map<string>((n: number): string => String(n))", "return ['1', '2']"),
    ("return await toolmesh.x<{name: string}>({n: 1}) as {name: string}", "return await toolmesh.x({n: 1})"),
    ("const é: string = 'ü'; return é as string", "return 'ü'"),
    (
        "abstract class A { abstract m(): void; abstract get q(): number; x(): number { return 23 } }\n"
        "class B extends A implements C, D { m(): void {} get q() { return 1 } }\nreturn new B().x()",
        "return 23",
    ),
    (
        "class A<T> { private readonly x: number = 24; public static s?: string; declare d: T; y!: T; [k: string]: any;\n"
        "protected override async m?(): Promise<number> { return this.x } f(a: string): void; f(a: any) { return a } }\n"
        "return new (class extends A<string> { override get z() { return super.x } })().x",
        "return 24",
    ),
]
"""TypeScript → JavaScript that gives the same."""

JOINED = [
    ("let x = 1 as number\n(0, [2])[0]\nreturn x", "return 1"),
    ("let x = [5] as number[]\n[0].at(0)\nreturn x", "return [5]"),
    ("let x = 3\ntype T = string\n(0, x)\nreturn x", "return 3"),
    ("let x = 3\ninterface T {}\n;[1].map((n) => n)\nreturn x", "return 3"),
    ("const f = () => 7 as any\n(() => 1)()\nreturn f()", "return 7"),
    ("const f = (a: number):\n  number => a\nreturn f(8)", "return 8"),
    ("const f = (a: number): {\n  a: number\n} => ({a})\nreturn f(8)", "return {a: 8}"),
    ("const f = async <\n  T,\n>(a: T): Promise<\n  T\n> => a\nreturn await f(9)", "return 9"),
    ("const f = () => { return <T,>(\n  a: T\n) => a }\nreturn f()(10)", "return 10"),
    ("const f = () => { return <\n  T,\n>(a: T) => a }\nreturn f()(10)", "return 10"),
    (
        "class A { x = 1\n private ['y'] = 2\n public *g() { yield 3 } }\nreturn [new A().y, ...new A().g()]",
        "return [2, 3]",
    ),
    ("let x = [4] as Array<number>\n(0, [2])[0]\nreturn x", "return [4]"),
    ("let x: number[]\n[0].at(0)\nreturn x = [4]", "return [4]"),
    ("class A { x: number\n ['y']: number = 2 }\nreturn new A().y", "return 2"),
    ("let a = {b: 1}, c = a.b!\nlet d = c\n++d\nreturn d", "return 2"),
    ("if (1 as any) var z = 2 as number\nelse z = 3\nreturn z", "return 2"),
    ("let q: number\n(q = 6)\nreturn q", "return 6"),
    ("return (\n  1 as\n    number\n)", "return 1"),
    ("const f = function (): number\n{ return 11 }\nreturn f()", "return 11"),
    ("let v = 1\nfunction f(a: string): void\nfunction f(a: unknown) { v = 2 }\nf('')\nreturn v", "return 2"),
]
"""Where a line would be read as the rest of the line before, if types were blanks only."""


def value_of(house: House, code: str) -> object:
    ran = house.ran(code)
    assert ran.error is None, (code, ran.error)
    return ran.value


@pytest.mark.parametrize(("typed", "plain"), TYPED + JOINED)
def test_what_is_typed_gives_what_the_same_without_types_gives(house: House, typed: str, plain: str) -> None:
    assert value_of(house, typed) == value_of(house, plain)
    text = blanked(typed)
    assert [len(line) for line in text.split("\n")] == [len(line) for line in typed.split("\n")]


@pytest.mark.parametrize(
    ("code", "what", "line", "column"),
    [
        ("let x = 1\n  enum E { A }", "an enum", 2, 3),
        ("const enum E { A }", "an enum", 1, 1),
        ("namespace N { export const x = 1 }", "a namespace", 1, 1),
        ("class A { constructor(private a: number) {} }", "a parameter property", 1, 23),
        ("class A {\n constructor(readonly a: number) {} }", "a parameter property", 2, 14),
        ("@f class A { x: number }", "a decorator", 1, 1),
        ("class A { @f() x: number }", "a decorator", 1, 11),
        ("import x = require('y'); let n: number", "an import", 1, 8),
        ("let é = 'ü', n = <any>\n  1", "a type in front of a value", 1, 18),
    ],
)
def test_what_is_more_than_a_type_is_refused_with_its_place(
    house: House, code: str, what: str, line: int, column: int
) -> None:
    error = house.error(code)
    assert (error.code, error.line, error.column) == ("script_syntax", line, column)
    assert f"TypeScript is run without its types only, and this is {what}" in error.message


@pytest.mark.parametrize(
    ("code", "line", "column"),
    [
        ("const a: number = 1;\nconst b: string = undefined as any; nowhere", 2, 37),
        ("interface A {\n  x: number\n}\nfunction f<T>(x: T): never { throw new Error('x') }\n\nf<A>({} as A)", 4, 40),
        ("const é: string = 'ü'; (null as any).x", 1, 25),
    ],
)
def test_an_error_in_typescript_stands_where_its_source_has_it(house: House, code: str, line: int, column: int) -> None:
    error = house.error(code)
    assert (error.code, error.line, error.column) == ("script_error", line, column)


@pytest.mark.parametrize(
    "code",
    ["let x: = 5", "let x: number = ;", "type", "interface {", "const x = 1 as", "<<<<>>>>", "let a = 1; let a: number"],
)
def test_what_is_neither_says_what_javascript_says(house: House, code: str) -> None:
    error = house.error(code)
    assert error.code in ("script_syntax", "script_error")
    assert error.line == 1


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("const a = 1, b = 3, c = 2; return a < b && b >(c)", True),
        ("const a = 5, b = 3; return a>(b)", True),
        ("return [1, 2].filter((n) => n>(1)).map((n) =>(n))", [2]),
        ("const type = 1, declare = 2, as = 3, satisfies = 4; return type + declare + as + satisfies", 10),
        ("const x = {type: 1, interface: 2, as: 3}; return x.type + x.interface", 3),
        ("return 'let x: number; enum E { A }' // const y: string", "let x: number; enum E { A }"),
        ("const f = (x) => x ? (1) : (2); return f(0)", 2),
    ],
)
def test_javascript_stays_what_it_is(house: House, code: str, value: object) -> None:
    assert house.value(code) == value


def test_javascript_that_could_be_typescript_is_not_read_as_it() -> None:
    assert not looks_generic("const f = (x) =>(x); a > (b)")
    assert looks_generic("f<string>(x)")
    with pytest.raises(NoTypes):
        blanked("return 1")


def test_code_that_is_too_large_to_be_looked_at_for_types_is_javascript(house: House) -> None:
    error = house.error("let x: number = 1 //" + "x" * 140_000)
    assert (error.code, error.line) == ("script_syntax", 1)


NAMES = st.sampled_from(["a", "b", "été"])
TYPES = st.recursive(
    st.sampled_from(["number", "string", "any", "'x'", "null", "Foo.Bar", "typeof a", "-1", "`t${string}`"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"{two[0]} | {two[1]}"),
        inner.map(lambda one: f"({one})[]"),
        inner.map(lambda one: f"Map<string, {one}>"),
        inner.map(lambda one: f"{{ x?: {one};\n readonly y: {one} }}"),
        inner.map(lambda one: f"(a: {one}, ...r: any[]) => {one}"),
        inner.map(lambda one: f"[{one}, ({one})?]"),
        inner.map(lambda one: f"A extends ({one}) ? 1 : never"),
    ),
    max_leaves=4,
)


@st.composite
def programs(draw: st.DrawFn) -> tuple[str, str]:
    """A program with types, and the same without."""
    kind = draw(TYPES)
    name = draw(NAMES)
    number = draw(st.integers(0, 9))
    typed, plain = draw(
        st.sampled_from(
            [
                (f"const {name}: {kind} = {number}; out.push({name})", f"const {name} = {number}; out.push({name})"),
                (f"type T = {kind}\n(0, out.push({number}))", f"out.push({number})"),
                (f"out.push({number} as ({kind}))", f"out.push({number})"),
                (f"let q = {number} as unknown as ({kind})\n;[0].at(0); out.push(q)", f"out.push({number})"),
                (f"const f = ({name}: {kind}): ({kind}) => {name}\nout.push(f({number}))", f"out.push({number})"),
                (f"const f = <T extends {kind},>(x: T) => x\nout.push(f<{kind}>({number}))", f"out.push({number})"),
                (
                    f"function g({name}?: {kind}): ({kind}) {{ return {name} }}\nout.push(g({number}))",
                    f"out.push({number})",
                ),
                (
                    f"class C {{ private x: {kind} = {number}\n public ['y']?: {kind} }}\nout.push(new C().x)",
                    f"out.push({number})",
                ),
            ]
        )
    )
    return typed, plain


@settings(max_examples=60, deadline=None)
@given(program=programs())
def test_any_type_leaves_the_value_and_the_lines_as_they_are(house: House, program: tuple[str, str]) -> None:
    typed, plain = (f"const out = [];\n{{\n{body}\n}}\nreturn out" for body in program)
    assert value_of(house, typed) == value_of(house, plain)
    assert house.error(f"{typed[: -len('return out')]}nowhere").line == typed.count("\n") + 1


@settings(max_examples=60, deadline=None)
@given(code=st.text(alphabet="ab:<>(){}[]=?!;,.\n \t'\"`$/*+-é\u2028", max_size=60))
def test_any_text_is_blanked_or_refused_and_keeps_its_lines(code: str) -> None:
    try:
        text = blanked(code)
    except (NoTypes, Unsupported):
        return
    assert [len(line) for line in text.split("\n")] == [len(line) for line in code.split("\n")]
