"""The elements of API Management's policies: known ones, with what each takes, in their places."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

_SECTIONS = ["inbound", "backend", "outbound", "on-error"]
# What each policy takes, and must have (`!`). https://learn.microsoft.com/azure/api-management/api-management-policies
_ATTRIBUTES = {
    "allowed-headers": "",
    "allowed-methods": "preflight-result-max-age",
    "allowed-origins": "",
    "audience": "",
    "audiences": "",
    "authentication-managed-identity": "resource! client-id!",
    "base": "",
    "choose": "",
    "cors": "allow-credentials!",
    "expose-headers": "",
    "forward-request": "timeout! buffer-response!",
    "header": "",
    "include-fragment": "fragment-id!",
    "issuer": "",
    "issuers": "",
    "llm-token-limit": "counter-key! tokens-per-minute! estimate-prompt-tokens! retry-after-header-name",
    "method": "",
    "openid-config": "url!",
    "otherwise": "",
    "rate-limit-by-key": "calls! renewal-period! counter-key! retry-after-header-name",
    "return-response": "",
    "set-backend-service": "backend-id!",
    "set-body": "",
    "set-header": "name! exists-action!",
    "set-status": "code! reason!",
    "set-variable": "name! value!",
    "validate-jwt": "header-name! require-scheme! failed-validation-httpcode! output-token-variable-name!",
    "value": "",
    "when": "condition!",
}
# https://learn.microsoft.com/azure/api-management/api-management-error-handling-policies
_IN_ON_ERROR = {
    "base",
    "choose",
    "include-fragment",
    "return-response",
    "set-header",
    "set-status",
    "set-variable",
}
_EXISTS_ACTIONS = {"override", "skip", "append", "delete"}
# Bicep puts another element there.
_PLACE = re.compile(r"__\w+__")


def findings(root: ElementTree.Element) -> Iterator[str]:
    """What API Management would refuse of a document or fragment."""
    if root.tag == "policies" and [each.tag for each in root] != _SECTIONS:
        yield f"its sections are {[each.tag for each in root]}, not {_SECTIONS}"
    for element in root.iter():
        if element.tag in {"policies", "fragment", *_SECTIONS} or _PLACE.fullmatch(element.tag):
            continue
        if element.tag not in _ATTRIBUTES:
            yield f"<{element.tag}> is no policy that is used here"
            continue
        known = {one.rstrip("!") for one in _ATTRIBUTES[element.tag].split()}
        must = {one.rstrip("!") for one in _ATTRIBUTES[element.tag].split() if one.endswith("!")}
        yield from (f"<{element.tag}> knows no '{name}'" for name in sorted(set(element.attrib) - known))
        yield from (f"<{element.tag}> needs '{name}'" for name in sorted(must - set(element.attrib)))
        action = element.get("exists-action", "override")
        if action not in _EXISTS_ACTIONS or (
            element.tag == "set-header" and (action == "delete") != (len(element) == 0)
        ):
            yield f"<set-header name={element.get('name')!r}>: exists-action and value do not go together"
    for element in _steps(root if root.tag == "fragment" else root.find("on-error")):
        if element.tag not in _IN_ON_ERROR:
            yield f"<{element.tag}> can't stand where errors are answered"


def _steps(section: ElementTree.Element | None) -> Iterator[ElementTree.Element]:
    """The policies of a section, also those under a condition."""
    for element in section if section is not None else ():
        if element.tag in ("when", "otherwise"):
            yield from _steps(element)
        else:
            yield element
            yield from _steps(element if element.tag == "choose" else None)
