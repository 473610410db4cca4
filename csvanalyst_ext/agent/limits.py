"""What one question may use.  Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from ..config import Settings


@dataclass(frozen=True, slots=True)
class AgentLimits:
    """``max_steps`` counts model calls, ``max_tool_calls`` all tool calls, ``max_seconds`` is wall time
    of the whole question.  Raises ``UsageError`` for a limit that is not above 0."""

    max_steps: int = 12
    max_tool_calls: int = 24
    max_seconds: float = 300.0

    def __post_init__(self) -> None:
        if self.max_steps < 1 or self.max_tool_calls < 1 or not self.max_seconds > 0:
            raise UsageError("bad_setting", "The limits of the agent must be above 0.")

    @classmethod
    def of(cls, settings: Settings) -> AgentLimits:
        return cls(settings.max_steps, settings.max_tool_calls, settings.max_seconds)
