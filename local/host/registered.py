"""Reads what the decorators registered on a FunctionApp; refuses what Azure would refuse."""

import asyncio
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

import azure.functions as func
from azurefunctions.extensions.base import RequestTrackerMeta, ResponseTrackerMeta

HTTP, COSMOS_DB, TIMER = "httpTrigger", "cosmosDBTrigger", "timerTrigger"
# What a trigger's parameter may be annotated as; None stands for no annotation.
_PARAMETER_TYPES = {COSMOS_DB: func.DocumentList, TIMER: func.TimerRequest}
# The host's own rules for names (azure-functions-host, Utility.cs).
_FUNCTION_NAME = re.compile(r"(?!host$)[a-z][a-z0-9_-]{0,127}", re.IGNORECASE)
_BINDING_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]{0,127}")
_SETTING = re.compile(r"%([^%]+)%")


class Refused(Exception):
    """The app uses something that Azure would refuse, or that this host does not stand in for."""


@dataclass(frozen=True)
class RegisteredFunction:
    """One function: its trigger as in function.json, its retry policy as decorated, and what to call.

    `alone` is held by a run that must have no other beside it.
    """

    name: str
    call: Callable[..., Any]
    trigger: Mapping[str, Any]
    retry: Mapping[str, Any] | None
    wants_context: bool
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def kind(self) -> str:
        """The trigger's type: HTTP, COSMOS_DB or TIMER."""
        return str(self.trigger["type"])

    def setting(self, key: str, environment: Mapping[str, str], default: str | None = None) -> str:
        """A text of the trigger with its `%SETTING%` placeholders filled in. Raises Refused."""
        text = self.trigger.get(key, default)
        if text is None:
            raise Refused(f"function {self.name}: its trigger needs {key}")
        missing = [name for name in _SETTING.findall(text) if name not in environment]
        if missing:
            raise Refused(f"function {self.name}: {key} names the setting {missing[0]}, which is not set")
        return _SETTING.sub(lambda match: environment[match[1]], text)


def registered_functions(app: func.FunctionApp) -> list[RegisteredFunction]:
    """Every function of `app`. Raises Refused, naming the function and the reason."""
    app.functions_bindings = {}  # else a second reading calls every name a duplicate
    try:
        functions = app.get_functions()
    except ValueError as error:
        raise Refused(str(error)) from None
    return [_registered(function) for function in functions]


def _registered(function: Any) -> RegisteredFunction:
    name, call = function.get_function_name(), function.get_user_function()
    trigger = function.get_trigger().get_dict_repr()
    try:
        _check_names(name, trigger, [binding.name for binding in function.get_bindings()])
        wants_context = _check_signature(call, trigger)
    except (NameError, TypeError) as error:  # as typing.get_type_hints has it
        raise Refused(f"function {name}: its annotations cannot be read: {error}") from None
    except Refused as refused:
        raise Refused(f"function {name}: {refused}") from None
    return RegisteredFunction(name, call, trigger, function.get_settings_dict("retry_policy"), wants_context)


def _check_names(name: str, trigger: Mapping[str, Any], bindings: list[str]) -> None:
    if not _FUNCTION_NAME.fullmatch(name):
        raise Refused("a function's name is a letter, then at most 127 letters, digits, _ or -")
    if trigger["type"] not in (HTTP, COSMOS_DB, TIMER):
        raise Refused(f"this host does not stand in for triggers of type {trigger['type']}")
    if not _BINDING_NAME.fullmatch(trigger["name"]):
        raise Refused(f"its parameter {trigger['name']!r} must be a letter, then letters and digits only")
    others = set(bindings) - {trigger["name"], "$return"}
    if others:
        raise Refused(f"this host does not stand in for the bindings {sorted(others)}")


def _check_signature(call: Callable[..., Any], trigger: Mapping[str, Any]) -> bool:
    """Whether the function takes `context`. The worker passes keywords: the trigger's name, and that."""
    parameters, hints = set(inspect.signature(call).parameters), get_type_hints(call)
    extra = parameters - {trigger["name"], "context"}
    if extra:
        raise Refused(f"the parameters {sorted(extra)} are in Python but not in its trigger")
    if trigger["name"] not in parameters:
        raise Refused(f"its trigger's parameter {trigger['name']!r} is not in Python")
    if trigger["name"] in hints and not _takes(trigger["type"], hints[trigger["name"]]):
        raise Refused(f"the annotation of {trigger['name']} does not match the trigger")
    if trigger["type"] == HTTP and "return" in hints and not ResponseTrackerMeta.check_type(hints["return"]):
        raise Refused(f"the return annotation {hints['return']} is no response type")
    return "context" in parameters


def _takes(kind: str, annotation: Any) -> bool:
    if kind == HTTP:
        return bool(RequestTrackerMeta.check_type(annotation))
    return inspect.isclass(annotation) and issubclass(annotation, _PARAMETER_TYPES[kind])
