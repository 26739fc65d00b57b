"""Parameters, the environment that azd gives them, and azure.yaml."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.infra.gate.bicep import Bicep

_ASSIGNED = re.compile(r"^param (\w+) =", re.MULTILINE)
# What azd itself puts into the environment, and what a hook leaves there.
_ALWAYS_THERE = {"AZURE_ENV_NAME", "AZURE_LOCATION", "API_CLIENT_ID"}
# azd asks for a parameter that has no value.
_ASKED_FOR = {"PUBLISHER_EMAIL"}


def findings(infra: Path, files: Mapping[Path, Bicep]) -> Iterator[str]:
    """Parameters that main.bicep has and a file doesn't, or the other way round."""
    main = files[(infra / "main.bicep").resolve()]
    if not re.search(r"^targetScope = 'subscription'$", main.text, re.MULTILINE):
        yield "main.bicep: targetScope must be 'subscription'"
    yield from _undescribed(files)
    given = json.loads((infra / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    yield from (
        f"main.parameters.json: main.bicep has no '{name}'" for name in sorted(set(given) - set(main.params))
    )
    yield from (
        f"main.parameters.json: '{name}' is missing" for name in sorted(set(main.params) - set(given))
    )
    for name, default in main.defaults.items():
        # A value without ${NAME=default} is what somebody has chosen for their environments.
        is_default = name in given and "${" in json.dumps(given[name]["value"])
        if is_default and _as_text(given[name]["value"]) != _as_text(default):
            yield f"main.parameters.json: the default of '{name}' is another in main.bicep"
    openai = next(file.text for path, file in files.items() if path.name == "openai.bicep")
    for name in ("chatModel", "titleModel"):
        if set(given.get(name, {}).get("value", {})) != set(re.findall(r"\bmodel\.(\w+)", openai)):
            yield f"main.parameters.json: '{name}' has not the fields that openai.bicep reads"
    for name in re.findall(r"\$\{(\w+)\}", json.dumps(given)):
        if name not in _ALWAYS_THERE | _ASKED_FOR:
            yield f"main.parameters.json: ${{{name}}} has no default"
    for example in sorted(infra.glob("examples/*.bicepparam")):
        assigned = set(_ASSIGNED.findall(example.read_text(encoding="utf-8")))
        required = {name for name, must in main.params.items() if must}
        yield from (
            f"{example.name}: main.bicep has no '{name}'" for name in sorted(assigned - set(main.params))
        )
        yield from (f"{example.name}: '{name}' is missing" for name in sorted(required - assigned))


def _as_text(value: Any) -> Any:
    """With what `${NAME=default}` falls back to; numbers and truth values as strings, as azd has them."""
    if isinstance(value, dict):
        return {name: _as_text(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_text(inner) for inner in value]
    return re.sub(r"\$\{\w+=(.*?)\}", r"\1", str(value).lower() if isinstance(value, bool) else str(value))


def _undescribed(files: Mapping[Path, Bicep]) -> Iterator[str]:
    for file in files.values():
        described = re.findall(
            r"@description\('[^\n]+'\)\n(?:@[^\n]+\n(?:  [^\n]*\n|\]\)\n)*)*param (\w+)", file.text
        )
        for name in sorted(set(file.params) - set(described)):
            yield f"{file.path.name}: parameter '{name}' has no description"


def azure_yaml_findings(root: Path, files: Mapping[Path, Bicep]) -> Iterator[str]:
    """Whether azd finds what it deploys, and what it runs."""
    document = yaml.safe_load((root / "azure.yaml").read_text(encoding="utf-8"))
    tags = {tag for file in files.values() for tag in re.findall(r"'azd-service-name': '(\w+)'", file.text)}
    if set(document["services"]) != tags:
        yield f"azure.yaml: its services are {set(document['services'])}, the tags azd-service-name {tags}"
    if not re.fullmatch(r"[a-z0-9-]+", document["name"]):
        yield "azure.yaml: a name is of lowercase letters, digits and hyphens"
    for name, hook in document["hooks"].items():
        script = root / hook["posix"]["run"]
        if name not in {"preprovision", "postprovision", "predeploy", "postdeploy"}:
            yield f"azure.yaml: there is no hook {name}"
        if not os.access(script, os.X_OK):
            yield f"azure.yaml: {hook['posix']['run']} can't be run"
