"""Run one SQL request: gate, execute, deliver.

Runs in the sandbox, in a one-shot worker, on the locked connection.  Nothing runs before the gate
has passed it, and then exactly the text that it passed.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import duckdb
import pyarrow as pa

from csvanalyst_ext.protocol import Fault, Reply, SqlRequest

from . import gate, wire
from .connection import quoted
from .faults import engine_fault
from .sink import Sink

BATCH_ROWS: Final = 8_192
FIXED_BATCH_ROWS: Final = 32_768
"""Where every value is of a fixed size: few batches cost little.  Other values may each be as large as they like."""
BATCH_VALUES: Final = 16 * FIXED_BATCH_ROWS
LEAST_BATCH_ROWS: Final = 2_048
_EXPLAIN: Final = "EXPLAIN "

_FIXED: Final = frozenset(
    """
    boolean tinyint smallint integer bigint utinyint usmallint uinteger ubigint float double decimal
    date time timestamp timestamp_s timestamp_ms timestamp_ns
    """.split()  # noqa: SIM905
) | {"timestamp with time zone"}

# Types that the engine hands to Arrow as they are; HUGEINT as decimal128 (see ``wire``).
_DIRECT: Final = frozenset(
    """
    boolean tinyint smallint integer bigint utinyint usmallint uinteger ubigint hugeint float double decimal
    varchar blob uuid json enum date time time_ns timestamp timestamp_s timestamp_ms timestamp_ns
    """.split()  # noqa: SIM905
) | {"timestamp with time zone", '"null"', "null"}
_NESTED: Final = frozenset({"list", "array", "struct", "map", "tuple"})


class QueryFailed(Exception):
    """The engine could not run a query; ``status`` and ``fault`` as in a reply."""

    def __init__(self, status: str, fault: Fault) -> None:
        super().__init__(fault.message)
        self.status = status
        self.fault = fault


def run_sql(connection: duckdb.DuckDBPyConnection, request: SqlRequest, tables: Collection[str], sink: Sink) -> Reply:
    """Run ``request.text``, which may read ``tables``, and send its rows as a body of kind ``table``.

    The reply's ``report`` holds the gate's ``verdict`` and, when the text that ran is another one
    (a PIVOT whose columns were written out), that text as ``sql``.
    """
    reply = _run(connection, request, tables, sink)
    if reply.status != "ok":
        sink.withdraw()  # rows that left before the error are no result
    return reply


def _run(connection: duckdb.DuckDBPyConnection, request: SqlRequest, tables: Collection[str], sink: Sink) -> Reply:
    started = time.perf_counter()
    timings: dict[str, float] = {}
    visible = [t for t in tables if request.tables is None or t in request.tables]
    expanded = True
    try:
        verdict = _judge(connection, request, visible)
        timings["gate"] = time.perf_counter() - started
        expanded = verdict.text != request.text
        relation = bind(connection, verdict)
        batches, types, wide = _stream(relation)
        delivered = wire.send_table(
            _reading(batches, verdict.text), batches.schema, request.limits, sink, types=types, wide=wide
        )
        batches.close()
    except gate.Refusal as refusal:
        fault = Fault(refusal.code, refusal.message, refusal.hint, refusal.details)
        return Reply(refusal.status, fault, timings=_total(timings, started))
    except QueryFailed as failed:
        return Reply(failed.status, _of_data(failed.fault, expanded), timings=_total(timings, started))
    except duckdb.Error as error:
        status, fault = engine_fault(error, request.text)
        return Reply(status, _of_data(fault, expanded), timings=_total(timings, started))
    except wire.NotPlain as error:
        fault = Fault(error.code, str(error), "Select fewer columns, or cast the column to VARCHAR.")
        return Reply("error", fault, timings=_total(timings, started))
    timings["execute"] = time.perf_counter() - started - timings["gate"]
    report: dict[str, Any] = {
        "verdict": {
            "statement": verdict.statement,
            "tables": list(verdict.tables),
            "functions": list(verdict.functions),
        }
    }
    if verdict.text != request.text:
        report["sql"] = verdict.text
    return Reply(
        "ok",
        columns=delivered.columns,
        row_count=delivered.row_count,
        total_rows=delivered.total_rows,
        truncated=delivered.truncated,
        timings=_total(timings, started),
        report=report,
    )


def _of_data(fault: Fault, expanded: bool) -> Fault:
    """The fault, marked when its words may be cells because the text that ran was made with some (PIVOT)."""
    return replace(fault, details={**fault.details, "expanded": True}) if expanded else fault


def _total(timings: dict[str, float], started: float) -> dict[str, float]:
    return {**timings, "total": time.perf_counter() - started}


def _judge(connection: duckdb.DuckDBPyConnection, request: SqlRequest, tables: Collection[str]) -> gate.Verdict:
    if request.gate:
        try:
            verdict = gate.check(connection, request.text, tables)
            if not request.floor:
                return verdict
            return gate.without_small_groups(connection, verdict, tables, floor=request.floor, exempt=request.exempt)
        except duckdb.Error as error:  # reading the columns of a PIVOT; its places are not the request's
            raise QueryFailed(*engine_fault(error)) from error
    statement = gate.only_statement(connection, request.text)
    return gate.Verdict(statement.type.name, (), (), request.text)


def bind(connection: duckdb.DuckDBPyConnection, verdict: gate.Verdict) -> Any:
    """The statement as a relation that has not run.  Raises ``QueryFailed``."""
    try:
        relation = connection.sql(verdict.text)
    except (duckdb.BinderException, duckdb.CatalogException) as error:
        raise _explained(connection, verdict, error) from error
    if relation is None:
        raise QueryFailed("error", Fault("sql_no_result", "The statement gave no result.", "Write a query."))
    return relation


def _explained(connection: duckdb.DuckDBPyConnection, verdict: gate.Verdict, error: duckdb.Error) -> QueryFailed:
    """The binder's error with its place and candidates: only EXPLAIN, which runs nothing, gives them."""
    columns: dict[str, None] = {}
    offset = 0
    if verdict.statement == "SELECT":
        for table in verdict.tables:
            columns |= dict.fromkeys(connection.sql(f"FROM {quoted(table)}").columns)
        try:
            connection.execute(_EXPLAIN + verdict.text).fetchall()
        except duckdb.Error as better:
            error, offset = better, len(_EXPLAIN)
    return QueryFailed(*engine_fault(error, verdict.text, columns=tuple(columns), offset=offset))


def _stream(relation: Any) -> tuple[pa.RecordBatchReader, list[str], list[int]]:
    """A reader over the relation's rows, the columns' type names, and which are HUGEINT.

    Types that Arrow has no like of are turned into text by the engine, which knows how.
    """
    types = list(relation.types)
    wide = [position for position, kind in enumerate(types) if kind.id == "hugeint"]
    if not all(_direct(kind, top=True) for kind in types):
        columns = [duckdb.SQLExpression(f"#{position + 1}") for position in range(len(types))]
        casts = [
            column if _direct(kind, top=True) else column.cast(_plain(kind))
            for column, kind in zip(columns, types, strict=True)
        ]
        named = [cast.alias(name) for cast, name in zip(casts, relation.columns, strict=True)]
        relation = relation.select(*named)
    try:
        batches = relation.to_arrow_reader(batch_rows([kind.id for kind in types]))
    except pa.ArrowInvalid as error:
        raise wire.NotPlain("result_too_deep", "A column of the result nests too deeply.") from error
    return batches, [str(kind) for kind in types], wide


def batch_rows(kinds: Sequence[str]) -> int:
    """Rows of a batch of columns of these types, in whole vectors of the engine."""
    most = FIXED_BATCH_ROWS if set(kinds) <= _FIXED else BATCH_ROWS
    return max(LEAST_BATCH_ROWS, min(most, BATCH_VALUES // max(len(kinds), 1) // 2_048 * 2_048))


def _direct(kind: Any, *, top: bool = False) -> bool:
    if kind.id in _NESTED:
        return all(_direct(child) for child in _children(kind))
    return kind.id in _DIRECT and (top or kind.id != "hugeint")


def _children(kind: Any) -> list[Any]:
    return [child for _, child in kind.children if not isinstance(child, int)]


def _plain(kind: Any) -> Any:
    """The type that the engine casts values of ``kind`` to before they leave it."""
    if kind.id == "struct":
        return duckdb.struct_type({name: _plain(child) for name, child in kind.children})
    if kind.id == "map":
        return duckdb.map_type(*map(_plain, _children(kind)))
    if kind.id in ("list", "array"):
        return duckdb.list_type(_plain(_children(kind)[0]))
    if kind.id == "hugeint":
        return duckdb.decimal_type(38, 0)  # only inside of nested values; columns keep all digits
    if kind.id == "variant":
        return duckdb.sqltype("JSON")
    return kind if kind.id in _DIRECT else duckdb.sqltype("VARCHAR")


def _reading(batches: pa.RecordBatchReader, text: str) -> Iterator[pa.RecordBatch]:
    """The batches.  What the engine raises half way comes through Arrow and has lost its class."""
    try:
        yield from batches
    except MemoryError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise QueryFailed(*engine_fault(error, text)) from error
