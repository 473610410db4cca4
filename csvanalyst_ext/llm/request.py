"""One call of a model as the arguments that LiteLLM takes: address, key, tools in their form, price.

Runs on the host; imports nothing heavy, LiteLLM is handed in.

How tools are called is one of three forms.  ``native``: the provider's own tool calling.  ``schema``:
JSON text, and the server holds the model to its schema.  ``text``: JSON text, on the model's honour.
``tool_format`` chooses: ``native``, ``json`` (the last two), or ``auto``: what LiteLLM knows of the model,
and where it knows nothing, the first form that the server takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final

from ..errors import ModelError
from .chat import Message, estimate_tokens
from .textual import may_answer, reply_schema, to_text

NATIVE: Final = "native"
SCHEMA: Final = "schema"
TEXT: Final = "text"
TOOL_FORMATS: Final = ("auto", "native", "json")

NO_KEY: Final = "not-needed"
_LEAST_REPLY: Final = 64
_OLLAMA: Final = frozenset({"ollama", "ollama_chat"})
"""Run at home, for nothing.  LiteLLM would ask the server for what it knows, at an address that need not be ours."""
_CACHED_BY_MARKS: Final = frozenset({"anthropic"})
"""Providers that keep the start of a prompt only where a request marks it; others do it by themselves."""


@dataclass(frozen=True, slots=True)
class Call:
    """What to send where.  ``spend`` is in US dollars, ``None`` for any; ``silence`` in seconds.  ``messages``
    are as the data boundary lets them pass, ``told`` the bytes among them by data set."""

    model: str
    api_base: str
    messages: tuple[Message, ...]
    tools: tuple[Message, ...]
    spend: float | None
    silence: float
    told: Mapping[str, int] = field(default_factory=dict)

    @property
    def tool_names(self) -> frozenset[str]:
        return frozenset(tool["function"]["name"] for tool in self.tools)


def first_forms(litellm: ModuleType, call: Call, chosen: str) -> list[str]:
    """The forms to try, in order.  The last of ``auto`` is JSON text on the model's honour: any model takes it."""
    if chosen == "native":
        return [NATIVE]
    if chosen == "json":
        return [SCHEMA, TEXT]
    provider = _provider(litellm, call.model)
    if provider not in _OLLAMA:
        if litellm.supports_function_calling(call.model):
            return [NATIVE]
        if priced(litellm, call.model) is not None:  # LiteLLM knows it, and that it has none
            return [SCHEMA, TEXT]
    # LiteLLM's `ollama/` puts tools into the prompt in a way of its own; `ollama_chat/` is Ollama's real one.
    return [SCHEMA, TEXT] if provider == "ollama" else [NATIVE, SCHEMA, TEXT]


def arguments_of(litellm: ModuleType, call: Call, form: str) -> dict[str, Any]:
    """The keyword arguments of ``litellm.acompletion``.  Raises ``ModelError``: ``model_not_found``, ``model_auth``
    (no key), ``model_price_unknown`` and ``model_over_budget`` (both only with ``spend``)."""
    chosen: dict[str, Any] = {
        "model": call.model,
        "messages": [dict(message) for message in call.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        "num_retries": 0,
        "max_retries": 0,
        "timeout": call.silence,
    }
    if form == NATIVE:
        if call.tools:
            chosen["tools"] = [dict(tool) for tool in call.tools]
    else:
        chosen["messages"] = to_text(call.messages, call.tools)
        if form == SCHEMA:
            schema = reply_schema(call.tools, answer=may_answer(call.messages))
            chosen["response_format"] = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
    provider = _provider(litellm, call.model)
    chosen |= _address(litellm, call)
    if provider in _CACHED_BY_MARKS:
        places = [{"location": "message", "role": "system"}, {"location": "message", "index": -1}]
        chosen["cache_control_injection_points"] = places
    if call.spend is not None:
        chosen["max_tokens"] = _affordable(litellm, call, call.spend)
    return chosen


def prompt_price(litellm: ModuleType, call: Call) -> float | None:
    """About what sending ``call`` costs in US dollars; ``None`` when the price is not known."""
    price = priced(litellm, call.model, estimate_tokens(call.messages, call.tools))
    return None if price is None else price[0]


def _provider(litellm: ModuleType, model: str) -> str:
    from . import faults

    try:
        return str(litellm.get_llm_provider(model)[1])
    except Exception:  # LiteLLM's own, of many kinds
        raise faults.model_error("model_not_found", model) from None


def _address(litellm: ModuleType, call: Call) -> dict[str, str]:
    """Where the model is, and a stand-in for the key of a server that wants none."""
    known: Mapping[str, Any] = litellm.validate_environment(call.model)
    missing = [name for name in known["missing_keys"] if name.endswith(("_KEY", "_TOKEN"))]
    if call.api_base:
        return {"api_base": call.api_base, **({"api_key": NO_KEY} if missing else {})}
    if missing and not known["keys_in_environment"]:
        message = f"There is no key for the model {call.model}."
        raise ModelError("model_auth", message, f"Set {' or '.join(missing)} in the environment and start again.")
    return {}


def priced(litellm: ModuleType, model: str, sent: int = 1000, written: int = 1000) -> tuple[float, float] | None:
    """US dollars for so many tokens sent and written, by LiteLLM's table; ``None`` when it has no price."""
    if model.split("/", 1)[0] in _OLLAMA:
        return 0.0, 0.0
    try:
        prompt, reply = litellm.cost_per_token(model=model, prompt_tokens=sent, completion_tokens=written)
    except Exception:  # LiteLLM raises a bare Exception for a model without a price
        return None
    return float(prompt), float(reply)


def _affordable(litellm: ModuleType, call: Call, spend: float) -> int:
    """How many tokens the reply may have so that it costs no more than ``spend``."""
    price = priced(litellm, call.model, estimate_tokens(call.messages, call.tools), 1000)
    if price is None:
        message = f"The price of {call.model} is not known, so a limit of cost cannot be kept."
        raise ModelError("model_price_unknown", message, "Ask without it; --max-steps and max_tokens limit the use.")
    left, written = spend - price[0], price[1] / 1000
    most = _longest_reply(litellm, call.model)
    affordable = most if written == 0 and left >= 0 else int(left / written) if written else 0
    if affordable < _LEAST_REPLY:
        message = f"The next step of {call.model} would cost more than is left."
        raise ModelError("model_over_budget", message, "Raise --max-cost, or ask something narrower.")
    return min(affordable, most)


def _longest_reply(litellm: ModuleType, model: str) -> int:
    try:
        return int(litellm.get_max_tokens(model) or 4096)
    except Exception:  # LiteLLM raises a bare Exception for a model that it does not know
        return 4096
