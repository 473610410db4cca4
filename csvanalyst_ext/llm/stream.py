"""Pieces of a streamed reply, put together.  Runs on the host."""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from ..safe_text import without_secrets
from .chat import Completion, ToolCall
from .request import NATIVE, Call, priced
from .textual import NOT_JSON, AnswerStream, may_answer, read, read_call
from .thoughts import Spoken, without_thoughts

MAX_REPLY: Final = 2_000_000
"""Characters of one reply, thoughts and arguments included: some times what a model can write."""


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

    def __init__(self, litellm: ModuleType, call: Call, form: str) -> None:
        self._litellm = litellm
        self._call = call
        self._form = form
        self._answer = Spoken() if form == NATIVE else AnswerStream()
        self._text: list[str] = []
        self._calls: list[_Call] = []
        self._usage: Any = None
        self._reason = ""
        self._size = 0
        self.started = False
        self.finished = False

    @property
    def filtered(self) -> bool:
        """Whether the provider itself stopped the reply for what it says."""
        return self._reason == "content_filter"

    @property
    def endless(self) -> bool:
        """Whether this is more than any model writes in one reply."""
        return self._size > MAX_REPLY

    def add(self, chunk: Any) -> str:
        """Take a chunk; returns what of its text a person may read."""
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
            self._size += len(text) + len(getattr(choice.delta, "reasoning_content", None) or "")
        if text:
            self._text.append(text)
        self.started = self.started or bool(text or self._calls)
        return self._answer.add(text)

    def _add_call(self, piece: Any) -> None:
        last = next((call for call in reversed(self._calls) if call.index == piece.index), None)
        # A new id under an old number is a new call: some servers number all of them 0.
        if last is None or (piece.id and last.id and piece.id != last.id):
            last = _Call(piece.index, piece.id or "")
            self._calls.append(last)
        last.id = last.id or piece.id or ""
        last.name += piece.function.name or "" if not last.name else ""
        last.arguments += piece.function.arguments or ""
        self._size += len(piece.function.arguments or "")

    def completion(self) -> Completion:
        text = _whole("".join(self._text))
        calls, trouble = self._native_calls(), ""
        if self._form != NATIVE:
            text, calls, trouble = self._read(text)
        else:
            text = without_thoughts(text)
        if self._form == NATIVE and not calls and (said := read_call(text, self._call.tool_names)):
            text, calls = "", (self._numbered(said.tool, said.arguments),)
        prompt, completion = (getattr(self._usage, name, None) for name in ("prompt_tokens", "completion_tokens"))
        reason = "tool_calls" if calls and self._reason == "stop" else self._reason
        cost = self._cost(prompt, completion)
        return Completion(text, calls, reason, prompt, completion, cost, self._call.model, trouble)

    def _native_calls(self) -> tuple[ToolCall, ...]:
        calls = []
        taken: set[str] = set()
        for number, call in enumerate(self._calls, 1):
            identity = call.id if call.id and call.id not in taken else f"{call.id or 'call'}_{number}"
            taken.add(identity)
            calls.append(ToolCall(identity, _whole(call.name), _whole(call.arguments)))
        return tuple(calls)

    def _read(self, text: str) -> tuple[str, tuple[ToolCall, ...], str]:
        """Text, calls and trouble of a reply that was to be one JSON object."""
        said = read(text, self._call.tool_names)
        replied = not self._call.tools or may_answer(self._call.messages)
        if said is None and text.strip() and "{" not in text and replied:
            return without_thoughts(text), (), ""  # plain words are an answer, once there can be one
        if said is None:
            return text, (), NOT_JSON
        if said.tool:
            return "", (self._numbered(said.tool, said.arguments),), ""
        return said.answer, (), ""

    def _numbered(self, tool: str, arguments: str) -> ToolCall:
        return ToolCall(f"text_{len(self._call.messages)}", _whole(tool), _whole(arguments))

    def _cost(self, prompt: int | None, completion: int | None) -> float | None:
        if prompt is None or completion is None:
            return None
        parts = priced(self._litellm, self._call.model, prompt, completion)
        return None if parts is None else sum(parts)


def _whole(text: str) -> str:
    """``text`` without halves of characters, which JSON can write and UTF-8 cannot, and without a key: whoever is
    at the other end was sent one, and what is written here is kept."""
    return without_secrets(text.encode("utf-8", "replace").decode("utf-8"), os.environ)
