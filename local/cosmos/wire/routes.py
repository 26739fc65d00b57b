"""From a method and path to the operation that is asked for. Host names do not matter."""

from dataclasses import dataclass
from urllib.parse import unquote

from local.cosmos.errors import CosmosError, bad_request
from local.cosmos.wire.messages import BATCH, CHANGE_FEED, PLAN, QUERY, UPSERT, Request

_CONTAINER = "dbs/*/colls/*"
_ROUTES = {
    "": {"GET": "read_account"},
    "dbs": {"GET": "list_databases", "POST": "create_database"},
    "dbs/*": {"GET": "read_database", "DELETE": "delete_database"},
    "dbs/*/colls": {"GET": "list_containers", "POST": "create_container"},
    _CONTAINER: {"GET": "read_container", "PUT": "replace_container", "DELETE": "delete_container"},
    f"{_CONTAINER}/pkranges": {"GET": "read_ranges"},
    f"{_CONTAINER}/conflicts": {"GET": "list_conflicts", "POST": "list_conflicts"},
    f"{_CONTAINER}/docs": {"GET": "feed", "POST": "create"},
    f"{_CONTAINER}/docs/*": {"GET": "read", "PUT": "replace", "PATCH": "patch", "DELETE": "delete"},
    f"{_CONTAINER}/operations/*": {"POST": "delete_partition"},
    "offers": {"GET": "list_offers", "POST": "query_offers"},
    "offers/*": {"GET": "read_offer", "PUT": "replace_offer"},
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request asks for. kind: one of the words above, or batch, query, plan, upsert, changefeed.

    database, container, id: the names in the path, empty where it has none; resource ids where it is made of
    those.
    """

    kind: str
    database: str
    container: str
    id: str
    request: Request


def route(request: Request) -> Operation:
    """The operation of a request; raises 400 for an unknown path and 405 for an unknown method."""
    segments = request.path.strip("/").split("/")
    shape = "/".join("*" if index % 2 else segment for index, segment in enumerate(segments))
    if (methods := _ROUTES.get(shape)) is None:
        raise bad_request(f"The path {request.path!r} is not one that the embedded engine serves.")
    if (kind := methods.get(request.method)) is None:
        raise CosmosError(405, f"The method {request.method} is not allowed for {request.path!r}.")
    names = [unquote(name) for name in segments[1::2]] + ["", "", ""]
    return Operation(_refine(kind, request), names[0], names[1], names[2], request)


def _refine(kind: str, request: Request) -> str:
    """Tell apart what shares a path and method."""
    if kind == "create":
        return next((each for header, each in _POSTS.items() if request.flag(header)), "create")
    if kind == "feed" and CHANGE_FEED in request.headers:
        return "changefeed"
    if kind in ("create_database", "create_container") and request.flag(QUERY):
        return kind.replace("create", "list") + "s"
    return kind


_POSTS = {UPSERT: "upsert", BATCH: "batch", PLAN: "plan", QUERY: "query"}

KINDS = frozenset(kind for methods in _ROUTES.values() for kind in methods.values()) | {
    *_POSTS.values(),
    "changefeed",
}
"""All kinds of operations."""
