"""What came of a question: plain data for every front end, and the record that its capsule keeps.

Runs on the host; pure.  Nothing here holds a key or the environment.
"""

from __future__ import annotations

import datetime as dt
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..agent.events import Step, Usage
from ..checking import CheckedNumber
from ..errors import BY_STATUS, AnalystError, Failed, LimitReached, ModelError, NotUnderstood
from ..execution.base import Outcome
from ..llm.boundary import Sent
from ..protocol import Fault, Limits
from .question import Question


@dataclass(frozen=True, slots=True)
class Run:
    """A question and how it ended.

    ``status`` is ``ok``, ``clarify`` or a status of ``protocol.STATUSES``.  ``prose`` is the
    model's text, empty for explicit SQL and Python.  ``result`` is the outcome that answers the
    question.  ``error`` is set exactly when the status is not ``ok``.  ``datasets`` are the visible
    data sets, name to fingerprint.  ``facts`` say what ran where.  ``timings`` are seconds:
    ``start`` (until the sandbox was ready), ``model``, ``tools``, ``total``.
    ``numbers`` are the checked figures of the prose, with offsets into its ``visible`` text.
    ``capsule`` is ``None`` when it could not be written; then a note says why.  ``sent`` is what
    left this machine, ``policies`` the data policies in force; ``messages`` are as they were sent.
    ``sources`` say where the data sets came from, for a replay.
    """

    id: str
    question: Question
    model: str
    status: str
    prose: str = ""
    steps: tuple[Step, ...] = ()
    result: Outcome | None = None
    error: AnalystError | None = None
    datasets: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    timings: Mapping[str, float] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    messages: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    numbers: tuple[CheckedNumber, ...] = ()
    started: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    capsule: Path | None = None
    sent: Sent = field(default_factory=Sent)
    policies: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, Any] = field(default_factory=dict)

    def raise_for_status(self) -> Run:
        """This run when it is ok; raises its error otherwise."""
        if self.error is not None:
            raise self.error
        return self

    def stored(self, capsule: Path | None, *notes: str) -> Run:
        return replace(self, capsule=capsule, notes=(*self.notes, *notes))


def error_of(status: str, fault: Fault | None) -> AnalystError | None:
    """The error that a status with its fault stands for; ``None`` for ``ok``."""
    if status == "ok":
        return None
    if fault is None:
        fault = Fault("no_answer", "Nothing was answered.", "Ask again in other words.")
    source = fault.code.partition("_")[0]
    kind = NotUnderstood if status == "clarify" else _BY_SOURCE.get(source) or BY_STATUS.get(status, Failed)
    return kind(fault.code, fault.message, fault.hint or _NEXT.get(status, _NEXT["error"]), **fault.details)


def without_locals(error: AnalystError) -> AnalystError:
    """The error as it can be kept: what its frames and those of its causes held (sockets, whole results) is let go."""
    todo: list[BaseException] = [error]
    seen: set[int] = set()
    while todo:
        current = todo.pop()
        if id(current) not in seen:  # they may be each other's context
            seen.add(id(current))
            traceback.clear_frames(current.__traceback__)
            todo += [other for other in (current.__cause__, current.__context__) if other is not None]
    return error


_NEXT: Mapping[str, str] = {
    "error": "Change the question or the code, and ask again.",
    "crashed": "Ask again. If it crashes again, the code is the cause: try it on less data, or another way.",
}
"""The next step where a fault names none: nobody is left without one."""
_BY_SOURCE: Mapping[str, type[AnalystError]] = {"model": ModelError, "agent": LimitReached}
"""Who a fault came from, by the first word of its code; all others came from the question's SQL or Python."""


# --- the record ---------------------------------------------------------------------------------


def record_of(run: Run, versions: Mapping[str, str]) -> dict[str, Any]:
    """The JSON object that a capsule keeps of a run.  Steps name their result and figures by the file
    names that ``files_of`` uses."""
    tables, figures = _names(run)
    question = run.question
    return {
        "started": run.started.isoformat(timespec="milliseconds"),
        "question": question.text,
        "mode": question.mode,
        "model": run.model,
        "options": {
            "datasets": None if question.datasets is None else list(question.datasets),
            "max_rows": question.max_rows,
            "timeout": question.timeout,
        },
        "status": run.status,
        "prose": run.prose,
        "numbers": [mark.to_json() for mark in run.numbers],
        "error": None if run.error is None else run.error.to_json(),
        "result": next((name for name, outcome in tables.items() if outcome is run.result), None),
        "steps": [
            {
                "tool": step.tool,
                "arguments": dict(step.arguments),
                "language": step.language,
                "code": step.code,
                "verdict": verdict(step),
                "gate": {} if step.outcome is None else step.outcome.report.get("verdict", {}),
                "status": step.status,
                "seconds": round(step.seconds, 6),
                "fault": None if step.fault is None else asdict(step.fault),
                "reply": step.reply,
                "result": next((name for name, outcome in tables.items() if outcome is step.outcome), None),
                "figures": [name for name, owner in figures.items() if owner[0] is step.outcome],
                **_outcome(step.outcome),
            }
            for step in run.steps
        ],
        "datasets": dict(run.datasets),
        "sources": dict(run.sources),
        "facts": dict(run.facts),
        "limits": asdict(run.limits),
        "timings": {phase: round(value, 6) for phase, value in run.timings.items()},
        "usage": asdict(run.usage),
        "policies": dict(run.policies),
        "sent": asdict(run.sent),
        "versions": dict(versions),
        "notes": list(run.notes),
    }


def verdict(step: Step) -> str:
    """What a gate said of a step's code: ``passed``, ``refused``, or ``""`` where that cannot be told."""
    if step.status == "refused":
        return "refused"
    return "passed" if step.language == "sql" and step.status == "ok" else ""


def files_of(run: Run) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The tables (``result-1.arrow`` …) and figures (``figure-1.png`` …) that a capsule keeps of a run."""
    tables, figures = _names(run)
    kept = {name: outcome.table for name, outcome in tables.items()}
    return kept, {name: outcome.artefacts[index].data for name, (outcome, index) in figures.items()}


_SUFFIX = {"image/png": ".png", "application/vnd.vegalite.v5+json": ".vl.json"}


def _names(run: Run) -> tuple[dict[str, Outcome], dict[str, tuple[Outcome, int]]]:
    outcomes = [step.outcome for step in run.steps if step.outcome is not None]
    if run.result is not None and all(run.result is not outcome for outcome in outcomes):
        outcomes.append(run.result)
    tables = [outcome for outcome in outcomes if outcome.table is not None]
    figures = [(outcome, index) for outcome in outcomes for index in range(len(outcome.artefacts))]
    return (
        {f"result-{number}.arrow": outcome for number, outcome in enumerate(tables, 1)},
        {
            f"figure-{number}{_SUFFIX.get(owner.artefacts[index].kind, '.bin')}": (owner, index)
            for number, (owner, index) in enumerate(figures, 1)
        },
    )


def _outcome(outcome: Outcome | None) -> dict[str, Any]:
    if outcome is None:
        return {}
    return {
        "columns": [asdict(column) for column in outcome.columns],
        "name": outcome.name,
        "row_count": outcome.row_count,
        "total_rows": outcome.total_rows,
        "truncated": list(outcome.truncated),
        "stdout": outcome.stdout,
        "stdout_truncated": outcome.stdout_truncated,
        "timings": {phase: round(value, 6) for phase, value in outcome.timings.items()},
    }
