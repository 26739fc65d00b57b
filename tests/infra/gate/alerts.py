"""Alerts: each is explained in docs/operations.md, and asks for what is really there."""

import json
import re
from collections.abc import Collection, Iterator
from pathlib import Path

_BUDGET = "monthly-budget"
# A query in the text of operations.md: a table of logs, and what is done with its rows.
_IN_TEXT = re.compile(r"`((?:union\s+)?[A-Z][\w,\s]*\|[^`]*)`")
# Attributes of a span that Azure Monitor's exporter makes columns of, or leaves out.
_NOT_KEPT = ("error.type", "http.", "db.")
_OPERATORS = {"GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"}


def findings(infra: Path, operations: str, functions: Collection[str], sources: str) -> Iterator[str]:
    """What is wrong.

    operations: the text of docs/operations.md. functions: their names. sources: the deployed
    code, which names the metrics.
    """
    rules = json.loads((infra / "alerts.json").read_text(encoding="utf-8"))
    every = [*rules["logs"], *rules["metrics"]]
    names = [rule["name"] for rule in every]
    sections = re.findall(r"^### `([\w-]+)`$", operations, re.MULTILINE)
    yield from (
        f"docs/operations.md: no section on the alert {name}"
        for name in sorted({*names, _BUDGET} - set(sections))
    )
    yield from (
        f"docs/operations.md: there is no alert {name}" for name in sorted(set(sections) - {*names, _BUDGET})
    )
    if len(set(names)) < len(names):
        yield "alerts.json: two alerts of one name"
    used = re.findall(r"\brule\.(\w+)", (infra / "modules" / "alerts.bicep").read_text(encoding="utf-8"))
    fields = {name for rule in every for name in rule}
    yield from (f"alerts.bicep: no rule of alerts.json has '{name}'" for name in sorted(set(used) - fields))
    for kind in ("logs", "metrics"):
        if len({frozenset(rule) for rule in rules[kind]}) > 1:
            yield f"alerts.json: not all {kind} have the same fields"
    for rule in every:
        if rule["operator"] not in _OPERATORS or rule["severity"] not in range(5):
            yield f"alerts.json: {rule['name']}: its operator or severity"
    for rule in rules["logs"]:
        for fault in _unknown(rule["query"], functions, sources):
            yield f"alerts.json: {rule['name']} {fault}"
    for query in _IN_TEXT.findall(operations):
        for fault in _unknown(query, functions, sources):
            yield f"docs/operations.md: {query[:40]!r} {fault}"
    for item in json.loads((infra / "workbook.json").read_text(encoding="utf-8"))["items"]:
        for fault in _unknown(item["content"].get("query", ""), functions, sources):
            yield f"workbook.json: {item['name']} {fault}"


def _unknown(query: str, functions: Collection[str], sources: str) -> Iterator[str]:
    """What a query asks for that the code does not tell."""
    told = set(re.findall(r'"([\w.]+)"', sources))
    if "AppRequests" in query and re.search(r"\bName\b", query):
        yield "asks for Name, which is method and route: the function is Properties['conversations.function']"
    metrics = re.findall(r"\bName == '([^']+)'", query)
    metrics += [
        name
        for names in re.findall(r"\bName in \(([^)]*)\)", query)
        for name in re.findall(r"'([^']+)'", names)
    ]
    properties = re.findall(r"Properties\['([^']+)'\]", query)
    for name in [*metrics, *properties]:
        if name not in told:
            yield f"asks for {name}, which is not there"
        if name.startswith(_NOT_KEPT) and "AppMetrics" not in query:
            yield f"asks for {name}, which no row of a span has"
    for name in re.findall(r"\['conversations\.function'\]\) == '([^']+)'", query):
        if name not in functions:
            yield f"asks for {name}, which is not there"
