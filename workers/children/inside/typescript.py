"""TypeScript to JavaScript by blanking: what only says a type becomes spaces, so that lines and columns stay what they are.

Parsed with tree-sitter. What means something when it runs (enums, namespaces, decorators, parameter properties) is refused.
Where the text that is left would be joined to what follows (automatic semicolon insertion, ECMA-262 section 12.10), a
semicolon or a parenthesis takes the place of a blank.
"""

from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node

CODE_BYTES_MAX = 128 * 1024
"""Larger code is taken for JavaScript: broken code takes a parser that mends long."""

_BREAKS = "\n\r\u2028\u2029"
_WHOLE = {"type_parameters", "type_arguments", "implements_clause", "override_modifier"}
_STATEMENTS = {
    "interface_declaration",
    "type_alias_declaration",
    "ambient_declaration",
    "function_signature",
    "method_signature",
    "abstract_method_signature",
    "index_signature",
}
_SUFFIXED = {"as_expression": "as", "satisfies_expression": "satisfies", "non_null_expression": "!"}
_ENDED = {"expression_statement", "lexical_declaration", "variable_declaration", "return_statement", "throw_statement"}
_REFUSED = {
    "enum_declaration": "an enum: write an object, as in const E = {A: 0}",
    "internal_module": "a namespace: write its parts by themselves",
    "module": "a module: write its parts by themselves",
    "decorator": "a decorator: call the function yourself",
    "import_alias": "an import: there is nothing to import here",
    "import_require_clause": "an import: there is nothing to import here",
    "export_assignment": "an export: write return",
}


class NoTypes(Exception):
    """Nothing of this is TypeScript, or it is broken as TypeScript too."""


class Unsupported(Exception):
    """TypeScript that is more than types."""

    def __init__(self, what: str, line: int, column: int) -> None:
        super().__init__(f"TypeScript is run without its types only, and this is {what}.")
        self.line = line
        self.column = column


def _binding(package: str) -> Any:
    """The compiled part of a package alone: what stands around it would cost each child's start 50 ms and 2.5 MiB."""
    around = PathFinder.find_spec(package)
    found = around and PathFinder.find_spec("_binding", around.submodule_search_locations)
    if not found or found.loader is None:
        raise ImportError(f"the package {package} is not installed here")
    module = module_from_spec(found)
    found.loader.exec_module(module)
    return module


def _parser() -> Any:
    binding = _binding("tree_sitter")
    return binding.Parser(binding.Language(_binding("tree_sitter_typescript").language_typescript()))


_PARSER = _parser()


def looks_generic(code: str) -> bool:
    """Whether there may be a call such as `f<T>(x)`, which is two comparisons where it is read as JavaScript."""
    start = code.find(">(", code.find("<") + 1) if "<" in code else -1
    while start >= 0:
        if code[start - 1] not in "=> ":
            return True
        start = code.find(">(", start + 1)
    return False


def blanked(code: str) -> str:
    """The code without its types. Raises NoTypes, and Unsupported."""
    source = code.encode()
    if len(source) > CODE_BYTES_MAX:
        raise NoTypes
    root = _PARSER.parse(source).root_node
    if root.has_error:
        _refuse_first(root, source)
        raise NoTypes
    return _Blanking(code, source).without_types(root)


def _refuse_first(root: "Node", source: bytes) -> None:
    """Raise Unsupported for the first thing in a broken tree that would be refused anyway: what broke it, most likely."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.type in _REFUSED and not node.has_error:
            raise Unsupported(_REFUSED[node.type], *_place(source, node))
        waiting.extend(reversed(node.children))


def _place(source: bytes, node: "Node") -> tuple[int, int]:
    before = source[: node.start_byte].decode()
    return before.count("\n") + 1, len(before) - before.rfind("\n")


class _Blanking:
    """Mutable: the text while types are taken out of it."""

    def __init__(self, code: str, source: bytes) -> None:
        self._text = list(code)
        self._source = source
        # Byte offset to offset of the character, for what the parser counts in bytes.
        self._at = range(len(source) + 1) if len(code) == len(source) else _offsets(code)
        self._found = False
        self._taken: set[int] = set()

    def without_types(self, root: "Node") -> str:
        waiting = [root]
        while waiting:
            waiting.extend(self._take(waiting.pop()))
        if not self._found:
            raise NoTypes
        return "".join(self._text)

    def _take(self, node: "Node") -> "list[Node]":
        """Blank what of this node says a type; the parts of it that are still to be looked at."""
        kind = node.type
        if kind in _REFUSED:
            self._refuse(node, _REFUSED[kind])
        if kind in _STATEMENTS or self._is_declared(node):
            self._blank(node.start_byte, node.end_byte, first=";")
            return []
        if kind in _WHOLE or kind.endswith("_annotation"):
            if node.start_byte not in self._taken:
                end = _end_of_type(node)
                self._blank(node.start_byte, end, last=";" if end < node.end_byte else " ")
            return []
        if kind in _SUFFIXED:
            self._suffix(node, _SUFFIXED[kind])
            return node.children[:1]
        if kind in ("required_parameter", "optional_parameter") and self._is_this(node):
            return []
        if look := _LOOKS.get(kind):
            look(self, node)
        return node.children

    def _is_declared(self, node: "Node") -> bool:
        if node.type == "public_field_definition":
            return any(child.type in ("declare", "abstract") for child in node.children)
        return node.type == "import_statement" and any(child.type == "type" for child in node.children)

    def _suffix(self, node: "Node", word: str) -> None:
        mark = next(child for child in node.children if child.type == word)
        end = _end_of_type(node)
        over = end < node.end_byte or self._ends_a_statement(node) or (word != "!" and _begins_an_operand(node))
        self._blank(mark.start_byte, end, last=";" if over else " ")

    def _ends_a_statement(self, node: "Node") -> bool:
        """Whether a statement ends with this without a semicolon, so that a line that follows would be read as its rest."""
        above = node.parent
        while above is not None and above.end_byte == node.end_byte:
            if above.type in _ENDED or above.type == "public_field_definition":
                return True
            above = above.parent
        return False

    def _assertion(self, node: "Node") -> None:
        types, value = node.children[0], node.children[-1]
        if types.start_point[0] != value.start_point[0]:
            self._refuse(node, "a type in front of a value on another line: write value as Type")

    def _arrow(self, node: "Node") -> None:
        """No line may break between parameters and `=>`, nor between `async` or `return` and parameters."""
        parameters = node.child_by_field_name("parameters")
        types = node.child_by_field_name("type_parameters")
        returned = node.child_by_field_name("return_type")
        if parameters is None:
            return
        if types is not None and types.start_point[0] != parameters.start_point[0]:
            self._blank(types.start_byte, parameters.start_byte + 1, first="(")
            self._taken.add(types.start_byte)
        if returned is not None and returned.end_point[0] != parameters.end_point[0]:
            self._blank(parameters.end_byte - 1, returned.end_byte, last=")")
            self._taken.add(returned.start_byte)

    def _is_this(self, node: "Node") -> bool:
        """Whether the parameter is `this`, which says a type and is none; it is blanked then."""
        if any(child.type in ("accessibility_modifier", "readonly", "override_modifier") for child in node.children):
            self._refuse(node, "a parameter property: write this.name = name in the constructor")
        pattern = node.child_by_field_name("pattern")
        if pattern is None or pattern.type != "this":
            return False
        comma = node.next_sibling
        self._blank(node.start_byte, comma.end_byte if comma is not None and comma.type == "," else node.end_byte)
        return True

    def _member(self, node: "Node") -> None:
        first = node.children[0]
        for child in node.children:
            if child.type in ("accessibility_modifier", "override_modifier", "readonly", "?", "!"):
                # The member before may have no semicolon, and this one begin with a bracket or a star.
                self._blank(child.start_byte, child.end_byte, first=";" if child == first else " ")

    def _word(self, node: "Node") -> None:
        """The one word in front of a class, or behind a name, that says something of types alone."""
        for child in node.children:
            if child.type in ("abstract", "?", "!"):
                self._blank(child.start_byte, child.end_byte)

    def _blank(self, start: int, end: int, first: str = " ", last: str = " ") -> None:
        self._found = True
        begin, stop = self._at[start], self._at[end]
        for index in range(begin, stop):
            if self._text[index] not in _BREAKS:
                self._text[index] = " "
        if first != " ":
            self._text[begin] = first
        if last != " ":
            self._text[stop - 1] = last

    def _refuse(self, node: "Node", what: str) -> None:
        raise Unsupported(what, *_place(self._source, node))


_LOOKS = {
    "type_assertion": _Blanking._assertion,
    "arrow_function": _Blanking._arrow,
    "abstract_class_declaration": _Blanking._word,
    "optional_parameter": _Blanking._word,
    "variable_declarator": _Blanking._word,
    "public_field_definition": _Blanking._member,
    "method_definition": _Blanking._member,
}


def _end_of_type(node: "Node") -> int:
    """Where a type ends: a bracket on a line of its own is not part of it, whatever the parser makes of it."""
    if node.type in ("lookup_type", "array_type"):
        element, bracket = node.children[0], node.children[1]
        end = _end_of_type(element)
        return end if end < element.end_byte or bracket.start_point[0] > element.end_point[0] else node.end_byte
    last = node.children[-1] if node.children else None
    return _end_of_type(last) if last is not None and last.end_byte == node.end_byte and last.is_named else node.end_byte


def _begins_an_operand(node: "Node") -> bool:
    """Whether the parser takes `value as Type` for what is called or looked into, which only a new statement can be."""
    above = node.parent
    return (
        above is not None
        and above.type in ("call_expression", "member_expression", "subscript_expression")
        and above.start_byte == node.start_byte
    )


def _offsets(code: str) -> list[int]:
    offsets: list[int] = []
    for index, character in enumerate(code):
        offsets.extend([index] * len(character.encode()))
    offsets.append(len(code))
    return offsets
