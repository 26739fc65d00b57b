"""`AUTH_MODE=local`: takes the caller's word for who they are, so it is refused inside Azure."""

import re

from starlette.datastructures import Headers

from shared.auth.callers import ON_BEHALF, READ_WRITE, Identity, caller_of, named
from shared.models import Caller


class LocalAuthentication:
    """The caller named by `X-Local-User`, `X-Local-Tenant`, `X-Local-Email` and `X-Local-Roles`."""

    async def caller(self, headers: Headers) -> Caller:
        """The caller; raises InvalidRequest for a name that no partition key should have."""
        roles = frozenset(re.split(r"[ ,]+", headers.get("X-Local-Roles", "").strip())) - {""}
        scopes = frozenset() if ON_BEHALF in roles else {READ_WRITE}  # a service has no scope
        identity = Identity(
            tenant_id=named(headers, "X-Local-Tenant", "local-tenant"),
            subject_id=named(headers, "X-Local-User", "local-user"),
            email=named(headers, "X-Local-Email", "") or None,
            permissions=roles | scopes,
        )
        return caller_of(identity, headers)

    async def close(self) -> None:
        """Nothing is open."""
