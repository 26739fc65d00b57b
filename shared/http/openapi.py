"""The OpenAPI document, by FastAPI's generator, from the declarations that make the endpoints."""

from collections.abc import Iterable
from typing import Any

from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from shared.http.endpoint import Endpoint
from shared.http.examples import EXAMPLES
from shared.http.responses import answers_no_json, body_is_required, model_of, responses_of, takes

TITLE = "Conversation service"
VERSION = "0.1.0"
DESCRIPTION = (
    "Conversations and messages per signed-in user, answers from a model, whole or streamed, titles and "
    "summaries written in the background. Times are Unix seconds. Lists take `limit`, `order` and `after`, "
    "the last page's `next_cursor`. Every change honours `If-Match`; every POST takes an `Idempotency-Key`: "
    "repeated within 24 hours it has its effect once. Every answer has an `x-request-id`, the caller's own "
    "where it is sane."
)
_SECURITY = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token of Entra ID for this API: `oid` is the user, `tid` the tenant. (On a "
    "laptop, with AUTH_MODE=local, no token: X-Local-User, X-Local-Tenant, X-Local-Email and X-Local-Roles "
    "say who asks.)",
}


def openapi_document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """OpenAPI 3.1 of the endpoints; each operation id is its Azure function's name."""
    declared = list(endpoints)
    routes = [_route(one) for one in declared]
    document = get_openapi(title=TITLE, version=VERSION, description=DESCRIPTION, routes=routes)
    for one in declared:
        operation = document["paths"][_path(one)][one.method.lower()]
        operation["security"] = [{"entra": []}] if takes(one, "caller") else []
        if answers_no_json(one):
            operation["responses"][str(one.status)]["content"].pop("application/json")
        if "requestBody" in operation:
            operation["requestBody"]["required"] = body_is_required(one)
    document["components"]["securitySchemes"] = {"entra": _SECURITY}
    for name, schema in document["components"]["schemas"].items():
        if name in EXAMPLES:
            schema["examples"] = [EXAMPLES[name]]
    return document


def _route(declared: Endpoint) -> APIRoute:
    return APIRoute(
        _path(declared),
        declared.function,
        methods=[declared.method],
        status_code=declared.status,
        operation_id=declared.function.__name__,
        name=declared.function.__name__.replace("_", " "),
        tags=[declared.function.__module__.rpartition(".")[2]],
        response_model=model_of(declared),
        responses=responses_of(declared),
    )


def _path(declared: Endpoint) -> str:
    return f"/v1/{declared.route}"
