"""The offline planner as a provider of LiteLLM: ``offline/planner`` for whoever calls LiteLLM in this process.

Runs on the host; imported by the gateway only, when LiteLLM is loaded.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from litellm import CustomLLM, ModelResponse
from litellm.types.utils import (
    ChatCompletionMessageToolCall,
    Choices,
    Function,
    GenericStreamingChunk,
    Message,
    Usage,
)

from .offline import Turn, next_turn, numbered, reason


class OfflinePlanner(CustomLLM):  # type: ignore[misc]
    """The provider ``offline`` with its one model ``planner``."""

    def completion(self, *args: Any, **kwargs: Any) -> ModelResponse:
        turn = _turn(kwargs)
        response = ModelResponse()
        calls = [
            ChatCompletionMessageToolCall(id=identity, type="function", function=Function(name=c.name, arguments=text))
            for identity, c, text in numbered(turn, kwargs["messages"])
        ]
        message = Message(content=turn.text or None, role="assistant", tool_calls=calls or None)
        response.choices = [Choices(index=0, message=message, finish_reason=reason(turn))]
        response.usage = Usage(prompt_tokens=0, completion_tokens=0, total_tokens=0)
        return response

    async def acompletion(self, *args: Any, **kwargs: Any) -> ModelResponse:
        return self.completion(*args, **kwargs)

    def streaming(self, *args: Any, **kwargs: Any) -> Iterator[GenericStreamingChunk]:
        turn = _turn(kwargs)
        for piece in turn.text.splitlines(keepends=True):
            yield _chunk(piece)
        for index, (identity, call, text) in enumerate(numbered(turn, kwargs["messages"])):
            function = {"name": call.name, "arguments": text}
            yield _chunk("", tool_use={"id": identity, "type": "function", "function": function, "index": index})
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        yield _chunk("", is_finished=True, finish_reason=reason(turn), usage=usage)

    async def astreaming(self, *args: Any, **kwargs: Any) -> AsyncIterator[GenericStreamingChunk]:
        for chunk in self.streaming(*args, **kwargs):
            yield chunk


def _turn(kwargs: Mapping[str, Any]) -> Turn:
    tools = (kwargs.get("optional_params") or {}).get("tools") or ()
    return next_turn(kwargs["messages"], [tool["function"]["name"] for tool in tools])


def _chunk(text: str, **changes: Any) -> GenericStreamingChunk:
    chunk: dict[str, Any] = {
        "text": text, "is_finished": False, "finish_reason": "", "index": 0, "usage": None, "tool_use": None,
    }  # fmt: skip
    return {**chunk, **changes}
