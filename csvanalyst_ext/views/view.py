"""What there is to see of a run, before any format: every text here is already ``visible``, without keys where
it tells what happened, and capped, whatever came from the data, the model or the sandbox.

Runs on the host; pure.  ``html.py`` and ``plain.py`` turn a ``View`` into their form.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ..agent.charts import MIME, describe
from ..rendering import text, values
from ..session.run import Run, verdict

if TYPE_CHECKING:
    import pyarrow as pa

    from ..agent.events import Step, Usage
    from ..checking import CheckedNumber
    from ..execution.base import Artefact, Outcome

SHOWN_ROWS: Final = 20
SHOWN_COLUMNS: Final = 50
MAX_FIGURE: Final = 8 * 1024 * 1024
MAX_PIXELS: Final = 40_000_000
"""A viewer decodes a figure to four bytes a pixel, however small its file is."""
_FIGURES: Final = 16
_PROSE: Final = 20_000
_STDOUT: Final = 8_000
_CODE: Final = 20_000
_NOTES: Final = 40
_NOTE: Final = 1_000
_STEPS: Final = 60
_PNG: Final = struct.Struct(">8sI4sII")


@dataclass(frozen=True, slots=True)
class TableView:
    """The head of a table.  A cell is ``None`` for NULL."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str | None, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class StepView:
    """``title`` and ``facts`` are one line each."""

    title: str
    facts: tuple[str, ...]
    language: str = ""
    code: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A checked figure: its place in the shown prose, and what to say about it."""

    start: int
    end: int
    found: bool
    explained: str


@dataclass(frozen=True, slots=True)
class View:
    status: str
    prose: str = ""
    marks: tuple[Mark, ...] = ()
    error: str = ""
    hint: str = ""
    table: TableView | None = None
    figures: tuple[bytes, ...] = ()
    charts: tuple[str, ...] = ()
    stdout: str = ""
    notes: tuple[str, ...] = ()
    how: str = ""
    steps: tuple[StepView, ...] = ()
    capsule: str = ""


def view(run: Run) -> View:
    outcome = run.result
    error = run.error
    prose = text.message(run.prose.strip(), _PROSE)
    unseen = error is not None and error.message in (run.prose, prose)
    return View(
        status=run.status,
        prose="" if unseen else prose,
        marks=() if unseen else marks(run.numbers, prose),
        error="" if error is None else error.message,
        hint="" if error is None else error.hint,
        table=None if outcome is None or outcome.table is None else table_view(outcome, outcome.table),
        figures=figures(run),
        charts=tuple(text.message(describe(chart), _NOTE, lines=False) for chart in charts(run)),
        stdout=_stdout(run),
        notes=notes([*run.notes, *_unconfirmed(run.numbers)]),
        how=_how(run),
        steps=tuple(_step(step) for step in run.steps[:_STEPS]),
        capsule=run.id if run.capsule is not None else "",
    )


def marks(numbers: Sequence[CheckedNumber], prose: str) -> tuple[Mark, ...]:
    """The marks whose places are the same in the shown prose: what hides a key or cuts the end may move them."""
    if any(prose[m.span[0] : m.span[1]] != m.text for m in numbers if m.span[1] < len(prose)):
        return ()
    shown = [m for m in numbers if m.status != "given" and m.span[1] <= len(prose)]
    return tuple(Mark(*m.span, m.status != "not found", text.cell(m.explain())) for m in shown)


NOT_FOUND: Final = "[?]"
"""Stands after a figure that is not in the results."""


def _unconfirmed(numbers: Sequence[CheckedNumber]) -> list[str]:
    missing = list(dict.fromkeys(m.text for m in numbers if m.status == "not found"))
    if not missing:
        return []
    return [f"{NOT_FOUND} not found in the results: {', '.join(missing)}"]


def _checked(numbers: Sequence[CheckedNumber]) -> str:
    told = [m for m in numbers if m.status != "given"]
    found = sum(m.status != "not found" for m in told)
    return f"{found} of {text.count(len(told), 'figure')} found in the results" if told else ""


def figures(run: Run) -> tuple[bytes, ...]:
    """The PNG figures that Python drew in all steps that went well, in order; none that is too large to be shown."""
    found = [
        artefact.data
        for outcome in _outcomes(run)
        if outcome.status == "ok" and all(artefact.kind != MIME for artefact in outcome.artefacts)
        for artefact in outcome.artefacts
        if artefact.kind == "image/png" and _drawable(artefact.data)
    ]
    return tuple(found[:_FIGURES])


def charts(run: Run) -> tuple[dict[str, Any], ...]:
    """The chart specifications that were checked here, in order; never one that the sandbox sent."""
    return tuple(json.loads(artefacts[0].data) for artefacts in _charts(run))


def pictures(run: Run) -> tuple[bytes | None, ...]:
    """For each of ``charts`` a PNG picture of it, where there is one."""
    found = (next((one.data for one in artefacts if one.kind == "image/png"), None) for artefacts in _charts(run))
    return tuple(data if data is not None and _drawable(data) else None for data in found)


def _charts(run: Run) -> list[tuple[Artefact, ...]]:
    """The artefacts of each chart, the specification first."""
    return [
        step.outcome.artefacts
        for step in run.steps
        if step.tool == "make_chart" and step.status == "ok" and step.outcome is not None
    ]


def _drawable(data: bytes) -> bool:
    if not _PNG.size <= len(data) <= MAX_FIGURE:
        return False
    signature, _, chunk, width, height = _PNG.unpack_from(data)
    return bool(signature == b"\x89PNG\r\n\x1a\n" and chunk == b"IHDR" and 0 < width * height <= MAX_PIXELS)


def notes(given: Sequence[str]) -> tuple[str, ...]:
    """Sentences, one line each."""
    shown = tuple(text.message(note, _NOTE, lines=False) for note in given[:_NOTES])
    return shown if len(given) <= _NOTES else (*shown, f"{len(given) - _NOTES:,} more notes")


def stdout(run: Run) -> str:
    """What the Python of the answer printed: of the step that gave the result, or of all steps."""
    if run.result is not None and run.result.stdout:
        return run.result.stdout
    return "".join(outcome.stdout for outcome in _outcomes(run))


def _outcomes(run: Run) -> list[Outcome]:
    outcomes = [step.outcome for step in run.steps if step.outcome is not None]
    if run.result is not None and all(run.result is not outcome for outcome in outcomes):
        outcomes.append(run.result)
    return outcomes


def table_view(outcome: Outcome, table: pa.Table) -> TableView:
    return head(table, [column.type for column in outcome.columns], extent(outcome, table))


def head(table: pa.Table, types: Sequence[str], note: str = "") -> TableView:
    """The first rows and columns.  ``types`` are the engine's names of the column types, where they are known."""
    shown = table.select(list(range(min(SHOWN_COLUMNS, table.num_columns))))
    kinds = types if len(types) == table.num_columns else [str(kind) for kind in table.schema.types]
    return TableView(
        names=tuple(text.cell(name) or "(no name)" for name in shown.column_names),
        types=tuple(text.cell(kind)[:60] for kind in kinds[:SHOWN_COLUMNS]),
        numeric=tuple(values.numeric(shown)),
        rows=tuple(tuple(map(_cell, row)) for row in values.rows(shown, SHOWN_ROWS)),
        note=note,
    )


def _cell(value: object) -> str | None:
    return None if value is None else values.show(value)


_CAPS: Final[Mapping[str, str]] = {
    "columns": "some columns were left out (column limit)",
    "bytes": "cut at the size limit",
    "cells": "long cells were shortened",
}


def extent(outcome: Outcome, table: pa.Table) -> str:
    """How much of the result is there and how much of it is shown, in one line."""
    rows, columns = table.num_rows, table.num_columns
    parts = [f"{text.count(rows, 'row')} × {text.count(columns, 'column')}"]
    if rows > SHOWN_ROWS:
        parts[0] = f"first {SHOWN_ROWS} of {parts[0]}"
    if columns > SHOWN_COLUMNS:
        parts.append(f"first {SHOWN_COLUMNS} columns shown")
    if "rows" in outcome.truncated:
        of = "" if outcome.total_rows is None else f" of {outcome.total_rows:,}"
        parts.append(f"the result was cut at {text.count(rows, 'row')}{of}")
    parts += [_CAPS[cap] for cap in outcome.truncated if cap in _CAPS]
    parts += [outcome.name] if outcome.name else []
    return " · ".join(parts)


def _stdout(run: Run) -> str:
    printed = stdout(run)
    cut = len(printed) > _STDOUT or any(outcome.stdout_truncated for outcome in _outcomes(run))
    shown = text.visible(printed[:_STDOUT].rstrip("\n"), lines=True)
    return shown + "\n… (cut)" if cut else shown


_LANGUAGES: Final[Mapping[str, str]] = {"sql": "SQL", "python": "Python", "plan": "Plan"}


def _how(run: Run) -> str:
    parts = [text.count(len(run.steps), "step")]
    if run.question.mode == "auto":
        parts.append(text.message(run.model, text.MAX_CELL, lines=False))
    else:
        parts[0] = _LANGUAGES[run.question.mode]
    parts.append(text.seconds(run.timings.get("total", 0.0)))
    if run.usage.model_calls:
        parts += spent(run.usage)
    parts += [_checked(run.numbers)] if run.numbers else []
    return " · ".join(part for part in parts if part)


def spent(usage: Usage) -> list[str]:
    """Tokens and US dollars, as far as there are any; what a provider does not say is not known, and not nothing."""
    if usage.cost == 0 and not usage.prompt_tokens and not usage.completion_tokens:
        return []  # the offline planner
    tokens = (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)
    known = usage.prompt_tokens is not None or usage.completion_tokens is not None
    cost = "cost not known" if usage.cost is None else f"${usage.cost:.4f}"
    return [f"{tokens:,} tokens" if known else "tokens not known", cost]


def _step(step: Step) -> StepView:
    facts = []
    gate = verdict(step)
    if gate:
        facts.append("refused by the gate" if gate == "refused" else "passed the gate")
    if step.status not in ("ok", "refused"):
        facts.append(step.status)
    if step.outcome is not None and step.outcome.table is not None:
        facts.append(text.count(step.outcome.row_count, "row"))
    facts.append(text.seconds(step.seconds))
    title = _LANGUAGES.get(step.language) or text.cell(step.tool)
    if not step.language and step.arguments:
        title += " " + text.cell(_compact(step.arguments))
    code = text.visible(step.code[:_CODE], lines=True) + ("\n…" if len(step.code) > _CODE else "")
    fault = "" if step.fault is None else text.message(f"{step.fault.message} {step.fault.hint}".strip())
    return StepView(title, tuple(facts), step.language, code, fault)


def _compact(arguments: Mapping[str, Any]) -> str:
    return json.dumps(dict(arguments), ensure_ascii=False, default=str)
