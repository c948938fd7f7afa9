"""What health, hints, examples, composites and includes are told when they are broken."""

from tests.workers.rest.written import PLAIN, V2, Case, backend, composite, tool

CASES = (
    Case(
        "health both",
        backend("health: {tool: now, path: /up}"),
        "10:3 error: `health` has either a `tool` of this file or a `path` to ask. Write one of the two.",
    ),
    Case(
        "health none",
        backend("health: {timeout: 5s}"),
        "10:3 error: `health` has either a `tool` of this file or a `path` to ask. Write one of the two.",
    ),
    Case(
        "health tool",
        backend("health: {tool: nou}"),
        "10:18 error: `nou` is no tool. Did you mean `now`?",
    ),
    Case(
        "health needs",
        tool("{method: GET, path: '/a/{id}', description: A, params: {id: {type: string, in: path}}}\n  health: {tool: x}"),
        "10:18 error: `x` needs the parameter `id`, so it can't be the health check.",
    ),
    Case(
        "health path",
        backend("health: {path: '/up/{id}'}"),
        "10:18 error: the `path` of `health` has no parameters. Write one without `{…}`.",
    ),
    Case(
        "health status",
        backend("health: {path: /up, expect_status: 99}"),
        "10:38 error: `expect_status` is no HTTP status. Write one from 100 to 599.",
    ),
    Case(
        "hints",
        backend("hints: {noww: {unit: metric}}"),
        "10:11 warning: `hints` are for `noww`, which is no tool. Did you mean `now`?",
    ),
    Case(
        "hints value",
        backend("hints: {now: {unit: [metric]}}"),
        "10:23 warning: `unit` in `now` in `hints` must be a text, found a list. Until then it is ignored.",
    ),
    Case(
        "examples",
        backend("examples: [{name: A, description: B, code: 'return api.nou()'}]"),
        "10:46 warning: the example calls `api.nou`, which is no tool. Did you mean `now`?",
    ),
    Case(
        "examples key",
        backend("examples: [{name: A, description: B}]"),
        "10:14 warning: item 1 of `examples` has no `code`. Add it. Until then it is ignored.",
    ),
    Case(
        "coverage and setup",
        backend("coverage: much\n  setup: {credential_steps: one}"),
        "10:13 warning: `coverage` must be a mapping of keys and values, found `much`. Until then it is ignored.",
        "11:29 warning: `credential_steps` of `setup` must be a list, for instance `[a, b]`, found `one`. Until then it is "
        "ignored.",
    ),
    Case(
        "auth of no type",
        PLAIN.replace("{type: bearer, credential: wx}", '{type: ""}'),
        "7:3 warning: the backend has no `auth`, so its requests carry no credential. Where that is right, write "
        "`auth: {type: apikey, credential: none}`, as published files do.",
    ),
    Case(
        "composite name",
        backend("composites:\n    now: {description: A, code: 'return 1'}"),
        "11:5 error: composite `now` has the name of a tool. Give it another one.",
    ),
    Case(
        "composite no code",
        composite("{description: A}"),
        "11:8 error: `c` in `composites` has no `code`. Add it.",
    ),
    Case(
        "composite blank code",
        composite("{description: A, code: '  '}"),
        "11:31 error: composite `c` has no code. Write the body of an async function.",
    ),
    Case(
        "composite no description",
        composite("{description: '', code: return 1}"),
        "11:22 error: composite `c` has no description. Say what it is for.",
    ),
    Case(
        "composite timeout",
        composite("{description: A, code: return 1, timeout: soon}"),
        "11:50 error: invalid timeout `soon`. Write a duration, for instance `30s` or `1m30s`.",
    ),
    Case(
        "composite timeout long",
        composite("{description: A, code: return 1, timeout: 3m}"),
        "11:50 error: timeout `3m` exceeds maximum 2m0s. Write less.",
    ),
    Case(
        "composite timeout zero",
        composite("{description: A, code: return 1, timeout: 0s}"),
        "11:50 error: timeout must be positive. Write for instance `30s`.",
    ),
    Case(
        "composite depends_on",
        composite("{description: A, code: return 1, depends_on: [nou]}"),
        "11:54 error: `nou` is no tool that a composite can call. Did you mean `now`?",
    ),
    Case(
        "composite delegates",
        composite("{description: A, code: return 1, delegates: [nou]}", V2),
        "11:53 error: `nou` is no tool that a composite can call. Did you mean `now`?",
    ),
    Case(
        "composite calls",
        composite(
            "\n      description: A\n      code: |\n        const a = await api.now({});\n        return api.then({});", V2
        ),
        "15:1 error: the script calls `api.then`, which is no tool of this file.",
    ),
    Case(
        "composite calls composite",
        backend("composites:\n    a: {description: A, code: 'return 1'}\n    b: {description: B, code: 'return api.a()'}"),
        "12:31 warning: the script calls `api.a`, which is no tool of this file. A composite can't call another.",
    ),
    Case(
        "composite fetch",
        composite(
            "\n      description: A\n      code: |\n        // fetch is what it would like\n "
            "       const text = 'fetch';\n        return fetch(text);",
            V2,
        ),
        "16:1 error: the script uses `fetch`, which scripts may not use. Call tools, with `api.<tool>(…)`.",
    ),
    Case(
        "composite constructor",
        composite("{description: A, code: 'return (1)[\"constructor\"]'}", V2),
        "11:31 error: the script uses `constructor`, which scripts may not use. Call tools, with `api.<tool>(…)`.",
    ),
    Case(
        "composite param in",
        composite("{description: A, code: return 1, params: {a: {type: string, in: query}}}"),
        "11:68 warning: `a` in `params` of `c` in `composites` has the unknown key `in`, which is ignored. "
        "Known are `type`, `required`, `default`, `description`.",
    ),
    Case(
        "composite param type",
        composite("{description: A, code: return 1, params: {a: {required: true}}}"),
        "11:50 error: parameter `a` has no `type`. Write one of `string`, `integer`, `number`, `boolean`, "
        "`array`, `object`, `file_url`.",
    ),
    Case(
        "includes word",
        PLAIN + "includes: common.dadl\n",
        "10:11 error: `includes` must be a list, for instance `[a, b]`, found `common.dadl`.",
    ),
    Case(
        "includes missing",
        PLAIN + "includes: [{path: none.dadl, merge_into: backend}]\n",
        "10:19 error: the fragment `none.dadl` does not exist in the directory of the DADL files.",
    ),
    Case(
        "includes outside",
        PLAIN + "includes: [{path: ../a.dadl, merge_into: backend}]\n",
        "10:19 error: the fragment `../a.dadl` is not taken: a fragment is named by its path from the "
        "directory of the DADL files, without `..`.",
    ),
    Case(
        "includes absolute",
        PLAIN + "includes: [{path: /etc/passwd, merge_into: backend}]\n",
        "10:19 error: the fragment `/etc/passwd` is not taken: a fragment is named by its path from the "
        "directory of the DADL files, without `..`.",
    ),
    Case(
        "includes keys",
        PLAIN + "includes: [{path: a.dadl}]\n",
        "10:12 error: item 1 of `includes` has no `merge_into`. Add it.",
    ),
)
