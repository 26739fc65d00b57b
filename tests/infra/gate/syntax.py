"""Bicep that every offline parser reads: errors, and what one of them would skip a file for."""

import re
from collections.abc import Iterator
from itertools import pairwise

from tests.infra.gate.bicep import Bicep, text, walk

# pycep, with which checkov reads, gives up on these, and leaves the whole file out without a word.
_DENIED = {
    "a spread": re.compile(r"\.\.\.\w"),
    "resourceInput": re.compile(r"\bresourceInput<"),
    "an extension": re.compile(r"^extension ", re.MULTILINE),
    "an import or export": re.compile(r"^(import |@export\()", re.MULTILINE),
    "a type or function of its own": re.compile(r"^(type|func) ", re.MULTILINE),
    "an optional or array type": re.compile(r"^param \w+ \w+(\?|\[\])", re.MULTILINE),
    "a union type": re.compile(r"^param \w+ '", re.MULTILINE),
    "an object type": re.compile(r"^param \w+ \{", re.MULTILINE),
    "a lambda": re.compile(r"=>"),
    "a condition in a loop": re.compile(r"\[for [^\]\n]*: if"),
    "an operator that goes on in the next line": re.compile(
        r"(&&|\|\||\?)\s*$|^\s*(&&|\|\||\?|:)\s", re.MULTILINE
    ),
    "deployer()": re.compile(r"\bdeployer\("),
}


def findings(file: Bicep) -> Iterator[str]:
    """What a parser stumbles over."""
    for node in walk(file.root):
        if node.is_missing or (node.type == "ERROR"):
            yield f"{file.where(node.start_point[0] + 1)}: syntax error near {text(node)[:40]!r}"
    for what, pattern in _DENIED.items():
        for match in pattern.finditer(file.text):
            line = file.text.count("\n", 0, match.start()) + 1
            yield f"{file.where(line)}: {what}, which not every parser reads"
    yield from _two_on_a_line(file)


def _two_on_a_line(file: Bicep) -> Iterator[str]:
    """Two properties on one line need a comma; tree-sitter takes them without."""
    for node in walk(file.root):
        if node.type != "object":
            continue
        properties = [child for child in node.named_children if child.type == "object_property"]
        for first, second in pairwise(properties):
            between = (file.root.text or b"")[first.end_byte : second.start_byte].decode()
            if "\n" not in between and "," not in between:
                yield f"{file.where(second.start_point[0] + 1)}: no comma before {text(second)[:30]!r}"
