"""What is going on right now: a line, and the steps before it.  Runs on the host; reads no clock."""

from __future__ import annotations

from typing import Any, Final

from ..agent.events import Event, Prose, Thinking, ToolEnded, ToolProgress, ToolStarted
from ..rendering import text
from . import view

_TITLES: Final = {
    "run_sql": "running SQL",
    "run_python": "running Python",
    "describe_dataset": "reading a description",
    "list_datasets": "looking at the data sets",
    "add": "adding",
}
_MAX_STEPS: Final = 6


class Activity:
    """Takes events, gives one line (``line``) and the ended steps (``steps``).  ``started`` is a monotonic time."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._doing = "starting"
        self._extent = ""
        self._whole = 0
        self._steps: list[str] = []

    def take(self, event: Event) -> None:
        if isinstance(event, Thinking):
            self._doing, self._extent = f"asking the model ({_spent(event)})", ""
        elif isinstance(event, Prose):
            self._doing, self._extent = "writing the answer", ""
        elif isinstance(event, ToolStarted):
            self._doing, self._extent = _title(event.tool, event.arguments), ""
            whole = event.arguments.get("bytes") if event.tool == "add" else 0
            self._whole = whole if isinstance(whole, int) else 0
        elif isinstance(event, ToolProgress):
            rows = text.count(event.rows, "row")
            if self._whole:
                self._extent = f" · {text.part(event.bytes, self._whole)}, {rows}"
            else:
                self._extent = f" · {rows}{f', {text.size(event.bytes)}' if event.bytes else ''}"
        elif isinstance(event, ToolEnded):
            mark = "✓" if event.status == "ok" else "✗"
            summary = text.cell(event.summary) or event.status
            self._steps.append(f"{mark} {text.cell(event.tool)}: {summary} ({text.seconds(event.seconds)})")
            self._doing, self._extent = "working", ""

    def line(self, now: float) -> str:
        return f"{self._doing}{self._extent} · {text.seconds(now - self._started)}"

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(self._steps[-_MAX_STEPS:])


def _spent(event: Thinking) -> str:
    """How far the budget is used: steps, tokens, US dollars."""
    parts = [f"step {event.step} of {event.steps}" if event.steps else f"step {event.step}"]
    if event.usage is not None and event.usage.model_calls:
        parts += view.spent(event.usage)
    return ", ".join(parts)


def _title(tool: str, arguments: Any) -> str:
    subject = arguments.get("source", "") if tool == "add" else ""
    return f"{_TITLES.get(tool) or text.cell(tool)} {text.cell(str(subject))}".rstrip()
