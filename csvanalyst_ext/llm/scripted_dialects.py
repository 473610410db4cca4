"""How the scripted model writes its stream, by the path it is asked at.  Runs on the host, in tests; pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from .scripted import Turn

Events = Callable[[Turn, str], Iterator[str]]


def dialect(path: str) -> tuple[str, Events]:
    """The content type and the stream of a server that is asked at ``path``."""
    if path.startswith("/api/chat"):
        return "application/x-ndjson", _ollama
    if path.startswith("/v1/messages"):
        return "text/event-stream", _anthropic
    return "text/event-stream", _openai


def _openai(turn: Turn, model: str) -> Iterator[str]:
    def event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        base = {"id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 0, "model": model}
        return _sent({**base, "choices": [choice], **more})

    yield event({"role": "assistant", "content": ""})
    for piece in _cut(turn.text, turn.piece):
        yield event({"content": piece})
    for index, wanted in enumerate(turn.calls):
        head = {"index": index, "id": wanted.id or f"call_{index}", "type": "function"}
        yield event({"tool_calls": [{**head, "function": {"name": wanted.name, "arguments": ""}}]})
        for piece in _cut(wanted.arguments, turn.piece):
            yield event({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    if turn.trouble == "error":
        yield _sent({"error": {"message": turn.error, "type": "server_error", "code": 500}})
    if turn.trouble:
        return
    yield event({}, turn.finish or ("tool_calls" if turn.calls else "stop"))
    if turn.usage:
        prompt, completion = turn.usage
        usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        yield event({}, choices=[], usage=usage)
    yield "data: [DONE]\n\n"


def _ollama(turn: Turn, model: str) -> Iterator[str]:
    """``/api/chat``: one JSON object a line, a tool call whole and its arguments an object."""

    def line(message: dict[str, Any], **more: Any) -> str:
        base = {"model": model, "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant", **message}}
        return json.dumps({**base, "done": False, **more}) + "\n"

    for piece in _cut(turn.text, turn.piece):
        yield line({"content": piece})
    for wanted in turn.calls:
        function = {"name": wanted.name, "arguments": json.loads(wanted.arguments)}
        yield line({"content": "", "tool_calls": [{"function": function}]})
    if turn.trouble == "error":
        yield json.dumps({"error": turn.error}) + "\n"
    if turn.trouble:
        return
    counts = {} if turn.usage is None else {"prompt_eval_count": turn.usage[0], "eval_count": turn.usage[1]}
    yield line({"content": ""}, done=True, done_reason=turn.finish or "stop", **counts)


def _anthropic(turn: Turn, model: str) -> Iterator[str]:
    """``/v1/messages``: named events, content in blocks."""

    def event(kind: str, **more: Any) -> str:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n"

    prompt, completion = turn.usage or (0, 0)
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": []}
    yield event("message_start", message={**message, "usage": {"input_tokens": prompt, "output_tokens": 1}})
    blocks: list[tuple[dict[str, Any], str, str]] = []
    if turn.text:
        blocks.append(({"type": "text", "text": ""}, "text_delta", turn.text))
    for number, wanted in enumerate(turn.calls):
        block = {"type": "tool_use", "id": wanted.id or f"toolu_{number}", "name": wanted.name, "input": {}}
        blocks.append((block, "input_json_delta", wanted.arguments))
    for index, (block, kind, text) in enumerate(blocks):
        yield event("content_block_start", index=index, content_block=block)
        for piece in _cut(text, turn.piece):
            key = "text" if kind == "text_delta" else "partial_json"
            yield event("content_block_delta", index=index, delta={"type": kind, key: piece})
        yield event("content_block_stop", index=index)
    if turn.trouble == "error":
        yield event("error", error={"type": "overloaded_error", "message": turn.error})
    if turn.trouble:
        return
    reason = turn.finish or ("tool_use" if turn.calls else "end_turn")
    yield event("message_delta", delta={"stop_reason": reason}, usage={"output_tokens": completion})
    yield event("message_stop")


def _sent(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value)}\n\n"


def _cut(text: str, size: int) -> Iterator[str]:
    return (text[i : i + size] for i in range(0, len(text), size))
