"""What can go wrong, and how it is answered: one tree, each error with its status and code.

ServiceError
├── InvalidRequest          400 invalid_request
│   └── InvalidCursor       400 invalid_cursor
├── Unauthorized            401 unauthorized
├── Forbidden               403 forbidden
├── NotFound                404 conversation_not_found, message_not_found, operation_not_found …
├── ConversationBusy        409 conversation_busy
├── ConversationNotActive   409 conversation_not_active
├── RequestInProgress       409 request_in_progress
├── OperationNotFinished    409 operation_not_finished
├── LegalHold               409 legal_hold
├── VersionMismatch         412 version_mismatch
├── BodyTooLarge            413 body_too_large
├── UnsupportedMediaType    415 unsupported_media_type
├── IdempotencyKeyReused    422 idempotency_key_reused
├── QuotaExceeded           429 quota_exceeded
├── RateLimited             429 rate_limited
├── ModelFailure
│   ├── ModelRateLimited    429 rate_limited
│   ├── ModelError          502 model_error
│   ├── ModelUnavailable    503 unavailable
│   └── ModelTimeout        504 model_timeout
├── Unavailable             503 unavailable
└── InternalError           500 internal_error

They are raised where the trouble is known and turned into an answer in one place (`shared.http`). A message
is written for the caller: no SDK text, no stack, no id that isn't the caller's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

# For an error whose request has had its effect, so it is kept: OpenAI's SDKs would send it once more.
FINAL = {"x-should-retry": "false"}


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing wrong with a request: the field or parameter, and what it should be."""

    param: str
    message: str


class ServiceError(Exception):
    """Anything the service answers with an error.

    message: for the caller. param: the field or parameter at fault. details: all of them, if several.
    headers: sent with the answer. retry_after: seconds, sent as Retry-After.
    """

    status: ClassVar[int] = 500
    code: str = "internal_error"
    type: ClassVar[str] = "invalid_request_error"

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        details: Sequence[Detail] = (),
        retry_after: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.details = tuple(details)
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)


class InvalidRequest(ServiceError):
    """The request can't be understood as it is; sending it again won't help."""

    status = 400
    code = "invalid_request"


class InvalidCursor(InvalidRequest):
    """`after` is no cursor of this list, or is damaged."""

    code = "invalid_cursor"


class Unauthorized(ServiceError):
    """Nobody, or nobody we know, is asking. error: what RFC 6750 calls it; None where no token was sent."""

    status = 401
    code = "unauthorized"
    type = "authentication_error"

    def __init__(self, message: str, *, error: str | None = "invalid_token") -> None:
        challenge = f'Bearer error="{error}", error_description="{message}"' if error else "Bearer"
        super().__init__(message, headers={"WWW-Authenticate": challenge})


class Forbidden(ServiceError):
    """The caller is known, but lacks the scope or role that this takes."""

    status = 403
    code = "forbidden"
    type = "permission_error"


class NotFound(ServiceError):
    """There is no such thing among what is the caller's, whether or not somebody else has one."""

    status = 404

    def __init__(self, kind: str, identifier: str, *, param: str | None = None) -> None:
        super().__init__(f"There is no {kind} '{identifier[:64]}'.", param=param)
        self.code = f"{kind}_not_found"


class ConversationBusy(ServiceError):
    """A turn runs in the conversation, and there is one at a time."""

    status = 409
    code = "conversation_busy"


class ConversationNotActive(ServiceError):
    """The conversation has ended or is archived; reopen it first."""

    status = 409
    code = "conversation_not_active"


class RequestInProgress(ServiceError):
    """The first request with this Idempotency-Key still runs."""

    status = 409
    code = "request_in_progress"


class OperationNotFinished(ServiceError):
    """What the operation makes isn't there yet."""

    status = 409
    code = "operation_not_finished"


class LegalHold(ServiceError):
    """An administrator has the user's data kept."""

    status = 409
    code = "legal_hold"


class QuotaExceeded(ServiceError):
    """The tenant has used up what it may use today."""

    status = 429
    code = "quota_exceeded"
    type = "rate_limit_error"


class RateLimited(ServiceError):
    """The user sends more requests than the service takes."""

    status = 429
    code = "rate_limited"
    type = "rate_limit_error"


class IdempotencyKeyReused(ServiceError):
    """The Idempotency-Key names another request: method, path or body differ."""

    status = 422
    code = "idempotency_key_reused"


class VersionMismatch(ServiceError):
    """`If-Match` names another version than the current one."""

    status = 412
    code = "version_mismatch"

    def __init__(self, etag: str) -> None:
        super().__init__(
            "The resource has changed since the version in If-Match; read it again and repeat the change.",
            param="If-Match",
            headers={"ETag": etag},
        )


class BodyTooLarge(ServiceError):
    """The body is over the limit."""

    status = 413
    code = "body_too_large"


class UnsupportedMediaType(ServiceError):
    """There is a body, and it isn't JSON."""

    status = 415
    code = "unsupported_media_type"


class ModelFailure(ServiceError):
    """The model gave no answer. The question is stored, with an answer marked `failed`."""

    type = "server_error"

    def __init__(self, message: str, *, param: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(message, param=param, retry_after=retry_after, headers=FINAL)


class ModelRateLimited(ModelFailure):
    """The model's quota is used up for now."""

    status = 429
    code = "rate_limited"
    type = "rate_limit_error"


class ModelError(ModelFailure):
    """The model refused or answered with something that is no answer."""

    status = 502
    code = "model_error"


class ModelUnavailable(ModelFailure):
    """The model can't be reached."""

    status = 503
    code = "unavailable"


class ModelTimeout(ModelFailure):
    """The model took too long."""

    status = 504
    code = "model_timeout"


class Unavailable(ServiceError):
    """What is needed can't be reached or takes too long, or the write lost every race for 10 seconds."""

    status = 503
    code = "unavailable"
    type = "server_error"


class InternalError(ServiceError):
    """A fault of ours; the log has it under the request id."""

    type = "server_error"
