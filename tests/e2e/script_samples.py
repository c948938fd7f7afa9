"""What a script can be run on, made from the script: its arguments, and answers of APIs in which all is that it names."""

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from tests.workers.rest.samples import samples
from workers.backends.rest.dadl.composite import Composite
from workers.backends.rest.dadl.tool import Param, Tool
from workers.backends.rest.reader.composite_scan import called_tools

TEXT = "leaf"
PAGE = f"== {TEXT} ==\n{TEXT}"
"""A text with several lines, in which `TEXT` is found."""
TIME = "2026-01-02T03:04:05Z"
_CHAIN = re.compile(r"(?<![\w.])(\w+|\))((?:\??\.[A-Za-z_]\w*)+)")
_STEP = re.compile(r"\.([A-Za-z_]\w*)")
_COMPARED = re.compile(r"""\.(\w+)\s*===\s*(["'])(.*?)\2""")
_INDEXED = re.compile(r"\.([A-Za-z_]\w*)\s*(?:\?\.)?\[")
_DEFAULT_LIST = re.compile(r"\.([A-Za-z_]\w*)\s*(?:\|\||\?\?)\s*\[\]")
_OF_LISTS = {"map", "filter", "slice", "find", "some", "every", "forEach", "reduce", "concat", "join", "length", "push"}
_NOT_OURS = {"api", "params", "Math", "Object", "Promise", "Array", "console", "Number", "String", "JSON", "Date"}
Answers = Mapping[str, Any]
"""By tool: the document that its answer holds."""


def arguments_for(composite: Composite) -> Iterator[dict[str, Any]]:
    """A value for each parameter, by its type: texts that are a time by their name are one, lists hold something. Then the
    same with those texts that the script compares parameters with."""
    found = {name: _value(name, param) for name, param in composite.params.items()}
    yield found
    compared = {name: text for name, _, text in _COMPARED.findall(composite.code) if name in found}
    if compared:
        yield found | compared


def _value(name: str, param: Param) -> Any:
    thing = {"type": TEXT, "body": TEXT}
    kinds: dict[str, Any] = {"integer": 1, "number": 1, "boolean": True, "array": [thing], "object": thing}
    return kinds.get(param.type, TIME if "time" in name else TEXT)


def answers_for(composite: Composite, tools: Mapping[str, Tool]) -> Iterator[Answers]:
    """Candidates, since nobody says which of its tools gives an object, a list or a text."""
    named = sorted({each.text for each in called_tools(composite.code)})
    for inner in ("object", "number"):
        item = _item(composite.code, inner)
        plain = (item, [item, item], [1, 2], PAGE)
        kinds = (tuple(samples(program)) if (program := tools[name].response.transform) else plain for name in named)
        for chosen in product(*kinds):
            yield dict(zip(named, chosen, strict=True))


def _item(code: str, inner: str) -> dict[str, Any]:
    """An object with every name; lists where a name is used as one. What else there is are texts, or numbers (`inner`)."""
    chains = [_STEP.findall(found[2]) for found in _CHAIN.finditer(code) if found[1] not in _NOT_OURS]
    lists = {chain[-2] for chain in chains if len(chain) > 1 and chain[-1] in _OF_LISTS}
    lists |= {*_INDEXED.findall(code), *_DEFAULT_LIST.findall(code)}
    leaf = 1 if inner == "number" else PAGE
    flat: dict[str, Any] = {name: leaf for chain in chains for name in chain if name not in _OF_LISTS}
    flat |= {name: text for name, _, text in _COMPARED.findall(code)}
    for _ in range(2):
        elements = [1, 2] if inner == "number" else [flat, flat]
        flat = flat | dict.fromkeys(lists, elements)
    item = dict(flat)
    for chain in chains:
        names = [name for name in chain if name not in _OF_LISTS]
        node = item
        for name in names[:-1]:
            if name in lists:
                break
            if not isinstance(node.get(name), dict):
                node[name] = dict(flat)
            node = node[name]
    return item
