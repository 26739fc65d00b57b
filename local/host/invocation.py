"""Calls a function as the Python worker does: by keywords, a plain `def` in the thread pool."""

import asyncio
import inspect
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.host.registered import RegisteredFunction


@dataclass(frozen=True)
class RetryContext:
    """Which attempt this is: 0 is the first; `max_retry_count` -1 means for ever."""

    retry_count: int = 0
    max_retry_count: int = 0
    exception: BaseException | None = None


@dataclass(frozen=True)
class TraceContext:
    """Nothing is traced on a laptop."""

    trace_parent: str = ""
    trace_state: str = ""


@dataclass(frozen=True)
class InvocationContext:
    """What a function gets as `context`, with the attributes of azure.functions.Context."""

    function_name: str
    invocation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    retry_context: RetryContext = RetryContext()
    function_directory: str = str(Path.cwd())
    trace_context: TraceContext = TraceContext()
    thread_local_storage: threading.local = field(default_factory=threading.local)


async def invoke(function: RegisteredFunction, value: Any, context: InvocationContext | None = None) -> Any:
    """Call `function` with what triggered it; whatever it raises comes out."""
    given = {function.trigger["name"]: value}
    if function.wants_context:
        given["context"] = context or InvocationContext(function.name)
    if inspect.iscoroutinefunction(function.call):
        return await function.call(**given)
    return await asyncio.to_thread(function.call, **given)
