"""Columns of every sort that frames hold, as the plain Arrow types that the sandbox takes.

Runs on the host, in the person's kernel.  What is converted is stated in a note; what has no plain form is a
``DataError`` (``frame_column``) that names the column.  Nothing is pickled and no frame is changed.
"""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Iterator
from typing import Any, Final

import pyarrow as pa

from ..errors import DataError
from ..protocol import MAX_NAME

MAX_NESTING: Final = 16
# Values whose text form is what a person would write; anything else in an `object` column is refused.
_SCALARS: Final = (str, bool, int, float, decimal.Decimal, dt.date, dt.time, dt.timedelta, uuid.UUID)


class Plain:
    """Converts one frame, and collects the notes about it."""

    def __init__(self) -> None:
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    def from_arrow(self, value: Any) -> Iterator[pa.Table]:
        """A table, a batch, or the batches of a reader (which is used up)."""
        if isinstance(value, pa.Table):
            yield self._table(value)
            return
        if isinstance(value, pa.RecordBatch):
            yield self._table(pa.Table.from_batches([value]))
            return
        # The schema comes first, so that a reader without batches is an empty table and not an error.
        yield self._table(value.schema.empty_table())
        for batch in _read(value):
            yield self._table(pa.Table.from_batches([batch]))

    def from_polars(self, value: Any) -> pa.Table:
        import polars as pl

        if isinstance(value, pl.Series):
            value = value.to_frame()
        arrays = []
        for name, dtype in value.schema.items():
            if dtype == pl.Object:
                raise _refusal(name, "holds Python objects", "Cast it to a plain type, or leave it out.")
            try:
                arrays.append(value.get_column(name).to_arrow())
            except Exception as error:  # the frame library's own errors are many, and its panics too
                raise _refusal(name, f"({dtype}) has no Arrow form", "Cast it to a plain type.") from error
        return self._assemble(list(value.columns), arrays, value.height)

    def from_pandas(self, value: Any) -> pa.Table:
        import pandas as pd

        if isinstance(value, pd.Series):
            value = value.to_frame(name="value" if value.name is None else value.name)
        labels: list[Any] = []
        arrays: list[Any] = []
        index = value.index
        plain_index = isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1 and index.name is None
        if not plain_index:
            for level in range(index.nlevels):
                values = index.get_level_values(level)
                name = values.name
                labels.append(name if name is not None else "index" if index.nlevels == 1 else f"level_{level}")
                arrays.append(self._pandas(labels[-1], pd.Series(values.array, copy=False)))
            self._note(f"The index became the column{'s' if len(labels) > 1 else ''} {_listed(labels)}.")
        for position, label in enumerate(value.columns):
            labels.append(label)
            arrays.append(self._pandas(label, value.iloc[:, position]))
        return self._assemble(labels, arrays, len(value))

    # --- one pandas column -----------------------------------------------------------------------

    def _pandas(self, label: Any, series: Any) -> Any:
        import numpy as np
        import pandas as pd

        dtype = series.dtype
        if isinstance(dtype, pd.PeriodDtype | pd.IntervalDtype):
            kind = "periods" if isinstance(dtype, pd.PeriodDtype) else "intervals"
            self._note(f"Column {_shown(label)}: {kind} became text.")
            return pa.array([None if missing else str(v) for v, missing in zip(series, series.isna(), strict=True)])
        if isinstance(dtype, pd.SparseDtype):
            series = series.sparse.to_dense()
            dtype = series.dtype
        if getattr(dtype, "kind", "") == "c":
            raise _refusal(label, "holds complex numbers", "Add its .real and .imag as two columns.")
        if getattr(dtype, "kind", "") == "f" and dtype.itemsize > 8:
            self._note(f"Column {_shown(label)}: numbers of more than 64 bits were rounded.")
            series = series.astype("float64")
        if isinstance(dtype, np.dtype) and dtype.hasobject:
            return self._objects(label, series)
        try:
            return pa.array(series, from_pandas=True)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise _refusal(label, f"({dtype}) has no Arrow form", "Convert it to text or numbers first.") from error

    def _objects(self, label: Any, series: Any) -> Any:
        """A column of Python objects: of one type as that type, of several plain types as text."""
        missing = series.isna().to_numpy()
        values = [None if gone else value for value, gone in zip(series, missing, strict=True)]
        try:
            array = pa.array(values)
            if not _blurs(values):
                return array
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            pass
        kinds = sorted({type(value).__name__ for value in values if value is not None})
        for value in values:
            if value is not None and not isinstance(value, _SCALARS) and not _numpy_scalar(value):
                raise _refusal(
                    label,
                    f"holds objects of type {type(value).__name__}" + (" among others" if len(kinds) > 1 else ""),
                    "Convert it to text or numbers first.",
                )
        self._note(f"Column {_shown(label)}: values of type {', '.join(kinds)} became text.")
        return pa.array([None if value is None else _valid(str(value)) for value in values], pa.string())

    # --- whole tables ----------------------------------------------------------------------------

    def _table(self, table: pa.Table) -> pa.Table:
        return self._assemble(table.column_names, table.columns, table.num_rows)

    def _assemble(self, labels: list[Any], arrays: list[Any], rows: int) -> pa.Table:
        names = self._names(labels)
        columns = [self._column(name, array) for name, array in zip(names, arrays, strict=True)]
        if not columns and rows:
            raise DataError("frame_empty", "The frame has no columns.", "Add a frame with at least one column.")
        return pa.Table.from_arrays(
            columns, schema=pa.schema([(n, c.type) for n, c in zip(names, columns, strict=True)])
        )

    def _column(self, name: str, array: Any) -> Any:
        if isinstance(array, pa.Array):
            array = pa.chunked_array([array])
        target = _plain_type(array.type, name, 0)
        if target.equals(array.type):
            return array
        if pa.types.is_timestamp(array.type) and array.type.tz is not None:
            self._note(f"Column {_shown(name)}: times of zone {array.type.tz} are kept as the same instants in UTC.")
        if pa.types.is_null(array.type):
            return pa.chunked_array([pa.nulls(len(array), target)])
        try:
            return pa.chunked_array([_as(chunk, target) for chunk in array.chunks], type=target)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise _refusal(name, f"({array.type}) cannot be made plain", "Convert it to a plain type first.") from error

    def _names(self, labels: list[Any]) -> list[str]:
        """Texts that differ by more than case, as column names in DuckDB must."""
        names: list[str] = []
        used: set[str] = set()
        for number, label in enumerate(labels, 1):
            text = "_".join(map(str, label)) if isinstance(label, tuple) else str(label)
            text = (
                text.encode("utf-8", "replace").decode().replace("\0", " ")[: MAX_NAME - 8].strip()
                or f"column_{number}"
            )
            name, copy = text, 1
            while name.casefold() in used:
                copy += 1
                name = f"{text}_{copy}"
            used.add(name.casefold())
            names.append(name)
            if not isinstance(label, str) and str(label) == name:
                self._note("Column names that were not text became text.")
            elif name != label:
                self._note(f"Column {number} ({_shown(label)}) is named {_shown(name)}.")
        return names

    def _note(self, text: str) -> None:
        self._notes.setdefault(text)


def _read(reader: Any) -> Iterator[Any]:
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except Exception as error:  # whatever feeds the reader may raise anything
            raise DataError(
                "frame_unreadable",
                f"The Arrow reader failed after some of its batches ({type(error).__name__}: {error}).",
                "A reader can be read once only: make it again.",
            ) from error
        yield batch


def _plain_type(kind: pa.DataType, name: str, depth: int) -> pa.DataType:
    """The plain type for ``kind``.  Raises ``DataError`` for one that has none."""
    if depth > MAX_NESTING:
        raise _refusal(name, "is nested too deeply", "Flatten it first.")
    types = pa.types

    def inside(field: pa.Field) -> pa.Field:
        return pa.field(field.name, _plain_type(field.type, name, depth + 1), field.nullable)

    if isinstance(kind, pa.BaseExtensionType):
        return _plain_type(kind.storage_type, name, depth + 1)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _plain_type(kind.value_type, name, depth + 1)
    if types.is_null(kind) or types.is_string_view(kind):
        return pa.string()
    if types.is_binary_view(kind):
        return pa.binary()
    if types.is_float16(kind):
        return pa.float32()
    if types.is_decimal32(kind) or types.is_decimal64(kind):
        return pa.decimal128(kind.precision, kind.scale)
    if types.is_decimal256(kind):
        if kind.precision > 38:
            raise _refusal(name, f"({kind}) has more digits than a DECIMAL can hold", "Cast it to text or float.")
        return pa.decimal128(kind.precision, kind.scale)
    if types.is_timestamp(kind) and kind.tz is not None:
        return pa.timestamp(kind.unit, "UTC")
    if types.is_list_view(kind) or types.is_list(kind):
        return pa.list_(inside(kind.value_field))
    if types.is_large_list_view(kind) or types.is_large_list(kind):
        return pa.large_list(inside(kind.value_field))
    if types.is_fixed_size_list(kind):
        return pa.list_(inside(kind.value_field), kind.list_size)
    if types.is_struct(kind):
        return pa.struct([inside(kind.field(i)) for i in range(kind.num_fields)])
    if types.is_map(kind):
        return pa.map_(_plain_type(kind.key_type, name, depth + 1), inside(kind.item_field))
    if types.is_union(kind):
        raise _refusal(name, f"({kind}) holds values of several types", "Convert it to one type first.")
    return kind


def _as(array: pa.Array, target: pa.DataType) -> pa.Array:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    elif pa.types.is_run_end_encoded(array.type):
        import pyarrow.compute as pc

        array = pc.run_end_decode(array)
    if array.type.equals(target):
        return array
    if pa.types.is_dictionary(array.type) or isinstance(array, pa.ExtensionArray):
        return _as(array, target)
    return array.cast(target)


def _blurs(values: list[Any]) -> bool:
    """Whether Arrow would turn some of these values into others without a word: truth values among numbers, large
    integers among fractions, days among instants, texts among bytes; also identifiers, which are wanted as text."""
    kinds = {type(value) for value in values if value is not None}
    if bool in kinds and len(kinds) > 1:
        return True
    if (dt.date in kinds or bytes in kinds) and len(kinds) > 1:
        return True
    if int in kinds and float in kinds:
        return any(isinstance(value, int) and abs(value) > 2**53 for value in values)
    return uuid.UUID in kinds


def _valid(text: str) -> str:
    """Without lone surrogates, which UTF-8 cannot carry."""
    return text.encode("utf-8", "replace").decode()


def _numpy_scalar(value: Any) -> bool:
    import numpy as np

    return isinstance(value, np.number | np.bool_ | np.datetime64 | np.timedelta64)


def _refusal(label: Any, what: str, hint: str) -> DataError:
    return DataError("frame_column", f"The column {_shown(label)} {what}.", hint, column=str(label)[:MAX_NAME])


def _shown(label: Any) -> str:
    text = str(label)
    return repr(text if len(text) <= 60 else f"{text[:59]}…")


def _listed(labels: list[Any]) -> str:
    return ", ".join(map(_shown, labels))
