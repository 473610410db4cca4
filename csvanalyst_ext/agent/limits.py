"""What one question may use, and what it has used.  Runs on the host; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..llm.chat import Completion
from ..protocol import Fault
from .events import Usage

if TYPE_CHECKING:
    from ..config import Settings

_HINT = "What was found so far is kept. Ask something narrower, raise the limit, or use another model."


@dataclass(frozen=True, slots=True)
class AgentLimits:
    """``max_steps`` counts model calls, ``max_tool_calls`` all tool calls, ``max_tokens`` those sent and written in
    all calls, ``max_cost`` is US dollars (``None``: any), ``max_seconds`` wall time of the whole question.
    ``max_context`` is how many tokens of conversation one call may send; older parts are left out.
    Raises ``UsageError`` for a limit that is not above 0."""

    max_steps: int = 12
    max_tool_calls: int = 24
    max_seconds: float = 300.0
    max_tokens: int = 400_000
    max_cost: float | None = None
    max_context: int = 100_000

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UsageError("bad_setting", f"The limit {name} of the agent must be above 0.")

    @classmethod
    def of(cls, settings: Settings, *, max_steps: int | None = None, max_cost: float | None = None) -> AgentLimits:
        """The limits of ``settings``; what is given counts instead."""
        return cls(
            max_steps or settings.max_steps,
            settings.max_tool_calls,
            settings.max_seconds,
            settings.max_tokens,
            settings.max_cost if max_cost is None else max_cost,
            settings.max_context,
        )


@dataclass(slots=True)
class Budget:
    """The limits of a question under way.  Tokens that a provider does not state are estimated here, so that the limit
    holds; ``usage`` says what is really known."""

    limits: AgentLimits
    usage: Usage = field(default_factory=Usage)
    tool_calls: int = 0
    tokens: int = 0

    @property
    def calls_left(self) -> bool:
        return self.tool_calls < self.limits.max_tool_calls

    @property
    def spend(self) -> float | None:
        """US dollars that are left, ``None`` for any number."""
        if self.limits.max_cost is None:
            return None
        return self.limits.max_cost - (self.usage.cost or 0.0)

    def count(self, completion: Completion, sent: int) -> None:
        """Add a model call; ``sent`` is an estimate of the tokens that it was sent."""
        used, first = self.usage, self.usage.model_calls == 0

        def add(total: Any, more: Any) -> Any:
            if more is None or (total is None and not first):
                return None
            return (total or 0) + more

        self.usage = Usage(
            used.model_calls + 1,
            add(used.prompt_tokens, completion.prompt_tokens),
            add(used.completion_tokens, completion.completion_tokens),
            add(used.cost, completion.cost),
        )
        prompt, written = completion.prompt_tokens, completion.completion_tokens
        text = len(completion.text) + sum(len(call.arguments) for call in completion.calls)
        self.tokens += (sent if prompt is None else prompt) + (text // 3 if written is None else written)

    def used_up(self) -> Fault | None:
        """Why no further model call may be made, if so."""
        limits = self.limits
        if self.tokens >= limits.max_tokens:
            return Fault("agent_limit_tokens", f"The question used up its {limits.max_tokens:,} tokens.", _HINT)
        if limits.max_cost is None or not self.usage.model_calls:
            return None
        if self.usage.cost is None:
            message = "The provider does not say what the answer cost, so the limit of cost cannot be kept."
            return Fault("agent_limit_cost", message, "Ask without --max-cost; --max-steps limits the use.")
        return self.over_cost() if self.usage.cost >= limits.max_cost else None

    def over_cost(self) -> Fault:
        used = "" if self.usage.cost is None else f" ${self.usage.cost:.4f} are used."
        return Fault("agent_limit_cost", f"The next step could cost more than ${self.limits.max_cost:g}.{used}", _HINT)

    def over(self, what: str, message: str) -> Fault:
        return Fault(f"agent_limit_{what}", message, _HINT)
