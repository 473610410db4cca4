"""When a question asks for a chart, and which one suits the answer.  Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from .labels import labels
from .plan import Measure, Plan, Window

_CHART: Final = r"(?:(?P<kind>bar|line|column|scatter) )?(?:chart|plot|graph|diagram)"
_BEFORE: Final = re.compile(
    rf"(?i)^(?:please )?(?:show|draw|plot|make|create|give)(?: me)? (?:a |an |the )?{_CHART} (?:of|for|with) "
)
_AFTER: Final = re.compile(
    rf"(?i)[\s,]*\b(?:and )?(?:show (?:it|this|that) )?(?:as|in|with|on) (?:a |an )?{_CHART}[\s?.!]*$"
)
_ALONE: Final = re.compile(
    r"(?i)^(?:and |now |then )?(?:show (?:it|this|that) |draw (?:it |this )?|plot (?:it|this|that)$)?"
    rf"(?:as |in )?(?:a |an )?(?:{_CHART})?[\s?.!]*$"
)
_MOST_ROWS: Final = 200


def asks_for_chart(text: str) -> tuple[str, str] | None:
    """The question without its words for a chart (empty when it has no others), and the kind that it names."""
    text = text.strip()
    for pattern in (_BEFORE, _AFTER, _ALONE):
        found = pattern.search(text)
        if found is not None and found[0].strip():
            return (text[: found.start()] + text[found.end() :]).strip(), (found["kind"] or "").lower()
    return None


def _adds_up(plan: Plan) -> bool:
    """Whether the first measure of a group and of another give the measure of both: sums and counts do."""
    measure = plan.measures[0] if plan.measures else None
    if isinstance(measure, Window):
        return measure.function == "share" and not measure.within
    return isinstance(measure, Measure) and measure.function in ("count", "sum")


def specification(plan: Plan, columns: Sequence[tuple[str, str]], rows: int, kind: str) -> dict[str, Any] | None:
    """A Vega-Lite specification for the result of ``plan``, whose ``columns`` are names and types of the engine;
    ``None`` when a chart would show nothing."""
    names = [name for name, _ in columns]
    if rows < 2 or rows > _MOST_ROWS or len(columns) < 2 or not (plan.grouped or plan.source or plan.order):
        return None
    first = plan.dimensions[0] if plan.dimensions else None
    time = first is not None and (first.bucket or first.part in ("date", "year", "month", "quarter", "week", "hour"))
    groups = len(plan.dimensions)
    value = names[groups] if groups and groups < len(names) else names[-1]
    mark = {"line": "line", "scatter": "point", "bar": "bar", "column": "bar"}.get(kind) or ("line" if time else "bar")
    across: dict[str, Any] = {"field": names[0], "type": "ordinal"}
    if first is not None and first.bucket:
        across["type"] = "temporal"
    elif not time and columns[0][1].startswith(("VARCHAR", "ENUM")):  # numbers have an order of their own
        across |= {"type": "nominal", "sort": "-y"}
    encoding: dict[str, Any] = {"x": across, "y": {"field": value, "type": "quantitative"}}
    if groups > 1:
        encoding["color"] = {"field": names[1], "type": "nominal"}
        if mark == "bar" and not _adds_up(plan):  # bars on top of each other would show a sum
            across["type"] = "ordinal" if across["type"] == "temporal" else across["type"]
            encoding["xOffset"] = {"field": names[1], "type": "nominal"}
    return {"mark": mark, "encoding": encoding, "title": ", ".join(labels(plan)) or value}
