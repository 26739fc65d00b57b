"""The app registration that the hook makes has the scopes and roles that the app asks for."""

import json
import re
from collections.abc import Iterator
from pathlib import Path


def findings(infra: Path, sources: str) -> Iterator[str]:
    """What the app asks for and nobody could be given, and what Entra ID would refuse."""
    registration = json.loads((infra / "hooks" / "registration.json").read_text(encoding="utf-8"))
    scopes, roles = registration["api"]["oauth2PermissionScopes"], registration["appRoles"]
    given = {one["value"] for one in (*scopes, *roles)}
    for name in sorted(set(re.findall(r'"(Conversations\.\w+)"', sources)) - given):
        yield f"registration.json: the app asks for {name}, which nobody can be given"
    for kind in (scopes, roles):
        if len({one["id"] for one in kind}) < len(kind) or len({one["value"] for one in kind}) < len(kind):
            yield "registration.json: two of one id or value"
    if registration["api"]["requestedAccessTokenVersion"] != 2:
        yield "registration.json: tokens of version 1 have another issuer and audience"
