"""Hands one batch of changes to a function, as often as its retry policy says."""

import copy
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import azure.functions as func

from local.host.invocation import InvocationContext, RetryContext, invoke
from local.host.registered import RegisteredFunction
from local.host.retries import RetryPolicy

logger = logging.getLogger(__name__)


class Stopping(Exception):
    """The host ends while a batch waits for its next attempt: the batch is for the next start."""


async def deliver(
    function: RegisteredFunction,
    documents: Sequence[dict[str, Any]],
    pause: Callable[[float], Awaitable[bool]],
) -> None:
    """Call `function` with the whole batch until it returns or its retry policy is exhausted.

    Then the batch counts as dealt with either way, as in Azure. Raises Stopping when `pause`, which waits for
    so many seconds, says that there is to be no further attempt.
    """
    policy = RetryPolicy.of(function)
    retries, failure = 0, None
    while True:
        context = RetryContext(retries, policy.max_retries, failure)
        try:
            await _attempt(function, documents, context)
            return
        except Exception as error:
            failure = error
        if not policy.allows(retries):
            _log_passed_over(function, documents, failure)
            return
        logger.warning("function %s failed (attempt %d): %r", function.name, retries + 1, failure)
        if not await pause(policy.delay(retries)):
            raise Stopping
        retries += 1


async def _attempt(
    function: RegisteredFunction, documents: Sequence[dict[str, Any]], retry: RetryContext
) -> None:
    batch = func.DocumentList(func.Document.from_dict(copy.deepcopy(document)) for document in documents)
    await invoke(function, batch, InvocationContext(function.name, retry_context=retry))


def _log_passed_over(
    function: RegisteredFunction, documents: Sequence[dict[str, Any]], failure: Exception
) -> None:
    ids = ", ".join(str(document.get("id")) for document in documents)
    logger.error("function %s failed; passed over are: %s", function.name, ids, exc_info=failure)
