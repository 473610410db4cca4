"""Parquet files, and Arrow files written from DataFrames.

Runs in the sandbox, in the ingest worker.  Both are read completely, so that what is stored is known to
be readable, and written anew, so that it holds only types that the rest of the product carries.  A large
Parquet file that holds nothing else is not written anew.
"""
# ruff: noqa: S608 - identifiers are generated or quoted here, and no one else's SQL can reach this connection

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from .ingest_as_is import statistics_hold
from .ingest_csv import MAX_COLUMNS
from .ingest_engine import Engine, literal
from .ingest_faults import IngestFault, shown
from .ingest_load import Loaded, Relation, load
from .ingest_names import clean_names
from .ingest_profile import of_file
from .ingest_text import regular_size
from .ingest_types import Plan

_AS_TEXT: Final = frozenset(
    {"hugeint", "uhugeint", "bit", "uuid", "variant", "union", "geometry", "time with time zone", "time_ns", "bignum"}
)
_SILENT: Final = {"enum": "VARCHAR", "json": "VARCHAR", "timestamp_s": "TIMESTAMP", "timestamp_ms": "TIMESTAMP"}
_CONTAINERS: Final = frozenset({"list", "array", "struct", "map"})
_NANOSECONDS: Final = "timestamp_ns"


def ingest_parquet(engine: Engine, path: str) -> dict[str, Any]:
    """Ingest; returns the report.  Raises ``IngestFault`` (parquet_broken and others)."""
    size = regular_size(path)
    with open(path, "rb") as file:
        start = file.read(4)
        file.seek(max(0, size - 4))
        end = file.read(4)
    if not size:
        raise IngestFault("data_empty", "The file is empty.", "Check that it was saved or downloaded completely.")
    if start == b"PARE" or end == b"PARE":
        raise _broken_parquet("it is encrypted")
    if size < 12 or start != b"PAR1" or end != b"PAR1":
        raise _broken_parquet("it does not start and end like one, so it is cut off or something else")
    item = f"read_parquet({literal(engine.source)})"
    try:
        rows = int(engine.row(f"SELECT num_rows FROM parquet_file_metadata({literal(engine.source)})")[0])
        names = _parquet_names(engine)

        @contextlib.contextmanager
        def opened() -> Iterator[str]:
            yield item

        if size > engine.hold and (found := _as_is(engine, item, names, rows)):
            return found
        return _ingest_opened(engine, opened, names, rows, size, {"format": "parquet"})
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise _broken_parquet(str(error).replace(engine.source, "the file").splitlines()[0][:300]) from error


def _as_is(engine: Engine, item: str, names: list[str], rows: int) -> dict[str, Any] | None:
    """What is known of a file that can be kept as it is; ``None`` for one that must be written anew.

    The option ``exact`` asks for proof that its statistics are true.
    """
    if not 0 < len(names) <= MAX_COLUMNS or clean_names(names) != (names, []):
        return None
    found = engine.rows(f"DESCRIBE FROM {item}")
    kinds = [engine.con.sqltype(row[1]) for row in found]
    if [row[0] for row in found] != names or any(_carried("c", kind, True) != ("c", "") for kind in kinds):
        return None
    if engine.exact and not statistics_hold(engine, names):
        return None
    columns = [(row[0], row[1]) for row in found]
    with engine.ticking(rows, os.path.getsize(engine.source), 0.5 if engine.exact else 0.0):
        profiles, notes = of_file(engine, engine.source, columns, rows)
    loaded = Loaded(rows, profiles, notes)
    return {"loaded": loaded, "notes": notes, "dialect": {"format": "parquet"}, "repairs": [], "as_is": True}


def _parquet_names(engine: Engine) -> list[str]:
    """The names of the top-level columns as the file has them (the reader makes them unique)."""
    elements = engine.rows(f"SELECT name, coalesce(num_children, 0) FROM parquet_schema({literal(engine.source)})")
    names, place = [], 1
    while place < len(elements):
        names.append(elements[place][0])
        below = elements[place][1]
        place += 1
        while below and place < len(elements):
            below += elements[place][1] - 1
            place += 1
    return names


def _broken_parquet(why: str) -> IngestFault:
    return IngestFault(
        "parquet_broken",
        f"The Parquet file cannot be read: {why}.",
        "Write or download the file again, then add it again.",
    )


def ingest_arrow(engine: Engine, path: str) -> dict[str, Any]:
    """Ingest; returns the report.  Raises ``IngestFault`` (arrow_broken and others)."""
    if not regular_size(path):
        raise IngestFault("data_empty", "The file is empty.", "Add the variable again.")
    try:
        rows = 0
        cut: set[int] = set()
        source = _arrow_schema(path)
        final = _plain(_empty(source)).schema
        for batch in _arrow_batches(path, cut):
            rows += batch.num_rows
    except (pa.ArrowException, ValueError, OSError) as error:
        raise _broken_arrow(error) from error
    failures: list[BaseException] = []

    @contextlib.contextmanager
    def registered() -> Iterator[str]:
        engine.con.register(
            "arrow_source", pa.RecordBatchReader.from_batches(final, _kept(_arrow_batches(path), failures))
        )
        try:
            yield "arrow_source"
        finally:
            engine.con.unregister("arrow_source")

    try:
        report = _ingest_opened(engine, registered, source.names, rows, os.path.getsize(path), {"format": "arrow"})
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise _broken_arrow(failures[0] if failures else error) from error
    for place, title in enumerate(source.names):
        if pa.types.is_duration(source.types[place]):
            report["notes"].append(f"Column {shown(title)} holds durations, kept as seconds.")
        if place in cut:
            report["notes"].append(f"Column {shown(title)} holds times finer than a microsecond, which were cut off.")
    return report


def _broken_arrow(error: BaseException) -> IngestFault:
    why = (str(error).splitlines() or [""])[0][:300]
    return IngestFault("arrow_broken", f"The Arrow data cannot be read: {why}.", "Add the variable again.")


def _kept(batches: Iterator[pa.RecordBatch], failures: list[BaseException]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except BaseException as error:
        failures.append(error)
        raise


def _ingest_opened(
    engine: Engine, opened: Any, raw_names: list[str], rows: int, size: int, dialect: dict[str, Any]
) -> dict[str, Any]:
    """Ingest typed columns: rename, cast what cannot be carried, profile, stream."""
    width = len(raw_names)
    if width > MAX_COLUMNS:
        raise IngestFault(
            "data_too_many_columns",
            f"The table has {width:,} columns; at most {MAX_COLUMNS:,} can be read.",
            "Select the columns that matter, or reshape the table.",
            columns=width,
            limit=MAX_COLUMNS,
        )
    if not width:
        raise IngestFault("data_empty", "The table has no columns.", "Add one with at least one column.")
    names, notes = clean_names(raw_names)
    aliases = ", ".join(f"c{i}" for i in range(width))
    with opened() as item:
        kinds = [engine.con.sqltype(row[1]) for row in engine.rows(f"DESCRIBE FROM {item} AS source({aliases})")]
    nano = [i for i, kind in enumerate(kinds) if kind.id == _NANOSECONDS]
    fine = _below_microseconds(engine, opened, aliases, nano)
    columns = []
    for i, kind in enumerate(kinds):
        expression, note = _carried(f"c{i}", kind, i in fine)
        columns.append(f"{expression} AS c{i}")
        if note:
            notes.append(f"Column {shown(names[i])} {note}.")

    @contextlib.contextmanager
    def carried() -> Iterator[str]:
        with opened() as item:
            yield f"(SELECT {', '.join(columns)} FROM {item} AS source({aliases}))"

    relation = Relation(carried, width, rows, size, max(16 * width * rows, 4 * size))
    loaded = load(engine, relation, names, [Plan()] * width)
    return {"loaded": loaded, "notes": [*notes, *loaded.notes], "dialect": dialect, "repairs": []}


def _below_microseconds(engine: Engine, opened: Any, aliases: str, places: list[int]) -> set[int]:
    """Those of the columns of nanosecond timestamps that need them."""
    if not places:
        return set()
    with opened() as item:
        wanted = ", ".join(f"coalesce(bool_or(epoch_ns(c{i}) % 1000 <> 0), false)" for i in places)
        found = engine.row(f"SELECT {wanted} FROM {item} AS source({aliases})")
    return {place for place, needs in zip(places, found, strict=True) if needs}


def _carried(ref: str, kind: Any, nanoseconds: bool) -> tuple[str, str]:
    """(expression, note) that turn a column into a type which Parquet and Arrow carry unchanged."""
    simple = kind.id
    if simple == _NANOSECONDS:
        return (ref, "") if nanoseconds else (f"{ref}::TIMESTAMP", "")
    if simple in _SILENT:
        return f"{ref}::{_SILENT[simple]}", ""
    if simple in _AS_TEXT:
        return f"{ref}::VARCHAR", f"is of type {kind}, read as text"
    if simple in _CONTAINERS and _holds_odd(kind):
        return f"to_json({ref})::VARCHAR", "holds nested values of unusual types, read as JSON text"
    if simple == "sqlnull" or simple == '"null"' or str(kind) in ("NULL", '"NULL"'):
        return f"{ref}::VARCHAR", ""
    return ref, ""


def _holds_odd(kind: Any) -> bool:
    if kind.id in _AS_TEXT or kind.id in _SILENT:
        return True
    return kind.id in _CONTAINERS and any(_holds_odd(child) for _, child in kind.children if not isinstance(child, int))


# --- Arrow ----------------------------------------------------------------------------------------


def _open_arrow(source: Any) -> Any:
    start = source.read(6)
    source.seek(0)
    return pa.ipc.open_file(source) if start == b"ARROW1" else pa.ipc.open_stream(source)


def _arrow_schema(path: str) -> pa.Schema:
    with pa.memory_map(path) as source:
        return _open_arrow(source).schema


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], f.type) for f in schema], names=[f.name for f in schema])


def _arrow_batches(path: str, cut: set[int] | None = None) -> Iterator[pa.RecordBatch]:
    """The record batches, fully validated, with columns c0, c1, … of plain types.

    ``cut`` collects the columns whose times are finer than the microseconds that are kept.
    """
    with pa.memory_map(path) as source:
        reader = _open_arrow(source)
        files = isinstance(reader, pa.RecordBatchFileReader)
        for batch in (reader.get_batch(i) for i in range(reader.num_record_batches)) if files else reader:
            batch.validate(full=True)
            if cut is not None:
                cut.update(i for i, column in enumerate(batch.columns) if _too_fine(column))
            yield _plain(batch)


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [_plain_array(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=[f"c{i}" for i in range(len(columns))])


_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def _too_fine(array: Any) -> bool:
    if not (pa.types.is_timestamp(array.type) and array.type.tz and array.type.unit == "ns"):
        return False
    return bool((array.cast(pa.int64()).drop_null().to_numpy() % 1000).any())


def _plain_array(array: Any) -> Any:
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _plain_array(array.storage)
    if pa.types.is_dictionary(kind):
        return _plain_array(array.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return _plain_array(pc.run_end_decode(array))
    if pa.types.is_float16(kind):
        return array.cast(pa.float32())
    if pa.types.is_duration(kind):
        return pc.divide(array.cast(pa.int64()).cast(pa.float64(), safe=False), float(_PER_SECOND[kind.unit]))
    if pa.types.is_timestamp(kind) and kind.tz and kind.unit == "ns":
        return array.cast(pa.timestamp("us", kind.tz), safe=False)
    if pa.types.is_null(kind):
        return pa.nulls(len(array), pa.string())
    if pa.types.is_date64(kind):
        return array.cast(pa.date32()) if _whole_days(array) else array.cast(pa.timestamp("ms"))
    if pa.types.is_decimal256(kind):
        return array.cast(pa.decimal128(kind.precision, kind.scale) if kind.precision <= 38 else pa.string())
    if pa.types.is_union(kind):
        return pa.array([None if v is None else str(v) for v in array.to_pylist()], pa.string())
    return array


def _whole_days(array: Any) -> bool:
    return not any(v % 86_400_000 for v in array.cast(pa.int64()).drop_null().to_pylist())
