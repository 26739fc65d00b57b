"""API Management's policies: well-formed, of known elements in their places, and naming what exists.

That their C# compiles, only API Management can tell.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

from tests.infra.gate import policy_elements
from tests.infra.gate.bicep import Bicep

# What Bicep puts a value or an element in the place of.
_TOKEN = re.compile(r"<__\w+__ />|__[A-Z_]+?__")
_OPERATIONS = re.compile(r"new \[\] \{([^}]*)\}\.Contains\(context\.Operation\.Id\)")

Open = Collection[str]


def findings(infra: Path, files: Mapping[Path, Bicep], open_operations: Open, methods: Open) -> Iterator[str]:
    """What is wrong.

    open_operations: the functions that ask for no token. methods: those that the API has.
    """
    source = "\n".join(file.text for file in files.values())
    roots = {}
    for path in sorted(infra.glob("policies/*.xml")):
        text = path.read_text(encoding="utf-8")
        try:
            roots[path.name] = ElementTree.fromstring(text)  # noqa: S314 - our own files
        except ElementTree.ParseError as error:
            yield f"{path.name}: not well-formed: {error}"
            continue
        yield from (f"{path.name}: {wrong}" for wrong in policy_elements.findings(roots[path.name]))
        yield from (f"{path.name}: {wrong}" for wrong in _expressions(text))
        yield from (f"{path.name}: {wrong}" for wrong in _references(path.name, text, source))
    if "api.xml" in roots and "cors.xml" in roots:
        yield from _api(roots["api.xml"], open_operations)
        if {each.text for each in roots["cors.xml"].iter("method")} != set(methods):
            yield f"cors.xml: the API's methods are {sorted(methods)}"
    if "global.xml" in roots:
        yield from _global(roots["global.xml"])


def _expressions(text: str) -> Iterator[str]:
    """Brackets and quotes of each @(…) and @{…} are closed within its value."""
    for raw in re.findall(r'"(@[({].*?[)}])"(?=[\s/>])|>(@[({][^<]*)<', text, re.DOTALL):
        expression = (raw[0] or raw[1]).replace("&quot;", '"').strip()
        bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", expression)
        if '"' in bare or any(bare.count(a) != bare.count(b) for a, b in ("()", "{}", "[]")):
            yield f"brackets or quotes are not closed in {expression[:60]!r}"


def _references(name: str, text: str, source: str) -> Iterator[str]:
    if f"loadTextContent('../policies/{name}')" not in source:
        yield "no Bicep file loads it"
    for token in sorted(set(_TOKEN.findall(text))):
        if f"'{token}'" not in source:
            yield f"nothing takes the place of {token}"
    for kind, attribute in (("policyFragments", "fragment-id"), ("backends", "backend-id")):
        there = re.findall(rf"service/{kind}@[\d-]+' = {{\n  parent: service\n  name: '([\w-]+)'", source)
        for referred in re.findall(rf'{attribute}="([^"]*)"', text):
            if referred not in there:
                yield f"there is no {attribute} '{referred}' in Bicep"


def _api(root: ElementTree.Element, open_operations: Open) -> Iterator[str]:
    inbound, backend = root.find("inbound"), root.find("backend")
    named = {
        name
        for each in root.iter("when")
        for match in _OPERATIONS.findall(each.get("condition", ""))
        for name in re.findall(r'"(\w+)"', match)
    }
    if named != set(open_operations):
        yield f"api.xml: without a token it lets {sorted(named)} pass; the app, {sorted(open_operations)}"
    forward = [] if backend is None else [(each.tag, each.get("buffer-response")) for each in backend]
    if forward != [("forward-request", "false")]:
        yield "api.xml: backend must be <forward-request> unbuffered, or streams arrive in one piece"
    order = [] if inbound is None else [each.tag for each in inbound]
    if order[:1] != ["base"] or order[-3:] != [
        "choose",
        "set-backend-service",
        "authentication-managed-identity",
    ]:
        yield "api.xml: inbound must begin with base, and end with who calls, the backend and its identity"
    forwarded = [each for each in root.iter("set-header") if each.get("name") == "X-Forwarded-Authorization"]
    if sorted(each.get("exists-action", "") for each in forwarded) != ["delete", "override"]:
        yield "api.xml: X-Forwarded-Authorization must be set or deleted, never the caller's own"
    for element in ("validate-jwt", "rate-limit-by-key", "llm-token-limit"):
        if root.find(f".//{element}") is None:
            yield f"api.xml: no <{element}>"


def _global(root: ElementTree.Element) -> Iterator[str]:
    headers = {each.get("name"): each.get("exists-action") for each in root.iter("set-header")}
    if headers.get("x-ms-invocation-id") != "delete":
        yield "global.xml: x-ms-invocation-id must be deleted; sent by a client it hangs the worker"
    if headers.get("x-request-id") != "override":
        yield "global.xml: x-request-id must be the sane one"
    if root.find("on-error/include-fragment") is None:
        yield "global.xml: errors must have the app's shape"
