"""Names in Bicep: each is declared, each is used, and modules are given what they take."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from tree_sitter import Node

from tests.infra.gate.bicep import Bicep, text

# SIM905: a line of words is read faster than a column of strings.
_FUNCTIONS = frozenset(
    [
        "array",
        "bool",
        "concat",
        "contains",
        "empty",
        "endsWith",
        "environment",
        "first",
        "format",
        "guid",
        "int",
        "intersection",
        "items",
        "join",
        "last",
        "length",
        "loadJsonContent",
        "loadTextContent",
        "max",
        "min",
        "objectKeys",
        "padLeft",
        "range",
        "replace",
        "resourceGroup",
        "resourceId",
        "skip",
        "split",
        "startsWith",
        "string",
        "subscription",
        "subscriptionResourceId",
        "substring",
        "take",
        "tenant",
        "toLower",
        "toUpper",
        "trim",
        "union",
        "uniqueString",
        "uri",
        "uriComponent",
    ]
)
_DECORATORS = frozenset(
    "allowed batchSize description maxLength maxValue metadata minLength minValue secure".split()  # noqa: SIM905
)
_DECLARATIONS = frozenset(
    f"{kind}_declaration" for kind in ("parameter", "variable", "resource", "module", "output", "metadata")
)
_TYPES = frozenset({"type", "primitive_type"})


def findings(file: Bicep, files: Mapping[Path, Bicep]) -> Iterator[str]:
    """What is undefined, unused, or wrongly handed to a module."""
    used: Counter[str] = Counter()
    declared = {*file.params, *file.variables, *(one.name for one in (*file.resources, *file.modules))}
    for node, name, local in _references(file.root, frozenset()):
        used[name] += 1
        known = declared | local | _FUNCTIONS | (_DECORATORS if _decorates(node) else frozenset())
        if name not in known:
            yield f"{file.where(node.start_point[0] + 1)}: '{name}' is not defined"
    for name in sorted({*file.params, *file.variables} - set(used)):
        yield f"{file.path.name}: '{name}' is never used"
    yield from _modules(file, files)


def _modules(file: Bicep, files: Mapping[Path, Bicep]) -> Iterator[str]:
    for module in file.modules:
        target = files.get((file.path.parent / module.kind).resolve())
        if target is None:
            yield f"{file.where(module.line)}: module {module.kind} does not exist"
            continue
        given = set(module.body.get("params", {}))
        for name in sorted(given - set(target.params)):
            yield f"{file.where(module.line)}: module {module.name} has no parameter '{name}'"
        for name in sorted({name for name, must in target.params.items() if must} - given):
            yield f"{file.where(module.line)}: module {module.name} is not given '{name}'"
        for name in re.findall(rf"\b{module.name}!?\.outputs\.(\w+)", file.text):
            if name not in target.outputs:
                yield f"{file.where(module.line)}: module {module.name} has no output '{name}'"


def _references(node: Node, local: frozenset[str]) -> Iterator[tuple[Node, str, frozenset[str]]]:
    """Every identifier that stands for something, with the loop variables around it."""
    if node.type in _TYPES:
        return
    if node.type == "for_statement":
        local = local | _loop_variables(node)
    for index, child in enumerate(node.named_children):
        if child.type == "identifier":
            if not _names_something(node, index) and text(child) not in local:
                yield child, text(child), local
        elif child.type != "for_loop_parameters":
            yield from _references(child, local)


def _names_something(node: Node, index: int) -> bool:
    """Whether the identifier is itself a name being given, or a property's."""
    if node.type in _DECLARATIONS or node.type == "object_property":
        return index == 0
    initializer = node.child_by_field_name("initializer")
    return node.type == "for_statement" and initializer == node.named_children[index]


def _loop_variables(node: Node) -> frozenset[str]:
    names = {
        text(each)
        for child in node.named_children
        if child.type == "for_loop_parameters"
        for each in child.named_children
    }
    initializer = node.child_by_field_name("initializer")
    return frozenset(names | ({text(initializer)} if initializer else set()))


def _decorates(node: Node) -> bool:
    call = node.parent
    return call is not None and call.parent is not None and call.parent.type == "decorator"
