"""The scripts that are worst for whoever runs them: each hangs, fills memory, or keeps the engine inside of one of its own
functions, where it looks at no limit."""

BOMBS = {
    "endless loop": "for (;;) {}",
    "loop inside of a native search": "const s = 'a'.repeat(2e7); for (;;) s.indexOf('b');",
    "search with a long needle": ("const s = 'a'.repeat(4e6) + 'b', n = 'a'.repeat(2e6) + 'c'; for (;;) s.includes(n);"),
    "loop inside of a native fill": "const bytes = new Uint8Array(3e7); for (;;) bytes.fill(1);",
    "arrays": "const kept = []; for (;;) kept.push(new Array(1e5).fill(7));",
    "typed arrays": "const kept = []; for (;;) kept.push(new Uint8Array(1 << 26).fill(1));",
    "squares of a BigInt": "let n = 3n; for (;;) n *= n;",
    "backtracking": "return /^(a+)+$/.test('a'.repeat(40) + '!');",
    "deep object to JSON": (
        "const top = {}; let at = top; for (let i = 0; i < 2e6; i++) at = at.next = {}; return JSON.stringify(top).length;"
    ),
    "deep JSON": "return JSON.parse('['.repeat(5e6));",
    "endless microtasks": "(function again() { Promise.resolve().then(again); })(); await new Promise(() => {});",
    "endless awaits": "for (;;) await 0;",
    "a split into twenty million": "return 'a'.repeat(2e7).split('').length;",
    "recursion": "function deeper() { return deeper() + 1; } return deeper();",
}
