"""What the engine refuses, with the statuses, sub-statuses and codes of the service.

One exception type; the functions below make the errors that occur in more than one place. `wire.serve` turns
them into answers with the body `{"code": ..., "message": ...}`.
"""

_CODES = {
    200: "OK",
    201: "Created",
    204: "NoContent",
    207: "MultiStatus",
    304: "NotModified",
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    408: "RequestTimeout",
    409: "Conflict",
    410: "Gone",
    412: "PreconditionFailed",
    413: "RequestEntityTooLarge",
    429: "429",
    449: "RetryWith",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}


class CosmosError(Exception):
    """A request that is answered with an error.

    status: the HTTP status. sub_status: the service's finer number, 0 for none. code: the word in the body.
    """

    def __init__(self, status: int, message: str, *, sub_status: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.sub_status = sub_status
        self.code = code_of(status)
        self.message = message


def code_of(status: int) -> str:
    """The word that the service puts in the body of an answer with this status."""
    return _CODES.get(status, "Error")


def bad_request(message: str, *, sub_status: int = 0) -> CosmosError:
    """The request itself is wrong."""
    return CosmosError(400, message, sub_status=sub_status)


def wrong_partition_key(message: str) -> CosmosError:
    """The partition key of the header is not the item's, or not the container's shape."""
    return CosmosError(400, message, sub_status=1001)


def container_replaced() -> CosmosError:
    """The client knows a container of this name that is gone; it reads the container anew and tries again."""
    return CosmosError(400, "The container was deleted and created again.", sub_status=1024)


def needs_query_plan(construct: str) -> CosmosError:
    """The query needs a plan to run across partitions; the JavaScript SDK knows it by the first words."""
    message = f"Cross partition query only supports {construct} by a query plan, for which clients ask next."
    return CosmosError(400, message, sub_status=1004)


def item_missing(item_id: str) -> CosmosError:
    """No item of this id in the logical partition."""
    return CosmosError(404, f"Entity with the specified id does not exist in the system: {item_id!r}.")


def resource_missing(kind: str, name: str) -> CosmosError:
    """The database or container that was asked for does not exist."""
    return CosmosError(404, f"The {kind} {name!r} does not exist.")


def parent_missing(kind: str, name: str) -> CosmosError:
    """The database or container that the request is within does not exist."""
    return CosmosError(404, f"The {kind} {name!r} does not exist.", sub_status=1003)


def range_gone(range_id: str) -> CosmosError:
    """The client knows a physical partition that was split; it reads the ranges anew."""
    return CosmosError(410, f"The partition key range {range_id!r} is gone.", sub_status=1002)


def session_not_available(wanted: int, present: int) -> CosmosError:
    """The client's session token is ahead of this replica."""
    message = (
        f"The read session is not available: the token asks for LSN {wanted}, the container is at {present}."
    )
    return CosmosError(404, message, sub_status=1002)


def conflict(message: str) -> CosmosError:
    """An item, container or database of this id exists, or a unique key is taken."""
    return CosmosError(409, message)


def precondition_failed() -> CosmosError:
    """The ETag or the patch's condition does not hold."""
    return CosmosError(
        412, "Operation cannot be performed because one of the specified precondition is not met."
    )


def too_large(what: str, size: int, limit: int) -> CosmosError:
    """More bytes than the service takes."""
    return CosmosError(413, f"{what} is too large: {size} bytes, and at most {limit} are allowed.")
