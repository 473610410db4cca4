"""What a question gives back: something to look at, and something to go on working with.

Runs on the host, in the person's kernel.  It holds validated values only and evaluates none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import AnalystError, DataError
from .rendering import export, values
from .rendering.text import visible
from .views import html, plain
from .views.view import charts, figures, pictures, stdout, view

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from .agent.events import Step, Usage
    from .checking import CheckedNumber
    from .session.run import Run


class Answer:
    """The answer to one question.

    Shown in a notebook as a card, in a terminal as text.  ``df()``, ``pl()`` and ``arrow()`` give
    its table; they raise ``DataError`` (``no_table``) when it has none.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def status(self) -> str:
        """``ok``, ``clarify``, ``refused``, ``error``, ``timeout``, ``memory``, ``cancelled`` or ``crashed``."""
        return self._run.status

    @property
    def error(self) -> AnalystError | None:
        """What went wrong, with its code and a hint; ``None`` when the status is ``ok``."""
        return self._run.error

    @property
    def text(self) -> str:
        """The prose of the answer, without characters that steer a terminal; empty for explicit SQL and Python."""
        return visible(self._run.prose, lines=True)

    @property
    def numbers(self) -> tuple[CheckedNumber, ...]:
        """Each number, percentage, date and ranked name of ``text``, and whether it stands in the results;
        empty for explicit SQL and Python."""
        return self._run.numbers

    @property
    def sql(self) -> str | None:
        """The SQL that gave the result, or the last one that ran; ``None`` without SQL."""
        return self._code("sql")

    @property
    def plan(self) -> dict[str, Any] | None:
        """The query plan behind ``sql``, as JSON values; ``None`` when there was none."""
        planned = [step for step in self._run.steps if step.tool == "run_plan" and step.code]
        return next((dict(step.arguments["plan"]) for step in planned if step.code == self.sql), None)

    @property
    def code(self) -> str | None:
        """The Python that gave the result, or the last one that ran; ``None`` without Python."""
        return self._code("python")

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every tool call, in order."""
        return self._run.steps

    @property
    def stdout(self) -> str:
        """What the Python printed, at most 64 KiB of it.  Raw: it may hold control characters."""
        return stdout(self._run)

    @property
    def figures(self) -> tuple[bytes, ...]:
        """The figures as PNG bytes."""
        return figures(self._run)

    @property
    def chart(self) -> dict[str, Any] | None:
        """The last chart: a Vega-Lite specification with its data.  ``charts`` are all of them; figures drawn in
        Python are in ``figures``."""
        return self.charts[-1] if self.charts else None

    @property
    def charts(self) -> tuple[dict[str, Any], ...]:
        return charts(self._run)

    @property
    def pictures(self) -> tuple[bytes | None, ...]:
        """For each of ``charts`` a PNG picture, or ``None`` for one that has no plain picture."""
        return pictures(self._run)

    @property
    def cost(self) -> float | None:
        """US dollars for the model, or ``None`` where the provider does not say."""
        return self._run.usage.cost

    @property
    def usage(self) -> Usage:
        """Calls of the model, tokens and US dollars; ``None`` for what the provider does not say."""
        return self._run.usage

    @property
    def timings(self) -> Mapping[str, float]:
        """Seconds by phase: ``start``, ``model``, ``tools``, ``total``."""
        return self._run.timings

    @property
    def notes(self) -> tuple[str, ...]:
        return self._run.notes

    @property
    def capsule(self) -> Path | None:
        """The directory that keeps everything about this answer; ``None`` when it could not be written."""
        return self._run.capsule

    @property
    def truncated(self) -> bool:
        """Whether a limit cut the result."""
        return bool(self._run.result and self._run.result.truncated)

    def arrow(self) -> pa.Table:
        """The result as it came: typed Arrow, decimals as decimals."""
        if self._run.result is None or self._run.result.table is None:
            raise DataError(
                "no_table",
                "This answer has no table.",
                "In Python, end with an expression (or set `result`) that is a table, a series or a value.",
            )
        return self._run.result.table

    def df(self) -> pd.DataFrame:
        """The result as a pandas DataFrame.

        Decimals without fraction digits that fit are ``int64``, other decimals ``float64``; integers
        and booleans with NULLs are pandas' nullable types; dates are ``datetime64``.
        """
        return values.to_pandas(self.arrow())

    def pl(self) -> pl.DataFrame:
        """The result as a polars DataFrame, decimals as in ``df``.  Raises ``UsageError`` (``no_polars``)."""
        return values.to_polars(self.arrow())

    def export(self, path: str | Path, *, keep_formulas: bool = False) -> Path:
        """Write the result as ``.csv``, ``.xlsx`` or ``.parquet``, by the suffix; the path of the file.

        In CSV and Excel files, text that a spreadsheet would run as a formula gets an apostrophe in
        front, unless ``keep_formulas`` says that you trust the data.  The answer does not change.  Raises
        ``DataError`` (``no_table``, ``too_large``), ``UsageError`` (``bad_option``,
        ``no_xlsxwriter``), ``StorageError``.
        """
        target = Path(path)
        export.write(self.arrow(), target, keep_formulas=keep_formulas)
        return target

    def json(self) -> dict[str, Any]:
        """The answer as one JSON object: what ``csvanalyst ask --json`` prints."""
        run, outcome = self._run, self._run.result
        table = outcome.table if outcome is not None else None
        columns = [] if table is None or outcome is None else _columns(table, outcome.columns)
        error = None if run.error is None else run.error.to_json()
        return {
            "status": run.status,
            "answer": run.prose,
            "numbers": [mark.to_json() for mark in run.numbers],
            "columns": columns,
            "rows": [] if table is None else values.json_rows(table),
            "row_count": 0 if outcome is None else outcome.row_count,
            "truncated": self.truncated,
            "sql": self.sql,
            "code": self.code,
            "plan": self.plan,
            "stdout": self.stdout,
            "steps": [_step_json(step) for step in run.steps],
            "usage": asdict(run.usage),
            "notes": list(run.notes),
            "chart": self.chart,
            "error": None if error is None else {key: error[key] for key in ("code", "message", "hint")},
            "timings": {phase: round(seconds, 6) for phase, seconds in run.timings.items()},
            "capsule": None if run.capsule is None else str(run.capsule),
        }

    def _code(self, language: str) -> str | None:
        steps = [step for step in self._run.steps if step.language == language]
        giving = [step.code for step in steps if step.outcome is not None and step.outcome is self._run.result]
        ran = giving or [step.code for step in steps]
        return ran[-1] if ran else None

    def raise_for_status(self) -> Answer:
        """This answer when its status is ``ok``; raises its error otherwise."""
        self._run.raise_for_status()
        return self

    # --- how it looks ---------------------------------------------------------------------------

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        seen = view(self._run)
        return {"text/html": html.card(seen), "text/markdown": plain.md(seen), "text/plain": plain.text(seen)}

    def _repr_html_(self) -> str:
        return html.card(view(self._run))

    def __str__(self) -> str:
        return plain.text(view(self._run))

    def __repr__(self) -> str:
        return str(self)


def _columns(table: pa.Table, columns: tuple[Any, ...]) -> list[dict[str, str]]:
    kinds = [c.type for c in columns] if len(columns) == table.num_columns else [str(t) for t in table.schema.types]
    return [{"name": name, "type": kind} for name, kind in zip(table.column_names, kinds, strict=True)]


def _step_json(step: Step) -> dict[str, Any]:
    return {
        "tool": step.tool,
        "language": step.language,
        "code": step.code,
        "status": step.status,
        "rows": None if step.outcome is None or step.outcome.table is None else step.outcome.row_count,
        "seconds": round(step.seconds, 6),
        "error": None if step.fault is None else {"code": step.fault.code, "message": step.fault.message},
    }
