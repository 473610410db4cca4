"""The data boundary: the one place that decides what of a conversation leaves for a model.

Runs on the host; sends nothing itself.  The gateway passes every message of every call through
``Boundary.outgoing`` and there is no other road to a model.  Policies are applied when a message
leaves, not when it was made: one that was tightened meanwhile also holds for what was said before.

A message is built anew from the fields named here.  Its text leaves as its origin (``provenance``)
allows; text without an origin counts as rows of every data set there is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ..datasets.policy import AGGREGATES, FULL, Policy, policy, strictest
from .chat import Completion, Message
from .provenance import WITHHELD, Own, Reply, Written

if TYPE_CHECKING:
    from ..config import Settings
    from .request import Call

OFFLINE: Final = "offline"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_UNSAID: Final = "[This was written on the person's machine; their data policy keeps it from you.]"


def is_offline(model: str) -> bool:
    """Whether ``model`` is the built-in planner, which nothing is sent to."""
    return model.split("/", 1)[0] == OFFLINE


def is_loopback(address: str) -> bool:
    """Whether a server at this URL is on this machine."""
    return urlsplit(address).hostname in _LOOPBACK


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Messages as they leave, in plain strings.  ``datasets`` are the bytes (UTF-8, before JSON) of text
    by the data set that it comes from: text of several data sets counts for each."""

    messages: tuple[dict[str, Any], ...]
    datasets: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """What has left: calls of a model, bytes of all messages and tools as compact JSON, bytes of text by
    data set (see ``Outgoing``)."""

    requests: int = 0
    bytes: int = 0
    datasets: Mapping[str, int] = field(default_factory=dict)

    def plus(self, call: Call) -> Sent:
        by_name = dict(self.datasets)
        for name, size in call.told.items():
            by_name[name] = by_name.get(name, 0) + size
        whole = json.dumps([call.messages, call.tools], ensure_ascii=False, separators=(",", ":"))
        return Sent(self.requests + 1, self.bytes + len(whole.encode("utf-8", "replace")), by_name)


class Boundary:
    """The policies of a session, and what they make of its messages.

    ``sent`` is what has left since ``begin``.  Rows of a ``sample`` are counted for the whole
    session: what has left once may be sent again, and takes nothing more from the sample.
    """

    def __init__(self, settings: Settings) -> None:
        self.default = policy(settings.default_policy)
        self.sent = Sent()
        self._api_base = settings.api_base
        self._local = settings.local_model
        self._policies: dict[str, Policy] = {}
        self._shown: dict[str, int] = {}
        self._granted: dict[str, int] = {}

    # --- the person's choices -------------------------------------------------------------------

    def know(self, name: str) -> None:
        """There is a data set ``name``: what comes from everywhere also comes from it."""
        self._policies.setdefault(name, self.default)

    def choose(self, name: str, chosen: Policy) -> None:
        self._policies[name] = chosen

    def policy(self, name: str) -> Policy:
        return self._policies.get(name, self.default)

    @property
    def policies(self) -> Mapping[str, Policy]:
        return dict(self._policies)

    def strictest(self, datasets: frozenset[str] | None) -> Policy:
        """The policy for what comes from all of ``datasets``; ``None`` is every one there is, and what comes
        from none may leave."""
        if datasets is None:
            return strictest(self._policies.values(), self.default)
        return strictest(map(self.policy, datasets), FULL)

    def open_tables(self) -> tuple[str, ...]:
        """The data sets whose rows may leave."""
        return tuple(name for name, chosen in self._policies.items() if chosen >= FULL)

    def clear(self) -> None:
        """Forget the data sets.  Their conversation must be forgotten with them."""
        self._policies.clear()
        self._shown.clear()
        self._granted.clear()

    def begin(self) -> None:
        """A new question: count from nothing."""
        self.sent = Sent()

    def leaves(self, model: str, api_base: str | None = None) -> bool:
        """Whether what ``model`` is told leaves this machine; ``api_base`` is by default the setting.

        Not for the offline planner.  For a server at a loopback address only when the person said
        (``local_model``) that it is one: a relay to somewhere else looks the same.
        """
        if is_offline(model):
            return False
        base = self._api_base if api_base is None else api_base
        return not (self._local and is_loopback(base))

    # --- what leaves ----------------------------------------------------------------------------

    def outgoing(self, model: str, api_base: str | None, messages: Sequence[Message]) -> Outgoing:
        """``messages`` as they may be given to ``model`` at ``api_base``."""
        whole = not self.leaves(model, api_base)
        counts: dict[str, int] = {}
        return Outgoing(tuple(self._message(message, whole, counts) for message in messages), counts)

    def count(self, call: Call) -> None:
        """``call`` is being sent."""
        if self.leaves(call.model, call.api_base):
            self.sent = self.sent.plus(call)

    def written(self, model: str, api_base: str, completion: Completion) -> Completion:
        """``completion`` with the origin of its words: what ``model`` could see when it wrote them."""
        cleared = self.policies if self.leaves(model, api_base) else None
        calls = tuple(replace(call, arguments=Written(call.arguments, cleared)) for call in completion.calls)
        return replace(completion, text=Written(completion.text, cleared), calls=calls)

    def _message(self, message: Message, whole: bool, counts: dict[str, int]) -> dict[str, Any]:
        made: dict[str, Any] = {"role": str(message["role"])}
        if "content" in message:
            made["content"] = self._content(message["content"], made["role"], whole, counts)
        if calls := message.get("tool_calls"):
            made["tool_calls"] = [self._call(call, whole) for call in calls]
        made |= {key: str(message[key]) for key in ("tool_call_id", "name") if key in message}
        return made

    def _content(self, content: Any, role: str, whole: bool, counts: dict[str, int]) -> Any:
        if isinstance(content, list | tuple):
            parts = [part for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
            kept = ("type", "cache_control")
            return [
                {key: part[key] for key in kept if key in part}
                | {"text": self._text(part.get("text"), role, whole, counts)}
                for part in parts
            ]
        return None if content is None else self._text(content, role, whole, counts)

    def _call(self, call: Mapping[str, Any], whole: bool) -> dict[str, Any]:
        function = call["function"]
        arguments = function["arguments"]
        may = whole or self._may(arguments)
        return {
            "id": str(call["id"]),
            "type": "function",
            "function": {"name": str(function["name"]), "arguments": str(arguments) if may else "{}"},
        }

    def _text(self, text: Any, role: str, whole: bool, counts: dict[str, int]) -> str:
        if isinstance(text, Reply):
            told = str(text) if whole else self._told(text)
            names = self._policies if text.datasets is None else text.datasets
            for name in names:
                counts[name] = counts.get(name, 0) + len(told.encode("utf-8", "replace"))
            return told
        if whole or self._may(text):
            return str(text)
        return _UNSAID if role == "assistant" else str(WITHHELD)

    def _may(self, text: Any) -> bool:
        """Whether words that are no tool's reply may leave."""
        if isinstance(text, Own) or text == "{}":
            return True
        cleared = text.cleared if isinstance(text, Written) else None
        if cleared is None:
            return self.strictest(None) >= FULL
        return all(self.policy(name) >= had for name, had in cleared.items())

    def _told(self, reply: Reply) -> str:
        allowed = self.strictest(reply.datasets)
        if allowed >= FULL:
            return str(reply)
        if reply.see is None:
            return str(WITHHELD)
        if allowed.name == "sample":
            rows = self._grant(reply, allowed)
            allowed = Policy("sample", rows) if rows else AGGREGATES
        return reply.see(allowed)

    def _grant(self, reply: Reply, allowed: Policy) -> int:
        """How many rows of ``reply`` may be shown: those that were before, else what is left of the samples."""
        key = str(reply)
        if key in self._granted:
            return min(self._granted[key], allowed.rows)
        names = self._policies if reply.datasets is None else reply.datasets
        sampled = [name for name in names if self.policy(name).name == "sample"]
        left = min((self.policy(name).rows - self._shown.get(name, 0) for name in sampled), default=0)
        rows = max(0, min(reply.rows, left))
        if rows:
            self._granted[key] = rows
            for name in sampled:
                self._shown[name] = self._shown.get(name, 0) + rows
        return rows
