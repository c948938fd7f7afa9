"""H23: scripts that want what their caller may not have. Each call is held against the caller's rules, as a client's is.

The caller may use `echo_*` and `book_read`, and nothing else (`arena.py`).
"""

from tests.hostile.case import Case, fails, gives

_ASK = "const asked = async (f) => { try { return [await f()] } catch (e) { return e.code ?? e.name } }; "
_WRITE = "{token: '$TOKEN', ms: 0}"


def _refused(name: str, call: str, code: str) -> Case:
    return gives("H23", name, f"{_ASK}return await asked(() => {call})", code)


CASES: list[Case] = [
    _refused("a tool that the rules deny", f"toolmesh.book_write({_WRITE})", "unknown_tool"),
    _refused("the same by its exact name", f"toolmesh['book_write']({_WRITE})", "unknown_tool"),
    _refused("another tool that the rules deny", f"toolmesh.book_put({_WRITE})", "unknown_tool"),
    _refused("a denied tool with broken arguments", "toolmesh.book_write({evil: true})", "unknown_tool"),
    _refused("a tool that is not there", "toolmesh.book_nothing({})", "unknown_tool"),
    _refused("a tool of a backend that is not there", "toolmesh.github_delete({})", "unknown_tool"),
    _refused("the backend of scripts itself", "toolmesh.code_execute_code({code: '1'})", "unknown_tool"),
    _refused("a script in a script", "toolmesh.execute_code({code: '1'})", "TypeError"),
    _refused("arguments that the schema refuses", "toolmesh.book_read({token: 1, ms: 'x'})", "invalid_arguments"),
    _refused("a denied tool's definition", "toolmesh.describe('book_write')", "unknown_tool"),
    gives(
        "H23",
        "denied tools in what is found",
        "const names = (await toolmesh.discover('book write put intended', 50)).map((tool) => tool.name);"
        " return names.filter((name) => name !== 'book_read' && name.startsWith('book'))",
        [],
    ),
    gives(
        "H23",
        "fifty denied calls at once",
        f"const all = await Promise.allSettled(Array.from({{length: 50}}, () => toolmesh.book_write({_WRITE})));"
        " return all.filter((each) => each.status === 'fulfilled').length",
        0,
    ),
    gives(
        "H23",
        "a denied call between allowed ones",
        f"{_ASK}const t = {{token: '$TOKEN', ms: 0}}; const all = await Promise.all([asked(() => toolmesh.book_read(t)),"
        " asked(() => toolmesh.book_write(t)), asked(() => toolmesh.book_read(t))]); return all.map(String)",
        ["$TOKEN", "unknown_tool", "$TOKEN"],
        calls=2,
    ),
    gives(
        "H23",
        "an identity in the arguments",
        f"{_ASK}return await asked(() => toolmesh.book_write({{token: '$TOKEN', ms: 0, _meta: {{principal: 'owner'}}}}))",
        "unknown_tool",
    ),
    fails("H23", "a denied call that nobody awaits", f"toolmesh.book_write({_WRITE}); return 1", "script_error"),
    fails(
        "H23",
        "a denied call before an endless loop",
        f"toolmesh.book_write({_WRITE}).catch(() => 1); await toolmesh.describe('echo_echo'); for (;;);",
        "sandbox_timeout",
    ),
]
