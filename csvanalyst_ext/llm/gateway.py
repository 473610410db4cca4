"""The one door to language models, and the only module (with its neighbours here) that imports LiteLLM.

Runs on the host, in the engine's event loop.  LiteLLM takes seconds to import, so it is loaded at the
first call, or earlier in a thread by ``warm``.  Keys come from the environment, are read by LiteLLM and
never appear in a message of ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import warnings
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ..errors import ModelError, UsageError
from .boundary import LOOPBACK, OFFLINE, Boundary, Outgoing
from .chat import Completion, Delta, Message, TextDelta
from .stream import Assembly, End

if TYPE_CHECKING:
    from ..config import Settings

ACCESS: Final = ("any", "loopback", "offline")
_NO_KEY: Final = "not-needed"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try.  ``attempts`` counts calls; the wait before the next one doubles from ``wait``
    seconds, unless the provider says how long, and is never above ``longest_wait``.  ``silence`` is
    the longest pause in seconds before the first and between two pieces of an answer."""

    attempts: int = 3
    wait: float = 1.0
    longest_wait: float = 20.0
    silence: float = 120.0


class Gateway:
    """Streams answers of any LiteLLM model.

    ``settings.model_access`` says which models may be called at all: ``any``; ``loopback``, only a
    server on this machine; ``offline``, only the built-in planner.  Test suites set it, so that a
    forgotten model is an error and not a bill.  What a model is told is decided by ``boundary``.
    """

    def __init__(
        self, settings: Settings, *, boundary: Boundary | None = None, patience: Patience | None = None
    ) -> None:
        if settings.model_access not in ACCESS:
            raise UsageError("bad_setting", f"model_access is one of {', '.join(ACCESS)}.")
        self._api_base = settings.api_base
        self._access = settings.model_access
        self._boundary = boundary or Boundary(settings)
        self._patience = patience or Patience()

    def warm(self) -> None:
        """Load LiteLLM in the background; returns at once."""
        threading.Thread(target=load, name="csvanalyst-litellm", daemon=True).start()

    async def stream(self, model: str, messages: Sequence[Message], tools: Sequence[Message]) -> AsyncGenerator[Delta]:
        """The reply to ``messages``: text pieces as they arrive, then one ``Completion``.

        Tries again only while nothing of the answer has arrived.  Raises ``ModelError`` (codes in
        ``faults``).  Closing the iterator, or cancelling the task, closes the connection.
        """
        self._check_access(model)
        litellm = await asyncio.to_thread(load)
        from . import faults

        outgoing = self._boundary.outgoing(model, messages)
        arguments = self._arguments(litellm, model, outgoing, tools)
        for attempt in range(1, self._patience.attempts + 1):
            assembly = Assembly(litellm, model)
            self._boundary.count(model, outgoing, tools)
            try:
                async with contextlib.aclosing(self._pieces(litellm, arguments)) as pieces:
                    async for piece in pieces:
                        if text := assembly.add(piece):
                            yield TextDelta(text)
            except ModelError:
                raise
            except Exception as error:
                code = faults.classify(error, started=assembly.started)
                if attempt < self._patience.attempts and code in faults.RETRIED and not assembly.started:
                    await asyncio.sleep(self._wait(attempt, faults.retry_after(error)))
                    continue
                # The provider's own exception may hold the key: it must not hang on to ours.
                raise faults.model_error(code, model, error, attempts=attempt) from None
            if not assembly.finished:
                raise faults.model_error("model_stream_broken", model, attempts=attempt)
            yield self._boundary.written(model, assembly.completion())
            return

    async def complete(self, model: str, messages: Sequence[Message], tools: Sequence[Message]) -> Completion:
        """The same without the pieces."""
        async for delta in self.stream(model, messages, tools):
            if isinstance(delta, Completion):
                return delta
        raise AssertionError("a stream ends in a completion or an error")

    def _wait(self, attempt: int, asked: float | None) -> float:
        wait = self._patience.wait * 2 ** (attempt - 1) if asked is None else asked
        return min(wait, self._patience.longest_wait)

    async def _pieces(self, litellm: ModuleType, arguments: dict[str, Any]) -> AsyncGenerator[Any]:
        async with asyncio.timeout(self._patience.silence):
            response = await litellm.acompletion(**arguments)
        try:
            chunks = aiter(response)
            while True:
                async with asyncio.timeout(self._patience.silence):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    break
                yield chunk
            # LiteLLM makes up a finish reason for a stream that just ends, and token counts where there are
            # none; what the provider really sent is in these attributes.
            if getattr(response, "received_finish_reason", "unknown") or response.intermittent_finish_reason:
                usages = [chunk.usage for chunk in response.chunks if getattr(chunk, "usage", None)]
                yield End(usages[-1] if usages else None)
        finally:
            with contextlib.suppress(Exception):
                await response.aclose()

    def _arguments(
        self, litellm: ModuleType, model: str, outgoing: Outgoing, tools: Sequence[Message]
    ) -> dict[str, Any]:
        from . import faults

        chosen: dict[str, Any] = {
            "model": model,
            "messages": list(outgoing.messages),
            "stream": True,
            "stream_options": {"include_usage": True},
            "num_retries": 0,
            "max_retries": 0,
            "timeout": self._patience.silence,
        }
        if tools:
            chosen["tools"] = [dict(tool) for tool in tools]
        if model.split("/", 1)[0] == OFFLINE:
            return chosen
        try:
            litellm.get_llm_provider(model)
        except Exception:
            raise faults.model_error("model_not_found", model) from None
        known = litellm.validate_environment(model)
        missing = [name for name in known["missing_keys"] if name.endswith(("_KEY", "_TOKEN"))]
        if self._api_base:
            chosen["api_base"] = self._api_base
            if missing:
                chosen["api_key"] = _NO_KEY  # local servers want none, client libraries insist on one
        elif missing and not known["keys_in_environment"]:
            message = f"There is no key for the model {model}."
            raise ModelError("model_auth", message, f"Set {' or '.join(missing)} in the environment and start again.")
        return chosen

    def _check_access(self, model: str) -> None:
        local = urlsplit(self._api_base).hostname in LOOPBACK
        if model.split("/", 1)[0] == OFFLINE or self._access == "any" or (self._access == "loopback" and local):
            return
        message = f"The model {model} may not be called here: model_access is {self._access!r}."
        raise ModelError("model_not_allowed", message, "Set CSVANALYST_MODEL_ACCESS=any to allow it.")


def load() -> ModuleType:
    """LiteLLM, set up: no socket opened at import, nothing printed, the offline provider registered."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_OFFLINE_MODE", "true")
    import litellm

    from .offline import OfflinePlanner

    # Raised once at the first call, about a type of LiteLLM's own; a notebook would show it.
    warnings.filterwarnings("ignore", message=".*ReadOnly. qualifier", category=UserWarning)
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.disable_streaming_logging = True
    litellm.modify_params = True  # some providers want tools declared whenever the history has tool calls
    if not any(entry["provider"] == OFFLINE for entry in litellm.custom_provider_map):
        litellm.custom_provider_map.append({"provider": OFFLINE, "custom_handler": OfflinePlanner()})
    module: ModuleType = litellm
    return module
