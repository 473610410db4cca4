"""How much of a conversation a model is sent.  Runs on the host; pure.

What is left out first matters least: the tool traffic of earlier questions, then earlier questions whole, then the
contents of this question's earlier replies, then its earlier rounds.  Calls and their replies go together,
always: providers refuse a conversation in which they do not match.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ..llm.chat import NOTE, Message, estimate_tokens
from ..llm.datablock import compose
from ..llm.provenance import Own

_LEFT_OUT: Final = Own(
    compose({"status": "ok", "left_out": True, "hint": "To save room. Call the tool again if needed."})
)
_KEPT_ROUNDS: Final = 2

Exchange = tuple[Message, ...]
"""A question and all that followed it."""


def fit(messages: Sequence[Message], most: int) -> tuple[Message, ...]:
    """``messages`` within about ``most`` tokens: all system messages, the last question and its last rounds stay."""
    if estimate_tokens(messages) <= most:
        return tuple(messages)
    head = tuple(message for message in messages if message["role"] == "system")
    exchanges = _exchanges([message for message in messages if message["role"] != "system"])
    if not exchanges:
        return head
    *earlier, current = exchanges

    def fits() -> bool:
        return estimate_tokens(_joined(head, earlier, current)) <= most

    for place in range(len(earlier)):
        if not fits():
            earlier[place] = _talk(earlier[place])
    while earlier and not fits():
        earlier.pop(0)
    for change in (_shortened, _without_first_round):
        while not fits() and (smaller := change(current)) != current:
            current = smaller
    return _joined(head, earlier, current)


def _joined(head: Exchange, earlier: Sequence[Exchange], current: Exchange) -> tuple[Message, ...]:
    return (*head, *(message for exchange in earlier for message in exchange), *current)


def _exchanges(messages: Sequence[Message]) -> list[Exchange]:
    starts = [place for place, message in enumerate(messages) if _is_question(message)] or [0]
    ends = [*starts[1:], len(messages)]
    return [tuple(messages[start:end]) for start, end in zip(starts, ends, strict=True) if end > start]


def _is_question(message: Message) -> bool:
    return message["role"] == "user" and not str(message.get("content") or "").startswith(NOTE)


def _talk(exchange: Exchange) -> Exchange:
    """Only what was asked and answered in words; the whole of it if it did not end in words."""
    last = exchange[-1]
    return (exchange[0], last) if last["role"] == "assistant" and not last.get("tool_calls") else exchange


def _rounds(exchange: Exchange) -> Iterator[tuple[int, int]]:
    """Where a message with calls and the replies to it start and end."""
    for start, message in enumerate(exchange):
        if message["role"] == "assistant" and message.get("tool_calls"):
            yield start, start + 1 + len(message["tool_calls"])


def _shortened(exchange: Exchange) -> Exchange:
    """With the oldest round whose replies can be left out without them."""
    for start, end in list(_rounds(exchange))[:-_KEPT_ROUNDS]:
        replies = exchange[start + 1 : end]
        if any(reply["content"] != _LEFT_OUT for reply in replies):
            short = tuple({**reply, "content": _LEFT_OUT} for reply in replies)
            return (*exchange[: start + 1], *short, *exchange[end:])
    return exchange


def _without_first_round(exchange: Exchange) -> Exchange:
    rounds = list(_rounds(exchange))
    if len(rounds) <= 1:
        return exchange
    start, end = rounds[0]
    return exchange[:start] + exchange[end:]
