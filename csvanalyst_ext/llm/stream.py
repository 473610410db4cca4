"""Pieces of a streamed reply, put together.  Runs on the host."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from .chat import Completion, ToolCall


@dataclass(slots=True)
class _Call:
    index: int | None
    id: str
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """The provider itself ended the stream; ``usage`` is ``None`` if it did not say."""

    usage: Any


class Assembly:
    """One reply as it arrives.  LiteLLM's own builder is not used: it makes up token counts where the
    provider gave none, and merges calls of servers that number all of them 0."""

    def __init__(self, litellm: ModuleType, model: str) -> None:
        self._litellm = litellm
        self._model = model
        self._text: list[str] = []
        self._calls: list[_Call] = []
        self._usage: Any = None
        self._reason = ""
        self.started = False
        self.finished = False

    def add(self, chunk: Any) -> str:
        """Take a chunk; returns its text."""
        if isinstance(chunk, End):
            self.finished = True
            self._usage = chunk.usage
            return ""
        text = ""
        for choice in chunk.choices[:1]:
            if choice.finish_reason:
                self._reason = choice.finish_reason
            for piece in choice.delta.tool_calls or ():
                self._add_call(piece)
            text = choice.delta.content or ""
        if text:
            self._text.append(text)
        self.started = self.started or bool(text or self._calls)
        return text

    def _add_call(self, piece: Any) -> None:
        last = next((call for call in reversed(self._calls) if call.index == piece.index), None)
        # A new id under an old number is a new call: some servers number all of them 0.
        if last is None or (piece.id and last.id and piece.id != last.id):
            last = _Call(piece.index, piece.id or "")
            self._calls.append(last)
        last.id = last.id or piece.id or ""
        last.name += piece.function.name or "" if not last.name else ""
        last.arguments += piece.function.arguments or ""

    def completion(self) -> Completion:
        calls = []
        taken: set[str] = set()
        for number, call in enumerate(self._calls, 1):
            identity = call.id if call.id and call.id not in taken else f"{call.id or 'call'}_{number}"
            taken.add(identity)
            calls.append(ToolCall(identity, call.name, call.arguments))
        prompt, completion = (getattr(self._usage, name, None) for name in ("prompt_tokens", "completion_tokens"))
        reason = "tool_calls" if calls and self._reason == "stop" else self._reason
        cost = self._cost(prompt, completion)
        return Completion("".join(self._text), tuple(calls), reason, prompt, completion, cost)

    def _cost(self, prompt: int | None, completion: int | None) -> float | None:
        if prompt is None or completion is None:
            return None
        if not prompt and not completion:
            return 0.0  # the offline planner
        try:
            parts = self._litellm.cost_per_token(model=self._model, prompt_tokens=prompt, completion_tokens=completion)
        except Exception:  # LiteLLM raises a bare Exception for a model without a price
            return None
        return float(sum(parts))
