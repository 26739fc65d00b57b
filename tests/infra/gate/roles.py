"""Who may do what: every role assignment in Bicep, against the ones that are needed and no others."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.infra.gate.bicep import Bicep, Declared, Expression

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles,
# and Cosmos DB's own built-in one.
_ROLES = {
    "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "cognitiveServicesOpenAIUser": "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd",
    "cosmosDataContributor": "00000000-0000-0000-0000-000000000002",
}
_NEEDED = {
    ("appPrincipalId", "storage", "storageBlobDataOwner"),
    ("appPrincipalId", "applicationInsights", "monitoringMetricsPublisher"),
    ("appPrincipalId", "openai", "cognitiveServicesOpenAIUser"),
    ("appPrincipalId", "cosmos", "cosmosDataContributor"),
    ("gatewayPrincipalId", "applicationInsights", "monitoringMetricsPublisher"),
    ("developerPrincipalId", "openai", "cognitiveServicesOpenAIUser"),
    ("developerPrincipalId", "cosmos", "cosmosDataContributor"),
}
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def findings(files: Mapping[Path, Bicep]) -> Iterator[str]:
    """Roles that are missing, that nobody needs, or whose ids are wrong."""
    found = set()
    for file in files.values():
        for name, value in file.variables.items():
            if isinstance(value, str) and _GUID.fullmatch(value) and _ROLES.get(name) != value:
                yield f"{file.path.name}: '{name}' is {value}, which is no role that is known by this name"
        for resource in file.resources:
            if "oleAssignments@" in resource.kind:
                assignment = _assignment(resource)
                found.add(assignment)
                yield from (f"{file.where(resource.line)}: {wrong}" for wrong in _wrong(resource, assignment))
    yield from (f"missing role: {role} on {scope} for {who}" for who, scope, role in sorted(_NEEDED - found))
    yield from (
        f"role that nobody needs: {role} on {scope} for {who}" for who, scope, role in sorted(found - _NEEDED)
    )


def _assignment(resource: Declared) -> tuple[str, str, str]:
    """Principal, scope and role, by the names that they have in Bicep."""
    scope = resource.body.get("scope") or resource.body.get("parent")
    role = re.search(r"(\w+)[)}']*$", _text(resource.at("properties.roleDefinitionId")))
    return _text(resource.at("properties.principalId")), _text(scope), role[1] if role else ""


def _wrong(resource: Declared, assignment: tuple[str, str, str]) -> Iterator[str]:
    who, scope, role = assignment
    if _text(resource.body.get("name")) != f"guid({scope}.id, {who}, {role})":
        yield f"{resource.name}: its name must be guid({scope}.id, {who}, {role}), the same each time"
    of_arm = resource.kind.startswith("Microsoft.Authorization/")
    kind = "User" if who == "developerPrincipalId" else "ServicePrincipal"
    if of_arm and resource.at("properties.principalType") != kind:
        yield f"{resource.name}: principalType must be {kind}, or a new principal may not be found"


def _text(value: object) -> str:
    return value.text if isinstance(value, Expression) else str(value)
