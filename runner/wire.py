"""A table to the wire: batches in, one Arrow IPC stream out, never more than the limits.

Runs in the sandbox, in a worker; used for the results of SQL and of Python.  Batches are made plain
(see ``runner.plain``), cut and written as they come, so the memory held does not grow with the
result.  Nothing is compressed: the host refuses that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from csvanalyst_ext.protocol import Column, Limits

from .plain import Converter, NotPlain, plain_names, plain_type, sql_name
from .sink import Sink

__all__ = ["Delivered", "NotPlain", "send_table"]

PROGRESS_SECONDS: Final = 0.2
PIECE_BYTES: Final = 32 * 1024 * 1024
HEAD_BYTES: Final = 16 * 1024 * 1024
MAX_TYPE_NAME: Final = 4096
_END_OF_STREAM: Final = 8
_INT64: Final = range(-(2**63), 2**63)
_DIGITS: Final = range(1 - 10**38, 10**38)
_CAPS: Final = ("rows", "columns", "bytes", "cells")


@dataclass(frozen=True, slots=True)
class Delivered:
    """What was sent.  ``total_rows`` is the number of rows of the whole result, or ``None`` when
    sending stopped before its end; ``truncated`` names the caps that cut (see ``protocol.Reply``)."""

    columns: tuple[Column, ...]
    row_count: int
    total_rows: int | None
    truncated: tuple[str, ...]


def send_table(
    batches: Iterator[pa.RecordBatch],
    schema: pa.Schema,
    limits: Limits,
    sink: Sink,
    *,
    types: Sequence[str] | None = None,
    wide: Collection[int] = (),
    total_rows: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Delivered:
    """Write ``batches`` as one body of kind ``table``.

    ``types`` are the columns' own names of their types, if they have any.  ``wide`` are the columns
    (by position) of signed 128-bit integers, which come as decimal128(38, 0): they become int64 when
    every value fits, else decimal128, else float64.  ``total_rows`` is given
    when it is known beforehand.  Raises ``NotPlain`` (also when not even the schema fits into
    ``limits.max_bytes``), and whatever ``batches`` raises.
    """
    cut: set[str] = set()
    width = min(len(schema), limits.max_columns)
    if width < len(schema):
        cut.add("columns")
    names = plain_names(schema.names[:width])
    integers = frozenset(position for position in wide if position < width)
    head, batches = _head(batches, integers)
    kinds = [plain_type(field.type) for field in list(schema)[:width]]
    for position in integers:
        kinds[position] = _wide_type([batch.column(position) for batch in head.batches], head.complete)
    body = _Body(sink, pa.schema(list(zip(names, kinds, strict=True))), limits.max_bytes, clock)
    converter = Converter()
    ended = True
    for batch in chain(head.batches, batches):
        room = limits.max_rows - body.rows
        if batch.num_rows > room:
            cut.add("rows")
        for piece in _pieces(batch.slice(0, room)):
            arrays = [
                _wide_array(piece.column(i), kinds[i]) if i in integers
                else converter.convert(piece.column(i), kinds[i])
                for i in range(width)
            ]  # fmt: skip
            if not body.write(arrays, piece.num_rows):
                cut.add("bytes")
                break
        if cut & {"rows", "bytes"}:
            ended = False
            break
    body.close()
    if converter.cut:
        cut.add("cells")
    labels = [sql_name(kind) for kind in kinds] if types is None else types
    return Delivered(
        columns=tuple(Column(n, label[:MAX_TYPE_NAME]) for n, label in zip(names, labels, strict=False)),
        row_count=body.rows,
        total_rows=body.rows if ended else total_rows,
        truncated=tuple(cap for cap in _CAPS if cap in cut),
    )


class _Body:
    """An Arrow IPC stream written into a body of ``sink`` that never passes ``most`` bytes."""

    def __init__(self, sink: Sink, schema: pa.Schema, most: int, clock: Callable[[], float]) -> None:
        size = schema.serialize().size + _END_OF_STREAM
        if size > most:
            raise NotPlain("result_too_wide", f"The columns' names alone take {size:,} bytes; the most is {most:,}.")
        self.rows = 0
        self._sink, self._most, self._clock = sink, most, clock
        self._schema = schema
        self._number = sink.open("table", "result")
        self._size = 0
        self._least = size  # the schema is written with the first batch, the end with the last
        self._told = clock()
        options = pa.ipc.IpcWriteOptions(compression=None)
        self._writer = pa.ipc.new_stream(pa.PythonFile(_Pipe(self._pass_on), mode="w"), schema, options=options)

    def _pass_on(self, data: bytes | pa.Buffer) -> int:
        view = memoryview(data)
        self._sink.write(self._number, view)
        self._size += len(view)
        return len(view)

    def write(self, arrays: list[pa.Array], rows: int) -> bool:
        """Write the rows; False when only some of them fitted, or none."""
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema) if arrays else _no_columns(rows)
        room = self._most - max(self._size + _END_OF_STREAM, self._least)
        fits = rows if pa.ipc.get_record_batch_size(batch) <= room else _rows_that_fit(batch, room)
        if fits:
            self._writer.write_batch(batch.slice(0, fits))
            self.rows += fits
        if self._clock() - self._told >= PROGRESS_SECONDS:
            self._told = self._clock()
            self._sink.progress(self.rows, self._size)
        return fits == rows

    def close(self) -> None:
        self._writer.close()


class _Pipe:
    """The part of a file that pyarrow's writer asks for."""

    closed = False

    def __init__(self, write: Callable[[bytes | pa.Buffer], int]) -> None:
        self.write = write

    def flush(self) -> None:
        pass

    def writable(self) -> bool:
        return True


def _no_columns(rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))


def _rows_that_fit(batch: pa.RecordBatch, room: int) -> int:
    """The largest number of first rows whose message takes at most ``room`` bytes."""
    low, high = 0, batch.num_rows - 1
    while low < high:
        middle = (low + high + 1) // 2
        if pa.ipc.get_record_batch_size(batch.slice(0, middle)) <= room:
            low = middle
        else:
            high = middle - 1
    return low


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """``batch`` in pieces small enough for 32-bit offsets; none for no rows."""
    if not batch.num_rows:
        return
    rows = max(batch.num_rows * PIECE_BYTES // max(batch.nbytes, 1), 1)
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


@dataclass(frozen=True, slots=True)
class _Head:
    batches: list[pa.RecordBatch]
    complete: bool


def _head(batches: Iterator[pa.RecordBatch], wide: frozenset[int]) -> tuple[_Head, Iterator[pa.RecordBatch]]:
    """The first batches, as far as they are needed to choose the types of 128-bit integers."""
    if not wide:
        return _Head([], False), batches
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size > HEAD_BYTES:
            return _Head(held, False), batches
    return _Head(held, True), iter(())


def _wide_type(arrays: list[pa.Array], complete: bool) -> pa.DataType:
    if complete and all(_within(array, _INT64) for array in arrays):
        return pa.int64()
    return pa.decimal128(38, 0) if all(_within(array, _DIGITS) for array in arrays) else pa.float64()


def _within(array: pa.Array, most: range) -> bool:
    # Not by validating the array: that takes the smallest 128-bit integer for a small one.
    extremes = pc.min_max(array).as_py()
    return extremes["min"] is None or (int(extremes["min"]) in most and int(extremes["max"]) in most)


def _wide_array(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if kind == pa.float64():
        return pa.array([None if value is None else float(value) for value in array.to_pylist()], kind)
    if not _within(array, _DIGITS):
        raise NotPlain("result_not_plain", "An integer of this result has more than 38 digits; cast it to DOUBLE.")
    return array if kind == array.type else array.cast(kind)
