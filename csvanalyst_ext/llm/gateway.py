"""The one door to language models, and the only module (with its neighbours here) that imports LiteLLM.

Runs on the host, in the engine's event loop.  LiteLLM takes seconds to import, so it is loaded at the first call of a
model that is reached by it, or earlier in a thread by ``warm``; the offline planner needs none.  Keys come from the
environment, are read by LiteLLM and never appear in a message of ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
import warnings
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from ..errors import ModelError, UsageError
from .boundary import OFFLINE, Boundary, is_loopback, is_offline
from .chat import Completion, Delta, Message, TextDelta
from .request import NATIVE, TOOL_FORMATS, Call, arguments_of, first_forms, prompt_price
from .stream import Assembly, End

if TYPE_CHECKING:
    from ..config import Settings

_LATER: Final = 60.0
"""Seconds for which a model that did not answer is asked last, if there are others."""
ACCESS: Final = ("any", "loopback", "offline")


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
    forgotten model is an error and not a bill.  ``settings.fallback_models`` are asked, in order, when
    the model does not answer at all; ``settings.tool_format`` says how tools are called (see ``request``).
    What a model is told of the conversation is decided by ``boundary``.
    """

    def __init__(
        self, settings: Settings, *, boundary: Boundary | None = None, patience: Patience | None = None
    ) -> None:
        if settings.model_access not in ACCESS:
            raise UsageError("bad_setting", f"model_access is one of {', '.join(ACCESS)}.")
        if settings.tool_format not in TOOL_FORMATS:
            raise UsageError("bad_setting", f"tool_format is one of {', '.join(TOOL_FORMATS)}.")
        self._api_base = settings.api_base
        self._access = settings.model_access
        self._boundary = boundary or Boundary(settings)
        self._format = settings.tool_format
        self._fallbacks = tuple(name.strip() for name in settings.fallback_models.split(",") if name.strip())
        self._patience = patience or Patience(silence=settings.model_timeout)
        self._forms: dict[str, str] = {}
        self._local: tuple[tuple[asyncio.AbstractEventLoop, str, str], Any] | None = None
        self._silent_until: dict[str, float] = {}

    def warm(self, model: str) -> None:
        """Load in the background what ``model`` is asked with; returns at once."""
        wanted = _planner if is_offline(model) else load
        threading.Thread(target=wanted, name="csvanalyst-model", daemon=True).start()

    async def stream(
        self, model: str, messages: Sequence[Message], tools: Sequence[Message], *, spend: float | None = None
    ) -> AsyncGenerator[Delta]:
        """The reply to ``messages``: text pieces as they arrive, then one ``Completion``.

        Tries again, or asks a fallback model, only while nothing of the answer has arrived.  ``spend``
        is how many US dollars this reply may cost.  Raises ``ModelError`` (codes in ``faults``).
        Closing the iterator, or cancelling the task, closes the connection.
        """
        self._check_access(model, self._api_base)
        first: ModelError | None = None
        now = time.monotonic()
        names = dict.fromkeys((model, *self._fallbacks))
        for name in sorted(names, key=lambda name: self._silent_until.get(name, now) > now):
            base = self._base(name, model)
            outgoing = self._boundary.outgoing(name, base, messages)
            call = Call(name, base, outgoing.messages, tuple(tools), spend, self._patience.silence, outgoing.datasets)
            told = False
            try:
                self._check_access(name, call.api_base)
                asked = self._planned(call) if is_offline(name) else self._formed(await asyncio.to_thread(load), call)
                async with contextlib.aclosing(asked) as deltas:
                    async for delta in deltas:
                        told = True
                        yield delta
                return
            except ModelError as error:
                from . import faults

                if told or error.code not in faults.ELSEWHERE:
                    raise first or error from None
                first = first or error
                self._silent_until[name] = now + _LATER
        raise first or AssertionError("there is at least one model")

    async def complete(self, model: str, messages: Sequence[Message], tools: Sequence[Message]) -> Completion:
        """The same without the pieces."""
        async for delta in self.stream(model, messages, tools):
            if isinstance(delta, Completion):
                return delta
        raise AssertionError("a stream ends in a completion or an error")

    async def quote(self, model: str, messages: Sequence[Message], tools: Sequence[Message]) -> float | None:
        """About what sending this would cost in US dollars, ``None`` when the price is not known.  Sends nothing.
        Raises ``ModelError`` as ``stream`` does for a model that cannot be called."""
        self._check_access(model, self._api_base)
        if is_offline(model):
            return 0.0
        litellm = await asyncio.to_thread(load)
        call = Call(model, self._api_base, tuple(messages), tuple(tools), None, self._patience.silence)
        await asyncio.to_thread(arguments_of, litellm, call, NATIVE)
        return prompt_price(litellm, call)

    async def _planned(self, call: Call) -> AsyncGenerator[Delta]:
        """The reply of the offline planner, which needs no LiteLLM; it thinks beside the event loop."""
        deltas = await asyncio.to_thread(lambda: list(_planner().reply(call.model, call.messages, call.tools)))
        for delta in deltas:
            if isinstance(delta, Completion):
                delta = self._boundary.written(call.model, call.api_base, delta)
            yield delta

    def _base(self, name: str, model: str) -> str:
        """``api_base`` is the address of the model that was asked for; a fallback of another provider has its own."""
        return self._api_base if name.partition("/")[0] == model.partition("/")[0] else ""

    async def _formed(self, litellm: ModuleType, call: Call) -> AsyncGenerator[Delta]:
        """The reply in the first form of tool calling that the model's server takes."""
        from . import faults

        forms = (self._forms.get(call.model),) if call.model in self._forms else ()
        ladder = [form for form in forms if form] or first_forms(litellm, call, self._format)
        first: ModelError | None = None
        for place, form in enumerate(ladder):
            told = False
            try:
                attempts = self._patience.attempts if place == 0 else 1
                async with contextlib.aclosing(self._attempts(litellm, call, form, attempts)) as deltas:
                    async for delta in deltas:
                        if call.tools:
                            self._forms[call.model] = form
                        told = True
                        yield delta
                return
            except ModelError as error:
                first = first or error
                if told or not faults.form_refused(error):
                    raise first from None
        raise first or AssertionError("there is at least one form")

    async def _attempts(self, litellm: ModuleType, call: Call, form: str, attempts: int) -> AsyncGenerator[Delta]:
        from . import faults

        arguments = await asyncio.to_thread(arguments_of, litellm, call, form)
        if client := self._direct(call):
            arguments["client"] = client
        for attempt in range(1, attempts + 1):
            assembly = Assembly(litellm, call, form)
            self._boundary.count(call)
            try:
                async with contextlib.aclosing(self._pieces(litellm, arguments)) as pieces:
                    async for piece in pieces:
                        if text := assembly.add(piece):
                            yield TextDelta(text)
                        if assembly.endless:
                            raise faults.model_error("model_too_long", call.model)
            except ModelError:
                raise
            except Exception as error:
                code = faults.classify(error, started=assembly.started)
                if attempt < attempts and code in faults.RETRIED and not assembly.started:
                    await asyncio.sleep(self._wait(attempt, faults.retry_after(error)))
                    continue
                status = faults.http_status(error)
                # The provider's own exception may hold the key: it must not hang on to ours.
                raise faults.model_error(code, call.model, error, attempts=attempt, http_status=status) from None
            if not assembly.finished:
                raise faults.model_error("model_stream_broken", call.model, attempts=attempt)
            if assembly.filtered:
                raise faults.model_error("model_filtered", call.model)
            yield self._boundary.written(call.model, call.api_base, assembly.completion())
            return

    def _direct(self, call: Call) -> Any:
        """The client for a server on this machine; ``None`` where LiteLLM's own is right."""
        if not is_loopback(call.api_base):
            return None
        from . import direct

        place = (asyncio.get_running_loop(), call.api_base, direct.key_of(call.model, call.api_base))
        if self._local is None or self._local[0] != place:
            self._local = (place, direct.DirectClient(*place[1:], self._patience.silence))
        return self._local[1]

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

    def _check_access(self, model: str, api_base: str) -> None:
        if is_offline(model) or self._access == "any" or (self._access == "loopback" and is_loopback(api_base)):
            return
        message = f"The model {model} may not be called here: model_access is {self._access!r}."
        raise ModelError("model_not_allowed", message, "Set CSVANALYST_MODEL_ACCESS=any to allow it.")


def _planner() -> ModuleType:
    from . import offline

    return offline


def load() -> ModuleType:
    """LiteLLM, set up: no socket opened at import, nothing printed, the offline provider registered."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    os.environ.setdefault("LITELLM_OFFLINE_MODE", "true")
    import litellm

    from .offline_provider import OfflinePlanner

    # Raised once at the first call, about a type of LiteLLM's own; a notebook would show it.
    warnings.filterwarnings("ignore", message=".*ReadOnly. qualifier", category=UserWarning)
    litellm.suppress_debug_info = True
    if "LITELLM_LOG" not in os.environ:
        for name in (
            "LiteLLM",
            "LiteLLM Router",
            "LiteLLM Proxy",
        ):  # they write to standard error, in red in a notebook
            logging.getLogger(name).setLevel(logging.CRITICAL)
    litellm.telemetry = False
    litellm.disable_streaming_logging = True
    litellm.disable_hf_tokenizer_download = True
    litellm.disable_aiohttp_transport = True  # its sessions are never closed, and say so when the process ends
    litellm.modify_params = True  # some providers want tools declared whenever the history has tool calls
    if not any(entry["provider"] == OFFLINE for entry in litellm.custom_provider_map):
        litellm.custom_provider_map.append({"provider": OFFLINE, "custom_handler": OfflinePlanner()})
    module: ModuleType = litellm
    return module
