"""What goes back to the model after a tool call: short text with all words from data marked as such.

Runs on the host; pure.  This is the one place where rows, names and error texts become message text.
Each reply carries the data sets that it comes from, and what may be told of it under each data
policy; what is told is decided where it leaves (``llm.boundary``).  How a reply is written is the
business of ``llm.datablock``.
"""

from __future__ import annotations

import builtins
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ..datasets.policy import FULL, SCHEMA, SMALLEST_GROUP, Policy
from ..llm.datablock import compose, parse
from ..llm.provenance import Reply
from ..planning.formula import MAX_FORMULA
from .shown import MAX_REPLY, MAX_ROWS, MAX_TEXT, MEASURED, MOST_COLUMNS, Shown, clean, clean_lines, type_word

__all__ = [
    "MAX_REPLY", "MAX_ROWS", "MAX_TEXT", "SPOKEN", "beside", "clean", "clean_lines", "of_dataset", "of_datasets",
    "of_fault", "of_found", "of_outcome", "of_result", "quoted", "with_sql",
]  # fmt: skip

if TYPE_CHECKING:
    from ..datasets.dictionary import Dictionary, MeasureEntry
    from ..datasets.model import ColumnProfile, Dataset, ResultTable
    from ..execution.base import Outcome
    from ..protocol import Fault
    from .remarks import Remark

_MAX_PROSE: Final = 1200
_MOST_OF_A_RESULT: Final = 20
_SIMPLE: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")

SPOKEN: Final = frozenset(
    """
    sql_bad_text sql_too_long sql_too_complex sql_syntax sql_not_one_statement sql_not_a_query sql_unknown_table
    sql_unknown_column sql_function_refused sql_unknown_function sql_parameter sql_construct_refused sql_invalid
    sql_type sql_no_result sql_forbidden sql_not_supported sql_interrupted sql_out_of_memory
    plan_ambiguous plan_choice plan_column_type plan_missing_key plan_name_taken plan_no_key plan_range
    plan_repeats_rows plan_shape plan_syntax plan_text plan_too_large plan_type plan_unknown_column plan_unknown_group
    plan_unknown_key plan_unknown_measure plan_unknown_table plan_value_type plan_values plan_version
    chart_not_allowed unknown_result text_too_long tool_arguments tool_failed unknown_tool unknown_table unknown_column
    timeout memory cancelled worker_crashed worker_exited worker_misbehaved result_too_deep result_too_wide
    python_disabled
    """.split()  # noqa: SIM905
)
"""Errors whose text is made of names, of words of the query and of our own, and of no cell."""
_UNSPOKEN: Final = frozenset(
    """
    chart_unknown_column
    sql_conversion sql_out_of_range sql_invalid_value sql_io sql_internal sql_failed result_not_plain
    python_syntax python_exit python_result python_error chart_unknown_column
    """.split()  # noqa: SIM905
)
"""Other errors that are known: their code is told, their text may hold cells."""
_EXCEPTIONS: Final = frozenset(
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
)
_WHY_ERROR: Final = "The text of the error is shown to the person, not to you: it may hold cells."
_WHY_TEXTS: Final = (
    "Texts of the cells are kept from you. For the values of a column, count rows by it: "
    f"groups of at least {SMALLEST_GROUP} rows are shown to you."
)
_WHY_NAMES: Final = "The names of the columns are kept from you by the data policy: they may be cells."
_WHY_ROWS: Final = "What was found is kept from you by the data policy."
_WHY_SPELLING: Final = "The spelling in the cells is kept from you: compare with lower(column) or ILIKE."


def of_fault(status: str, fault: Fault, language: str = "", *, names_of_cells: bool = False) -> Reply:
    """An error as data: the model can adapt to it.

    Below ``full`` its text is told when it can only hold names and words of the query: then it has one
    of the ``SPOKEN`` codes, no Python ran, which can raise what it likes, and no names are cells.
    """
    said = {"message": clean(fault.message, _MAX_PROSE)}
    if fault.hint:
        said["hint"] = clean(fault.hint, _MAX_PROSE)
    head = {"status": status, "error": fault.code}
    spoken = language != "python" and fault.code in SPOKEN and not names_of_cells
    known = fault.code in SPOKEN or fault.code in _UNSPOKEN
    place = {key: n for key in ("line", "column") if type(n := fault.details.get(key)) is int}
    kind = {"type": name} if (name := fault.details.get("type")) in _EXCEPTIONS else {}

    def see(policy: Policy) -> str:
        if spoken or policy >= FULL:
            return compose(head, said)
        return compose({**head, "error": fault.code if known else "failed", **place, **kind, "withheld": _WHY_ERROR})

    return Reply(see, None)


def of_outcome(outcome: Outcome) -> Reply:
    """A result: the first rows of its table, what was cut, what was printed.  At most ``MAX_REPLY`` bytes.

    What is told of it under a policy: rows of a ``sample``, if each comes from one row of the data; under
    ``aggregates`` the rows of ``outcome.aggregated``, which has no small groups; else columns, types and
    the number of rows.
    """
    if outcome.fault is not None:
        return of_fault(outcome.status, outcome.fault, outcome.language, names_of_cells=outcome.names_of_cells)
    shown = Shown.of(outcome)
    aggregated = None if outcome.aggregated is None else Shown.of(outcome.aggregated)

    def see(policy: Policy) -> str:
        if policy >= FULL:
            return shown.reply()
        if policy <= SCHEMA:
            return shown.outline(counts=False)
        if aggregated is not None:
            return aggregated.large_groups(shown.head, shown.row_count)
        return shown.sample(policy.rows) if policy.rows and outcome.plain else shown.outline(counts=True)

    return Reply(see, outcome.reads, len(shown.rows) if outcome.plain and aggregated is None else 0)


def of_found(matches: Sequence[Mapping[str, str]], more: bool, tables: Collection[str]) -> Reply:
    """Where texts were found in ``tables``.  ``matches`` have ``table``, ``column`` and ``value``, the cell as it
    is spelt."""
    shown = [{name: clean(value) for name, value in match.items()} for match in matches]
    places = list({(m["table"], m["column"]): {"table": m["table"], "column": m["column"]} for m in shown}.values())

    def see(policy: Policy) -> str:
        if policy >= FULL:
            return compose({"status": "ok", "found": len(shown), "truncated": more}, {"matches": shown})
        if policy <= SCHEMA:
            return compose({"status": "ok", "withheld": _WHY_ROWS})
        return compose({"status": "ok", "withheld": _WHY_SPELLING}, {"places": places})

    return Reply(see, frozenset(tables))


def with_sql(reply: Reply, sql: str) -> Reply:
    """``reply`` with the SQL that a plan stood for, as far as there is room for it; under ``full`` only."""

    def see(policy: Policy) -> str:
        told = reply.see(policy) if reply.see else ""
        return _with_sql(told, sql) if policy >= FULL else told

    return Reply(see, reply.datasets, reply.rows)


def _with_sql(reply: str, sql: str) -> str:
    head, data = parse(reply)
    if "rows" not in data and "message" not in data:
        return reply
    for most in (_MAX_PROSE, 400, 0):
        longer = compose(head, {"sql": clean_lines(sql, most), **data}) if most else reply
        if len(longer.encode()) <= MAX_REPLY:
            return longer
    return reply


def beside(reply: Reply, remark: Remark) -> Reply:
    """``reply`` with ``remark`` below it: its cells under ``full`` only, and under ``schema`` nothing of it."""
    cells = [{name: clean(str(value)) for name, value in cell.items()} for cell in remark.cells]

    def see(policy: Policy) -> str:
        told = reply.see(policy) if reply.see else ""
        if policy <= SCHEMA:
            return told
        shown = {"cells": cells} if cells and policy >= FULL else None
        return f"{told}\n{compose(remark.head, shown)}"

    names = None if reply.datasets is None else reply.datasets | {str(cell["table"]) for cell in remark.cells}
    return Reply(see, names, reply.rows)


def of_datasets(datasets: Sequence[Dataset], results: Sequence[ResultTable] = ()) -> Reply:
    """All tables with their size and, as far as there is room, the names of their columns; and the named ``results``,
    which may come from all data sets there are."""
    names = None if results else frozenset(dataset.name for dataset in datasets)
    return Reply(lambda policy: _listed(datasets, results, policy), names)


def _listed(datasets: Sequence[Dataset], results: Sequence[ResultTable], policy: Policy) -> str:
    most, total = 60, len(datasets)
    listed = [_result(result, policy) for result in results]
    while True:
        tables: list[dict[str, Any]] = []
        for dataset in datasets:
            width = len(dataset.columns)
            entry: dict[str, Any] = {"name": clean(dataset.name)}
            if policy > SCHEMA:
                entry["rows"] = dataset.rows
            entry["column_count"] = width
            if most:
                entry["columns"] = [clean(column.name) for column in dataset.columns[:most]]
            tables.append(entry)
        earlier = {"results": listed} if listed else {}
        reply = compose({"status": "ok", "tables": total, "tables_shown": len(tables)}, {"tables": tables, **earlier})
        if len(reply.encode()) <= MAX_REPLY:
            return reply
        if most:
            most //= 2
        elif listed:
            listed = listed[(len(listed) + 1) // 2 :]
        else:
            datasets = datasets[: len(datasets) * 3 // 4]


def _result(result: ResultTable, policy: Policy) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": result.name}
    if policy > SCHEMA:
        few = 0 < result.rows < SMALLEST_GROUP and policy < FULL
        entry["rows"] = f"fewer than {SMALLEST_GROUP}" if few else result.rows
    entry["column_count"] = len(result.columns)
    if policy >= FULL or not result.names_of_cells:
        entry["columns"] = [clean(name) for name, _ in result.columns[:_MOST_OF_A_RESULT]]
    return entry


def of_result(result: ResultTable) -> Reply:
    """A named result's rows and columns with their types.  It may come from all data sets there are, so the strictest
    policy holds; names that may be cells are told under ``full`` only."""

    def see(policy: Policy) -> str:
        entry = _result(result, policy)
        head: dict[str, Any] = {"status": "ok", "column_count": entry["column_count"]}
        if "rows" in entry:
            head["rows"] = entry["rows"]
        if "columns" not in entry:
            return compose({**head, "withheld": _WHY_NAMES}, {"result": result.name})
        most = len(result.columns[:MOST_COLUMNS])
        while True:
            columns = [{"name": clean(name), "type": type_word(kind)} for name, kind in result.columns[:most]]
            if most < len(result.columns):
                head["columns_shown"] = most
            reply = compose(head, {"result": result.name, "columns": columns})
            if len(reply.encode()) <= MAX_REPLY:
                return reply
            most = most * 3 // 4

    return Reply(see, None)


def of_dataset(dataset: Dataset, names: Sequence[str] = (), own: Mapping[str, str] = MappingProxyType({})) -> Reply:
    """A table's columns with types, null and distinct counts, range and frequent texts.

    ``names`` narrows it to these columns, then with more of their texts.  When not everything has
    room, texts go first (``values_cut``), then columns at the end (``columns_shown`` in the head).
    ``own`` are the columns' own names by the simple ones under which a query may name them (``agent.names``).
    Below ``full`` there are neither texts nor notes of the ingest, under ``schema`` only names and types.
    """
    written = {name: made for made, name in own.items()}
    return Reply(lambda policy: _described(dataset, names, written, policy), frozenset({dataset.name}))


def _described(dataset: Dataset, names: Sequence[str], written: Mapping[str, str], policy: Policy) -> str:
    columns = [column for column in dataset.columns if not names or column.name in names]
    head: dict[str, Any] = {"status": "ok", "rows": dataset.rows, "column_count": len(dataset.columns)}
    data: dict[str, Any] = {"table": clean(dataset.name)}
    if policy <= SCHEMA:
        del head["rows"]
    if policy < FULL:
        head["withheld"] = _WHY_TEXTS
    elif dataset.notes and not names:
        data["notes"] = [clean(text, 300) for text in dataset.notes[:5]]
    if dataset.dictionary is not None:
        data |= _known(dataset.dictionary)
    small = dataset.rows < SMALLEST_GROUP
    entries = [
        _column(column, written, policy, small=small) | _about(dataset.dictionary, column)
        for column in columns[:MOST_COLUMNS]
    ]
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


def _column(column: ColumnProfile, written: Mapping[str, str], policy: Policy, *, small: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": clean(column.name),
        "type": clean(column.type) if policy >= FULL else type_word(column.type),
    }
    if not set(column.name) <= _SIMPLE or column.name[:1].isdigit():
        entry["sql"] = clean(written.get(column.name) or quoted(column.name), MAX_TEXT + 2)
    if policy <= SCHEMA:
        return entry
    entry |= {"nulls": column.nulls, "distinct": column.distinct}
    if policy < FULL and (small or not MEASURED.fullmatch(column.type)):
        return entry
    if column.values and (policy >= FULL or column.type == "BOOLEAN"):
        entry["values"] = [clean(value) for value in column.values]
    elif column.minimum is not None and column.maximum is not None:
        entry |= {"min": clean(column.minimum), "max": clean(column.maximum)}
    if column.words:
        entry["words"] = [clean(word) for word in column.words[:8]]
    return entry


def _known(dictionary: Dictionary) -> dict[str, Any]:
    """What a person said about the table."""
    found: dict[str, Any] = {}
    if dictionary.description:
        found["about"] = clean(dictionary.description, 300)
    if dictionary.synonyms:
        found["synonyms"] = [clean(text) for text in dictionary.synonyms[:20]]
    if dictionary.measures:
        found["measures"] = [_measure(measure) for measure in dictionary.measures[:20]]
    if dictionary.key:
        found["key"] = [clean(name) for name in dictionary.key]
    if dictionary.references:
        found["references"] = [
            {"columns": list(map(clean, r.columns)), "table": clean(r.table), "keys": list(map(clean, r.keys))}
            for r in dictionary.references[:20]
        ]
    return found


def _measure(measure: MeasureEntry) -> dict[str, Any]:
    said = {"about": clean(measure.description), "unit": clean(measure.unit)}
    synonyms = {"synonyms": [clean(text) for text in measure.synonyms[:20]]} if measure.synonyms else {}
    found = {"name": clean(measure.name), "formula": clean(measure.formula, MAX_FORMULA)}
    return found | {name: text for name, text in said.items() if text} | synonyms


def _about(dictionary: Dictionary | None, column: ColumnProfile) -> dict[str, Any]:
    if dictionary is None:
        return {}
    entry = dictionary.column(column.name)
    said = {"about": clean(entry.description), "unit": clean(entry.unit)}
    synonyms = {"synonyms": [clean(text) for text in entry.synonyms[:20]]} if entry.synonyms else {}
    return {name: text for name, text in said.items() if text} | synonyms


def _with_texts(entry: dict[str, Any], column: ColumnProfile, most: int) -> dict[str, Any]:
    """The entry with at most that many texts, and with what that means."""
    if "values" not in entry:
        return entry
    kept = entry["values"][:most]
    cut = {"values_cut": True} if len(kept) < len(column.values) else {}
    return {**entry, "values": kept, "all_values": column.all_values and not cut, **cut}
