"""Two parsers of TypeScript that are not ours: tree-sitter's, and the one that Node.js takes types out with."""

import json
import subprocess
from collections.abc import Iterable

import tree_sitter_typescript
from tree_sitter import Language, Node, Parser

from tests.clients import node

_parser = Parser(Language(tree_sitter_typescript.language_typescript()))
_STRIP = """
import { stripTypeScriptTypes } from 'node:module';
let text = '';
for await (const chunk of process.stdin) text += chunk;
const said = JSON.parse(text).map((source) => {
  try { return [stripTypeScriptTypes(source).trim(), '']; } catch (error) { return ['', String(error.message)]; }
});
process.stdout.write(JSON.stringify(said));
"""


def parsed(source: str) -> Node:
    """The tree of a source. Fails for one that has an error anywhere."""
    root = _parser.parse(source.encode()).root_node
    assert not root.has_error, f"no TypeScript: {_first_error(root)}\n{source}"
    return root


def _first_error(root: Node) -> str:
    waiting = [root]
    while waiting:
        found = waiting.pop()
        if found.is_error or found.is_missing:
            return f"{found.start_point} {found.text!r}"
        waiting += reversed(found.children)
    return "?"


def kinds(root: Node) -> list[str]:
    """Of all nodes below one, as the grammar calls them."""
    return [root.type, *(kind for child in root.children for kind in kinds(child))]


def taken_out(sources: Iterable[str]) -> list[tuple[str, str]]:
    """For each source what is left of it without types, and the error of one that is none."""
    binary = node.binary()
    assert binary is not None
    done = subprocess.run(
        [binary, "--no-warnings", "--input-type=module", "-e", _STRIP],
        input=json.dumps(list(sources)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [(left, error) for left, error in json.loads(done.stdout)]
