"""Bicep files as Python values: what the checks of the gate look at."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

_parser = Parser(Language(tree_sitter_bicep.language()))


@dataclass(frozen=True)
class Expression:
    """What the deployment computes: its text, and the first object written in it."""

    text: str
    object: dict[str, Any] | None = None


# A literal as Python has it, objects and arrays of such, or an Expression.
Value = Any


@dataclass(frozen=True)
class Declared:
    """A resource or module. `kind` is the type@version, or the module's path."""

    name: str
    kind: str
    existing: bool
    body: dict[str, Value]
    line: int

    def at(self, path: str) -> Value:
        """The value at a dotted path; None where there is none."""
        found: Value = self.body
        for step in path.split("."):
            found = found.get(step) if isinstance(found, dict) else None
        return found


@dataclass(frozen=True)
class Bicep:
    """A file. `params` says of each parameter whether it must be given, `defaults` what it is if not."""

    path: Path
    text: str
    root: Node
    params: dict[str, bool]
    defaults: dict[str, Value]
    variables: dict[str, Value]
    resources: tuple[Declared, ...]
    modules: tuple[Declared, ...]
    outputs: frozenset[str]

    def where(self, line: int) -> str:
        """`main.bicep:12`, for findings."""
        return f"{self.path.name}:{line}"


def load(path: Path) -> Bicep:
    """Parse a file; one with errors is loaded as far as it goes."""
    raw = path.read_bytes()
    root = _parser.parse(raw).root_node
    top = root.named_children
    return Bicep(
        path,
        raw.decode(),
        root,
        params={_name(node): len(node.named_children) == 2 for node in _of(top, "parameter_declaration")},
        defaults={
            _name(node): value(node.named_children[-1])
            for node in _of(top, "parameter_declaration")
            if len(node.named_children) > 2
        },
        variables={_name(node): value(node.named_children[-1]) for node in _of(top, "variable_declaration")},
        resources=tuple(_declared(node) for node in _of(top, "resource_declaration")),
        modules=tuple(_declared(node) for node in _of(top, "module_declaration")),
        outputs=frozenset(_name(node) for node in _of(top, "output_declaration")),
    )


def load_all(infra: Path) -> dict[Path, Bicep]:
    """Every Bicep file below a folder, by its path."""
    return {path.resolve(): load(path) for path in sorted(infra.rglob("*.bicep"))}


def value(node: Node) -> Value:
    """A node's value."""
    match node.type:
        case "object":
            return {
                _key(prop): value(prop.named_children[-1])
                for prop in _of(node.named_children, "object_property")
            }
        case "array":
            return [value(each) for each in node.named_children if each.type != "comment"]
        case "string" if all(each.type == "string_content" for each in node.named_children):
            return "".join(text(each) for each in node.named_children)
        case "number":
            return int(text(node))
        case "boolean":
            return text(node) == "true"
        case "null":
            return None
    found = next((each for each in walk(node) if each.type == "object"), None)
    return Expression(text(node), value(found) if found else None)


def text(node: Node) -> str:
    """A node's source."""
    return (node.text or b"").decode()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    yield node
    for child in node.children:
        yield from walk(child)


def _of(nodes: list[Node], kind: str) -> list[Node]:
    return [node for node in nodes if node.type == kind]


def _name(node: Node) -> str:
    return text(next(child for child in node.named_children if child.type == "identifier"))


def _key(prop: Node) -> str:
    key = value(prop.named_children[0])
    return key.text.strip("'") if isinstance(key, Expression) else str(key)


def _declared(node: Node) -> Declared:
    kind = next(child for child in node.named_children if child.type == "string")
    existing = any(text(child) == "existing" for child in node.children)
    body = _body(node.named_children[-1])
    return Declared(
        _name(node), str(value(kind)), existing, value(body) if body else {}, node.start_point[0] + 1
    )


def _body(node: Node) -> Node | None:
    """The object itself, under `if (…)` or `[for … : …]`."""
    if node.type == "object":
        return node
    return next((found for child in reversed(node.named_children) if (found := _body(child))), None)
