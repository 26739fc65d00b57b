"""A Python worker: Microsoft's library, told in lines of JSON what the Functions host would say by gRPC.

Run by an interpreter with nothing but the app's packages and that library. In Azure a proxy hands the host's
messages to the same coroutines; it is in the host's image only, as are the messages' classes. The first line
in says where the app is; one goes out when it is indexed, then one for every invocation that came in.
"""

import asyncio
import importlib.util
import json
import logging
import os
import sys
from types import SimpleNamespace
from typing import Any, TextIO

import azure_functions_runtime as runtime

_LONGEST_LINE = 64 * 1024 * 1024
_APP = ("function_app", "functions", "shared")


class Message(SimpleNamespace):
    """A message of FunctionRpc.proto, with the enumerations that the library names."""

    Failure, Success = 0, 1
    undefined, out, inout = 0, 1, 2

    def WhichOneof(self, group: str) -> str | None:  # noqa: N802 - as protobuf calls it
        """The field that is set, of those of which one may be."""
        return next((name for name in vars(self) if name != "name"), None)


class Messages:
    """The protocol's classes, each by its name."""

    def __getattr__(self, name: str) -> type[Message]:
        return Message


async def main() -> None:
    """Serve until the input ends."""
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # uvicorn's lines go there, and the app's
    logging.basicConfig(level=logging.INFO)
    lines = asyncio.StreamReader(limit=_LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    runtime.start_threadpool_executor()
    _tell(told, await _started(**json.loads(await lines.readline())))
    running = set()
    async for line in lines:
        running.add(task := asyncio.create_task(_invoked(told, json.loads(line))))
        task.add_done_callback(running.discard)


async def _started(app: str, environment: dict[str, str] | None) -> dict[str, Any]:
    """What the host learns of the app when it starts, and of where that came from.

    environment: of a process that was started before it was known for which app, as Flex Consumption does;
    None where it has its own.
    """
    if environment is None:
        sys.path.insert(0, app)
        wish = Message(function_app_directory=app, capabilities={})
        answer = await runtime.worker_init_request(_request(worker_init_request=wish))
    else:
        wish = Message(function_app_directory=app, environment_variables=environment)
        request = _request(function_environment_reload_request=wish)
        answer = await runtime.function_environment_reload_request(request)
    indexed = await runtime.functions_metadata_request(_request())
    return {
        "failure": _failure(answer),
        "capabilities": answer.capabilities,
        "functions": [await _loaded(function) for function in indexed.function_metadata_results or []],
        "files": {name: module.__file__ for name in _APP if (module := sys.modules.get(name))},
        "strangers": [name for name in ("local", "tests", "pytest") if importlib.util.find_spec(name)],
    }


async def _loaded(function: Message) -> dict[str, Any]:
    wish = Message(function_id=function.function_id, metadata=function)
    failure = _failure(await runtime.function_load_request(_request(function_load_request=wish)))
    bindings = [json.loads(binding) for binding in function.raw_bindings]
    return {"name": function.name, "id": function.function_id, "bindings": bindings, "failure": failure}


async def _invoked(told: TextIO, wish: dict[str, Any]) -> None:
    """wish: `invocation_id`, `function_id`, the trigger's parameter `name`, and its `http` or `json`."""
    data = (
        Message(http=Message(**wish["http"], body=Message()))
        if "http" in wish
        else Message(json=wish["json"])
    )
    invocation = Message(
        invocation_id=wish["invocation_id"],
        function_id=wish["function_id"],
        input_data=[Message(name=wish["name"], data=data)],
        trigger_metadata={},
        trace_context=Message(trace_parent="", trace_state="", attributes={}),
        retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
    )
    answer = await runtime.invocation_request(_request(invocation_request=invocation))
    _tell(told, {"invocation_id": wish["invocation_id"], "failure": _failure(answer)})


def _request(**fields: Message) -> Message:
    return Message(request=Message(**fields), properties={"host": "127.0.0.1", "protos": Messages()})


def _failure(answer: Message) -> str | None:
    result = answer.result
    return (
        None
        if result.status == Message.Success
        else f"{result.exception.message}\n{result.exception.stack_trace}"
    )


def _tell(told: TextIO, what: dict[str, Any]) -> None:
    told.write(json.dumps(what) + "\n")
    told.flush()


if __name__ == "__main__":
    asyncio.run(main())
