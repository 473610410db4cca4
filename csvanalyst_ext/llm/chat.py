"""The words that the agent and a language model exchange.  Plain data, OpenAI's message format.

Runs on the host; imports nothing heavy.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .provenance import Own, Reply, See

Message = Mapping[str, Any]
"""One message in the OpenAI chat format."""

NOTE: Final = "[note from CSV Analyst]"
"""Starts a ``user`` message that the loop wrote and not the person."""


def note(text: str) -> dict[str, Any]:
    """A message from the loop to the model.  A ``user`` message, because providers differ in what
    they do with a ``system`` message in the middle of a conversation.  ``text`` holds no words of data."""
    return {"role": "user", "content": Own(f"{NOTE} {text}")}


def remark(see: See) -> dict[str, Any]:
    """A message from the loop that says what may be told of all data sets: ``see`` gives it for their policy."""
    return {"role": "user", "content": Reply(lambda policy: f"{NOTE} {see(policy)}", None)}


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the reply's text, as it arrived."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model wants.  ``arguments`` is the text that the model wrote: perhaps not JSON."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Completion:
    """A finished reply.  ``finish_reason`` is ``stop``, ``tool_calls``, ``length`` or
    ``content_filter``.  Token counts are ``None`` where the provider did not say; ``cost`` is in US
    dollars, ``None`` when the price is not known.  ``model`` is the one that replied.  ``trouble`` says,
    in words for the model, why nothing can be made of the reply; ``""`` when something can."""

    text: str
    calls: tuple[ToolCall, ...]
    finish_reason: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    model: str = ""
    trouble: str = ""


Delta = TextDelta | Completion


_BYTES_PER_TOKEN: Final = 3
_PER_MESSAGE: Final = 4


def estimate_tokens(*parts: Iterable[Message]) -> int:
    """About how many tokens these messages and tools are, rather too many than too few.  Every provider counts
    differently, and its own tokenizer would have to be downloaded."""
    return sum(_bytes(item) // _BYTES_PER_TOKEN + _PER_MESSAGE for part in parts for item in part)


def _bytes(item: Message) -> int:
    if "role" not in item:
        return len(json.dumps(item, ensure_ascii=False))
    called = [call["function"] for call in item.get("tool_calls") or ()]
    texts = [item.get("content") or "", *(text for f in called for text in (f["name"], f["arguments"]))]
    return sum(len(text.encode("utf-8", "replace")) for text in texts)
