"""What the agent tells a front end while it works, and what it concludes.  Plain data.

Every front end renders the same ``Event`` union; none of it is HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..execution.base import Outcome
from ..protocol import Fault


@dataclass(frozen=True, slots=True)
class Thinking:
    """The model was called; ``step`` counts model calls from 1, of at most ``steps``.  ``usage`` is that
    of the calls before."""

    step: int
    steps: int = 0
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Prose:
    """A piece of the answer's text, as the model streams it."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolStarted:
    call: str
    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolProgress:
    call: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ToolEnded:
    call: str
    tool: str
    status: str
    summary: str
    seconds: float


Event = Thinking | Prose | ToolStarted | ToolProgress | ToolEnded


@dataclass(frozen=True, slots=True)
class Step:
    """One tool call and what came of it.  ``code`` is the SQL or Python that ran, if any.
    ``reply`` is the text that went back to the model."""

    tool: str
    arguments: Mapping[str, Any]
    language: Literal["sql", "python", ""]
    code: str
    status: str
    seconds: float
    reply: str
    fault: Fault | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens and cost in US dollars over all model calls; ``None`` where the provider did not say."""

    model_calls: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Conclusion:
    """How a question ended.

    ``status`` is ``ok``, ``clarify`` or a status of ``protocol.STATUSES``.  ``prose`` is the
    model's final text.  ``result`` is the outcome that answers the question (the last successful
    tool call that gave a table), or ``None``.  ``messages`` are all messages in the order they
    were exchanged, in the OpenAI format.  ``notes`` are remarks for the person: what was assumed, a tie that a
    LIMIT cut, another model that answered.
    """

    status: str
    prose: str = ""
    steps: tuple[Step, ...] = ()
    result: Outcome | None = None
    fault: Fault | None = None
    usage: Usage = field(default_factory=Usage)
    messages: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
