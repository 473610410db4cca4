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
    from .remarks import Remark

MAX_REPLY: Final = 8 * 1024
"""Bytes of one reply."""
MAX_ROWS: Final = 20
MAX_TEXT: Final = 200
"""Characters of one cell or name."""
_MOST_COLUMNS: Final = MAX_REPLY // 40  # more cannot have room, however short they are
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
    if outcome.name:
        head["result"] = outcome.name
    data: dict[str, Any] = {}
    if outcome.stdout:
        data["stdout"] = clean_lines(outcome.stdout, _MAX_STDOUT)
    if outcome.artefacts:
        data["figures"] = [clean(artefact.name) for artefact in outcome.artefacts[:10]]
    if outcome.table is None:
        return compose(head, data or None)
    head_rows = outcome.table.slice(0, MAX_ROWS).select(list(range(min(outcome.table.num_columns, _MOST_COLUMNS))))
    rows = [[_cell(value) for value in row] for row in values.json_rows(head_rows)]
    head |= {"row_count": outcome.row_count, "truncated": bool(outcome.truncated), "rows_shown": len(rows)}
    if outcome.truncated and outcome.total_rows is not None:
        head["total_rows"] = outcome.total_rows
    columns = [{"name": clean(c.name), "type": clean(c.type)} for c in outcome.columns[:_MOST_COLUMNS]]
    while True:
        head["rows_shown"] = len(rows)
        if len(columns) < len(outcome.columns):
            head["columns_shown"] = len(columns)
        reply = compose(head, {"columns": columns, "rows": rows, **data})
        if len(reply.encode()) <= MAX_REPLY:
            return reply
        # What does not fit is halved: rows first, then columns, then what was printed.
        if len(rows) > 3:
            rows = rows[: len(rows) // 2]
        elif len(columns) > 4:
            columns = columns[: len(columns) // 2]
            rows = [row[: len(columns)] for row in rows]
        elif rows:
            rows = rows[: len(rows) // 2]
        elif len(data.get("stdout", "")) > 1:
            data["stdout"] = data["stdout"][: len(data["stdout"]) // 2]
        else:
            return compose(head)


def of_remark(remark: Remark) -> str:
    """What follows a result's reply."""
    cells = [{name: clean(str(value)) for name, value in cell.items()} for cell in remark.data.get("cells", ())]
    return compose(remark.head, {"cells": cells} if cells else None)


def of_datasets(datasets: Sequence[Dataset]) -> str:
    """All tables with their size and, as far as there is room, the names of their columns."""
    most, total = 60, len(datasets)
    while True:
        tables: list[dict[str, Any]] = []
        for dataset in datasets:
            width = len(dataset.columns)
            entry: dict[str, Any] = {"name": clean(dataset.name), "rows": dataset.rows, "column_count": width}
            if most:
                entry["columns"] = [clean(column.name) for column in dataset.columns[:most]]
            tables.append(entry)
        reply = compose({"status": "ok", "tables": total, "tables_shown": len(tables)}, {"tables": tables})
        if len(reply.encode()) <= MAX_REPLY:
            return reply
        if most:
            most //= 2
        else:
            datasets = datasets[: len(datasets) * 3 // 4]


def of_dataset(dataset: Dataset, names: Sequence[str] = ()) -> str:
    """A table's columns with types, null and distinct counts, range and frequent texts.

    ``names`` narrows it to these columns, then with more of their texts.  When not everything has
    room, texts go first (``values_cut``), then columns at the end (``columns_shown`` in the head).
    """
    columns = [column for column in dataset.columns if not names or column.name in names]
    head: dict[str, Any] = {"status": "ok", "rows": dataset.rows, "column_count": len(dataset.columns)}
    data: dict[str, Any] = {"table": clean(dataset.name)}
    if dataset.notes and not names:
        data["notes"] = [clean(text, 300) for text in dataset.notes[:5]]
    entries = [_column(column) for column in columns[:_MOST_COLUMNS]]
    for most in (50, 30, 20, 12, 8, 5, 3, 1, 0):
        shown = [_with_texts(entry, column, most) for entry, column in zip(entries, columns, strict=False)]
        if len(shown) < len(columns):
            head["columns_shown"] = len(shown)
        reply = compose(head, {**data, "columns": shown})
        if len(reply.encode()) <= MAX_REPLY:
            return reply
    data.pop("notes", None)
    while True:
        shown = shown[: len(shown) * 3 // 4]
        head["columns_shown"] = len(shown)
        reply = compose(head, {**data, "columns": shown})
        if len(reply.encode()) <= MAX_REPLY:
            return reply


def quoted(name: str) -> str:
    """``name`` as a DuckDB identifier."""
    return '"' + name.replace('"', '""') + '"'


def clean_lines(text: str, most: int) -> str:
    shown = visible(text[: most + 1], lines=True)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def _column(column: ColumnProfile) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": clean(column.name), "type": clean(column.type)}
    if not set(column.name) <= _SIMPLE or column.name[:1].isdigit():
        entry["sql"] = clean(quoted(column.name), MAX_TEXT + 2)
    entry |= {"nulls": column.nulls, "distinct": column.distinct}
    if column.values:
        entry["values"] = [clean(value) for value in column.values]
    elif column.minimum is not None and column.maximum is not None:
        entry |= {"min": clean(column.minimum), "max": clean(column.maximum)}
    if column.words:
        entry["words"] = [clean(word) for word in column.words[:8]]
    return entry


def _with_texts(entry: dict[str, Any], column: ColumnProfile, most: int) -> dict[str, Any]:
    """The entry with at most that many texts, and with what that means."""
    if "values" not in entry:
        return entry
    kept = entry["values"][:most]
    cut = {"values_cut": True} if len(kept) < len(column.values) else {}
    return {**entry, "values": kept, "all_values": column.all_values and not cut, **cut}


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
