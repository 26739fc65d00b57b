"""What must stand in Bicep as a literal: no keys, no anonymous way in, no bodies in logs."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.infra.gate.bicep import Bicep, Declared

# By resource type (and name, where a type has several): what each of its resources must say.
_REQUIRED: dict[str, dict[str, Any]] = {
    "Microsoft.Storage/storageAccounts": {
        "properties.allowSharedKeyAccess": False,
        "properties.allowBlobPublicAccess": False,
        "properties.allowCrossTenantReplication": False,
        "properties.defaultToOAuthAuthentication": True,
        "properties.supportsHttpsTrafficOnly": True,
        "properties.minimumTlsVersion": "TLS1_2",
    },
    "Microsoft.Storage/storageAccounts/blobServices/containers": {"properties.publicAccess": "None"},
    "Microsoft.DocumentDB/databaseAccounts": {
        "properties.disableLocalAuth": True,
        "properties.disableKeyBasedMetadataWriteAccess": True,
        "properties.minimalTlsVersion": "Tls12",
        "properties.consistencyPolicy.defaultConsistencyLevel": "Session",
        "properties.backupPolicy.type": "Continuous",
    },
    "Microsoft.CognitiveServices/accounts": {"kind": "OpenAI", "properties.disableLocalAuth": True},
    "Microsoft.Insights/components": {"properties.DisableLocalAuth": True},
    "Microsoft.OperationalInsights/workspaces": {"properties.features.disableLocalAuth": True},
    "Microsoft.Web/sites": {
        "properties.httpsOnly": True,
        "properties.siteConfig.minTlsVersion": "1.2",
        "properties.siteConfig.scmMinTlsVersion": "1.2",
        "properties.siteConfig.ftpsState": "Disabled",
        "properties.functionAppConfig.deployment.storage.authentication.type": "UserAssignedIdentity",
    },
    "Microsoft.Web/sites/config#authsettingsV2": {
        "properties.platform.enabled": True,
        "properties.globalValidation.requireAuthentication": True,
        "properties.globalValidation.unauthenticatedClientAction": "Return401",
        "properties.globalValidation.excludedPaths": None,
        "properties.httpSettings.requireHttps": True,
        "properties.login.tokenStore.enabled": False,
        "properties.identityProviders.azureActiveDirectory.enabled": True,
    },
    "Microsoft.ApiManagement/service/apis/diagnostics": {
        "properties.logClientIp": False,
        "properties.httpCorrelationProtocol": "W3C",
        "properties.frontend.request.body.bytes": 0,
        "properties.frontend.response.body.bytes": 0,
        "properties.backend.request.body.bytes": 0,
        "properties.backend.response.body.bytes": 0,
        "properties.largeLanguageModel": None,
    },
    "Microsoft.ApiManagement/service/backends": {
        "properties.tls.validateCertificateChain": True,
        "properties.tls.validateCertificateName": True,
    },
    "Microsoft.ApiManagement/service/apis": {"properties.format": "openapi+json"},
    "Microsoft.ApiManagement/service/apis/policies": {"name": "policy", "properties.format": "xml"},
    "Microsoft.ApiManagement/service/policies": {"name": "policy", "properties.format": "xml"},
    "Microsoft.ApiManagement/service/policyFragments": {"properties.format": "xml"},
}
_FORBIDDEN = re.compile(
    r"\b(list\w*Keys?|listSecrets|listAccountSas|getSecret|instrumentationKey|\w*accessKey)\b", re.I
)
# Questions and answers, or a line for every request to the database.
_FORBIDDEN_LOGS = frozenset({"RequestResponse", "DataPlaneRequests", "allLogs"})


def findings(files: Mapping[Path, Bicep]) -> Iterator[str]:
    """What is open, or not said."""
    seen: set[str] = set()
    for file in files.values():
        for match in _FORBIDDEN.finditer(file.text):
            line = file.text.count("\n", 0, match.start()) + 1
            yield f"{file.where(line)}: {match[0]} hands out a key"
        for resource in file.resources:
            if not resource.existing:
                seen.update(_names(resource))
                yield from (
                    f"{file.where(resource.line)}: {resource.name}: {wrong}" for wrong in _wrong(resource)
                )
    yield from (f"there is no {kind}" for kind in sorted(set(_REQUIRED) - seen))


def _names(resource: Declared) -> tuple[str, str]:
    kind = resource.kind.partition("@")[0]
    return kind, f"{kind}#{resource.body.get('name')}"


def _wrong(resource: Declared) -> Iterator[str]:
    for name in _names(resource):
        for path, expected in _REQUIRED.get(name, {}).items():
            found = resource.at(path)
            if found != expected or type(found) is not type(expected):
                yield f"{path} must be {expected!r}, and as a literal"
    for log in resource.at("properties.logs") or ():
        if log.get("category") in _FORBIDDEN_LOGS or "categoryGroup" in log:
            yield f"logs {log.get('category') or log.get('categoryGroup')}"
    allowed = resource.at(
        "properties.identityProviders.azureActiveDirectory.validation.defaultAuthorizationPolicy.allowedApplications"
    )
    if _names(resource)[1].endswith("#authsettingsV2") and [one.text for one in allowed or ()] != [
        "gatewayClientId"
    ]:
        yield "allowedApplications must be the identity of API Management, and nobody else"
