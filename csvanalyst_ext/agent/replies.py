"""What goes back to the model after a tool call: short text with all words from data marked as such.

Runs on the host; pure.  This is the one place where rows, names and error texts become message text.
How a reply is put together is the business of ``llm.datablock``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ..llm.datablock import compose
from ..rendering import values
from ..rendering.text import visible

if TYPE_CHECKING:
    from ..datasets.model import ColumnProfile, Dataset
    from ..execution.base import Outcome
    from ..protocol import Fault

MAX_REPLY: Final = 8 * 1024
"""Bytes of one reply."""
MAX_ROWS: Final = 20
MAX_TEXT: Final = 200
"""Characters of one cell or name."""
_MAX_PROSE: Final = 1200
_MAX_STDOUT: Final = 2000
_SIMPLE: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


def clean(text: str, most: int = MAX_TEXT) -> str:
    """``text`` on one line, without control characters, cut at ``most`` characters."""
    shown = visible(text[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def of_fault(status: str, fault: Fault) -> str:
    """An error as data: the model can adapt to it."""
    said = {"message": clean(fault.message, _MAX_PROSE)}
    if fault.hint:
        said["hint"] = clean(fault.hint, _MAX_PROSE)
    return compose({"status": status, "error": fault.code}, said)


def of_outcome(outcome: Outcome) -> str:
    """A result: the first rows of its table, what was cut, what was printed.  At most ``MAX_REPLY`` bytes."""
    if outcome.fault is not None:
        return of_fault(outcome.status, outcome.fault)
    head: dict[str, Any] = {"status": outcome.status}
    data: dict[str, Any] = {}
    if outcome.stdout:
        data["stdout"] = clean_lines(outcome.stdout, _MAX_STDOUT)
    if outcome.artefacts:
        data["figures"] = [clean(artefact.name) for artefact in outcome.artefacts[:10]]
    if outcome.table is None:
        return compose(head, data or None)
    rows = [[_cell(value) for value in row] for row in values.json_rows(outcome.table.slice(0, MAX_ROWS))]
    head |= {"row_count": outcome.row_count, "truncated": bool(outcome.truncated), "rows_shown": len(rows)}
    if outcome.truncated and outcome.total_rows is not None:
        head["total_rows"] = outcome.total_rows
    columns = [{"name": clean(c.name), "type": clean(c.type)} for c in outcome.columns]
    while True:
        head["rows_shown"] = len(rows)
        reply = compose(head, {"columns": columns, "rows": rows, **data})
        if len(reply.encode()) <= MAX_REPLY:
            return reply
        if len(rows) > 1:
            rows = rows[: len(rows) // 2]
        elif len(columns) > 8:
            head["columns_shown"] = len(columns) // 2
            columns = columns[: len(columns) // 2]
            rows = [row[: len(columns)] for row in rows]
        elif "stdout" in data and len(data["stdout"]) > 100:
            data["stdout"] = data["stdout"][: len(data["stdout"]) // 2] + "…"
        else:
            rows = []


def of_datasets(datasets: Sequence[Dataset]) -> str:
    """All tables with their size and, as far as there is room, the names of their columns."""
    most = 60
    while True:
        tables: list[dict[str, Any]] = []
        for dataset in datasets:
            names = [clean(column.name) for column in dataset.columns]
            entry: dict[str, Any] = {"name": clean(dataset.name), "rows": dataset.rows, "column_count": len(names)}
            if most:
                entry["columns"] = names[:most]
            tables.append(entry)
        reply = compose({"status": "ok", "tables": len(tables)}, {"tables": tables})
        if len(reply.encode()) <= MAX_REPLY or not most:
            return reply
        most //= 2


def of_dataset(dataset: Dataset, names: Sequence[str] = ()) -> str:
    """A table's columns with types, null and distinct counts, range and frequent texts.

    ``names`` narrows it to these columns, then with more of their texts.  When not everything has
    room, texts go first (``values_cut``), then columns at the end (``columns_shown`` in the head).
    """
    columns = [column for column in dataset.columns if not names or column.name in names]
    head = {"status": "ok", "rows": dataset.rows, "column_count": len(dataset.columns)}
    notes = {"notes": [clean(text, 300) for text in dataset.notes[:5]]} if dataset.notes and not names else {}
    for most in (50, 30, 20, 12, 8, 5, 3, 1, 0):
        shown = [_column(column, most) for column in columns]
        reply = compose(head, {"table": clean(dataset.name), "columns": shown, **notes})
        if len(reply.encode()) <= MAX_REPLY:
            return reply
    while True:
        shown = shown[: len(shown) * 3 // 4]
        head = {**head, "columns_shown": len(shown)}
        reply = compose(head, {"table": clean(dataset.name), "columns": shown})
        if len(reply.encode()) <= MAX_REPLY:
            return reply


def quoted(name: str) -> str:
    """``name`` as a DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def clean_lines(text: str, most: int) -> str:
    shown = visible(text[: most + 1], lines=True)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def _column(column: ColumnProfile, most: int) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": clean(column.name), "type": clean(column.type)}
    if not set(column.name) <= _SIMPLE or column.name[:1].isdigit():
        entry["sql"] = clean(quoted(column.name), MAX_TEXT + 2)
    entry |= {"nulls": column.nulls, "distinct": column.distinct}
    if column.minimum is not None and column.maximum is not None and not column.values:
        entry |= {"min": clean(column.minimum), "max": clean(column.maximum)}
    if column.values:
        kept = [clean(value) for value in column.values[:most]]
        if kept:
            entry["values"] = kept
        entry["all_values"] = column.all_values and len(kept) == len(column.values)
        if len(kept) < len(column.values):
            entry["values_cut"] = True
    if column.words:
        entry["words"] = [clean(word) for word in column.words[:8]]
    return entry


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
