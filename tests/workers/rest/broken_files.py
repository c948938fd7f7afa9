"""What a file as a whole, its backend and its includes are told when they are broken."""

from tests.workers.rest.written import AUTH, HEAD, PLAIN, TOOLS, V1, Case, backend

CASES = (
    Case(
        "empty",
        "",
        "error: the file must be a mapping. Start it with `spec: https://dadl.ai/spec/dadl-spec-v0.1.md` and `backend:`.",
    ),
    Case(
        "a list",
        "- a\n",
        "1:1 error: the file must be a mapping. Start it with `spec: https://dadl.ai/spec/dadl-spec-v0.1.md` "
        "and `backend:`.",
    ),
    Case(
        "no spec",
        HEAD + AUTH + TOOLS,
        '1:1 error: unsupported spec "" (supported: https://dadl.ai/spec/dadl-spec-v0.1.md, '
        "https://dadl.ai/spec/dadl-spec-v0.2.md).",
    ),
    Case(
        "unknown spec",
        "spec: https://dadl.ai/spec/dadl-spec-v0.3.md\n" + HEAD + AUTH + TOOLS,
        '1:7 error: unsupported spec "https://dadl.ai/spec/dadl-spec-v0.3.md" (supported: '
        "https://dadl.ai/spec/dadl-spec-v0.1.md, https://dadl.ai/spec/dadl-spec-v0.2.md).",
    ),
    Case(
        "a fragment alone",
        "_fragment: true\ntools: {}\n",
        '1:1 error: unsupported spec "" (supported: https://dadl.ai/spec/dadl-spec-v0.1.md, '
        "https://dadl.ai/spec/dadl-spec-v0.2.md). It is a fragment: name the file that includes it.",
    ),
    Case(
        "no backend",
        V1,
        "1:1 error: the file has no `backend`. Add it.",
    ),
    Case(
        "backend is a list",
        V1 + "backend: [a]\n",
        "2:10 error: `backend` must be a mapping of keys and values, found a list.",
    ),
    Case(
        "not yaml",
        V1 + "backend:\n  name: [a\n  type: rest\n",
        "4:7 error: not YAML: did not find expected ',' or ']'. Check the indentation and the quotes on this "
        "line and the one before it.",
    ),
    Case(
        "tab",
        V1 + "backend:\n\tname: a\n",
        "3:1 error: not YAML: found character that cannot start any token. Indent with spaces, not with tabs.",
    ),
    Case(
        "key twice",
        V1 + "backend:\n  name: a\n  name: b\n",
        "4:3 error: `name` is written twice (first on line 3). Keep one.",
    ),
    Case(
        "unknown anchor",
        V1 + "backend: *nothing\n",
        "2:10 error: `*nothing` refers to no anchor above it. Write `&nothing` there, or put a text that "
        "begins with `*` in quotes.",
    ),
    Case(
        "python tag",
        V1 + "backend: !!python/object:os.system {}\n",
        "2:10 error: the tag tag:yaml.org,2002:python/object:os.system is not supported. Remove it.",
    ),
    Case(
        "control character",
        V1 + "backend:\n  name: a\x07\n",
        "3:10 error: a control character that YAML does not allow. Remove it.",
    ),
    Case(
        "two documents",
        PLAIN + "---\na: b\n",
        "10:1 error: a second document (`---`). Keep one document in a file.",
    ),
    Case(
        "no name",
        V1 + "backend: {type: rest, tools: {}}\n",
        "2:10 error: `backend` has no `name`. Add it.",
    ),
    Case(
        "empty name",
        PLAIN.replace("name: wx", "name: ''"),
        "3:9 error: backend.name must not be empty. Write a short name: lower-case letters, digits and `-`.",
    ),
    Case(
        "odd name",
        PLAIN.replace("name: wx", "name: WX").replace("v0.1", "v0.2"),
        "3:9 error: `WX` should begin with a lower-case letter, and have such letters, digits and `-` only.",
    ),
    Case(
        "odd name in 0.1",
        PLAIN.replace("name: wx", "name: WX"),
        "3:9 warning: `WX` should begin with a lower-case letter, and have such letters, digits and `-` only.",
    ),
    Case(
        "type missing",
        PLAIN.replace("  type: rest\n", ""),
        "3:3 error: `backend` has no `type`. Add it.",
    ),
    Case(
        "type graphql",
        PLAIN.replace("type: rest", "type: graphql"),
        "4:9 error: `type` must be `rest`, found `graphql`.",
    ),
    Case(
        "version",
        backend("version: one"),
        '10:12 error: `one` is no version. Write two or three numbers in quotes: `"1.0"`, `"1.2.1"`.',
    ),
    Case(
        "base_url ftp",
        PLAIN.replace("https://wx.example", "ftp://wx.example"),
        "5:13 error: `base_url` is not an http or https URL without a user in it. Write for instance "
        "`https://api.example.com/v1`.",
    ),
    Case(
        "base_url placeholder",
        PLAIN.replace("https://wx.example", "https://{host}/api"),
        "5:13 warning: `base_url` holds a placeholder, so it does not count: `url:` in backends.yaml has to say where the "
        "API is.",
    ),
    Case(
        "base_url query",
        PLAIN.replace("wx.example", "wx.example/?a=1"),
        "5:13 error: `base_url` has a query or a fragment, which no path can be put behind. Remove it.",
    ),
    Case(
        "base_url user",
        PLAIN.replace("https://wx.example", "https://u:p@wx.example"),
        "5:13 error: `base_url` is not an http or https URL without a user in it. Write for instance "
        "`https://api.example.com/v1`.",
    ),
    Case(
        "unknown key of backend",
        backend("base_ur: https://a.example"),
        "10:3 warning: `backend` has the unknown key `base_ur`, which is ignored. Did you mean `base_url`?",
    ),
    Case(
        "scoping",
        backend("scoping: {strategy: static}"),
        "10:3 warning: `scoping` has no effect: all tools are offered. Use `include_tools` in backends.yaml.",
    ),
    Case(
        "no description",
        PLAIN.replace("  description: Weather\n", ""),
        "2:1 warning: the backend has no `description`. Say in a sentence what the API is.",
    ),
    Case(
        "date",
        PLAIN + "date: 1.1.2026\n",
        "10:7 warning: `1.1.2026` is no date. Write it as 2026-01-31.",
    ),
    Case(
        "no tools",
        V1 + HEAD + AUTH,
        "2:1 error: backend must define at least one tool. Write it under `tools:`.",
    ),
)
