"""What the compiler would know of a file: parents, types of parameters, properties that are read."""

import re
from collections.abc import Iterator

from tests.infra.gate.bicep import Bicep, Declared, Expression

_TYPES = frozenset({"array", "bool", "int", "object", "string"})
# What a deployment reads of a resource that it has made, by its type.
_READ = {
    "Microsoft.ApiManagement/service": {"gatewayUrl"},
    "Microsoft.CognitiveServices/accounts": {"endpoint"},
    "Microsoft.DocumentDB/databaseAccounts": {"documentEndpoint"},
    "Microsoft.Insights/components": {"ConnectionString"},
    "Microsoft.ManagedIdentity/userAssignedIdentities": {"clientId", "principalId"},
    "Microsoft.Storage/storageAccounts": {"primaryEndpoints.blob"},
    "Microsoft.Web/sites": {"defaultHostName"},
}
_EXTENSIONS = ("Microsoft.Authorization/", "Microsoft.Insights/diagnosticSettings")
# Of the resource group that main.bicep makes, and of itself.
_MODULE_SCOPE = "group"


def findings(file: Bicep) -> Iterator[str]:
    """What does not fit together."""
    by_name = {resource.name: resource for resource in file.resources}
    for resource in file.resources:
        yield from (f"{file.where(resource.line)}: {wrong}" for wrong in _placed(resource, by_name))
    for module in file.modules:
        if _text(module.body.get("scope")) != _MODULE_SCOPE:
            yield f"{file.where(module.line)}: module {module.name} must have the resource group as its scope"
    for keyword, name, kind in re.findall(r"^(param|output) (\w+) (\S+)", file.text, re.MULTILINE):
        if kind not in _TYPES:
            yield f"{file.path.name}: {keyword} {name}: there is no type {kind}"
    for name, path in re.findall(r"\b(\w+)\.properties\.(\w+(?:\.\w+)*)", file.text):
        known = _READ.get(by_name[name].kind.partition("@")[0], set()) if name in by_name else set()
        if path not in known:
            yield f"{file.path.name}: {name}.properties.{path} is nothing that a deployment reads here"


def _placed(resource: Declared, by_name: dict[str, Declared]) -> Iterator[str]:
    kind = resource.kind.partition("@")[0]
    parent, scope = resource.body.get("parent"), resource.body.get("scope")
    expected = kind.rpartition("/")[0]
    if expected.count("/") >= 1:
        name = _text(parent).partition("[")[0]
        if name not in by_name or by_name[name].kind.partition("@")[0] != expected:
            yield f"the parent of {resource.name} must be a {expected}"
    elif parent is not None:
        yield f"{resource.name} can't have a parent"
    if kind == "Microsoft.Network/privateEndpoints" and ".id" not in _text(resource.body.get("name")):
        yield f"{resource.name} must be named after what it leads to, which can't be changed"
    if kind.startswith(_EXTENSIONS) and _text(scope) not in by_name:
        yield f"{resource.name} must say what it is about, as its scope"


def _text(value: object) -> str:
    return value.text if isinstance(value, Expression) else ""
