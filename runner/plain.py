"""Arrow of any kind to the plain Arrow that crosses the boundary.

Runs in the sandbox, in a worker.  Pure.  Plain is: null, bool, integers, float32 and float64,
decimal128, utf8, binary, date32, time64[us], timestamp, duration, and list, struct and map of those.
Everything else becomes the nearest of them: categories, UUIDs and JSON become text, views and
run-ends become ordinary arrays.  No dictionaries, no extension types, no metadata.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from csvanalyst_ext.protocol import MAX_NAME

MAX_DEPTH: Final = 32
MAX_CELL: Final = 1024 * 1024
_DIGITS: Final = 38
"""Of a decimal128."""

_SAME: Final = (
    pt.is_null, pt.is_boolean, pt.is_integer, pt.is_float32, pt.is_float64, pt.is_date32, pt.is_timestamp,
    pt.is_duration,
)  # fmt: skip
_LISTS: Final = (pt.is_list, pt.is_large_list, pt.is_fixed_size_list, pt.is_list_view, pt.is_large_list_view)
_TEXTS: Final = (pt.is_string, pt.is_large_string, pt.is_string_view)
_BYTES: Final = (pt.is_binary, pt.is_large_binary, pt.is_binary_view, pt.is_fixed_size_binary)


class NotPlain(Exception):
    """A value cannot be made plain.  ``code`` is ``result_too_deep``, ``result_too_wide`` or ``result_not_plain``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def plain_type(kind: pa.DataType, depth: int = 0) -> pa.DataType:
    """The plain type that values of ``kind`` become.  Raises ``NotPlain`` below ``MAX_DEPTH`` levels."""
    if depth > MAX_DEPTH:
        raise NotPlain("result_too_deep", f"A column nests deeper than {MAX_DEPTH} levels.")
    if any(same(kind) for same in _SAME):
        return kind
    if any(text(kind) for text in _TEXTS):
        return pa.string()
    if any(binary(kind) for binary in _BYTES):
        return pa.binary()
    if pt.is_float16(kind):
        return pa.float32()
    if pt.is_decimal(kind):
        if abs(kind.scale) > _DIGITS:
            raise NotPlain("result_not_plain", f"A column of type {kind} cannot leave the sandbox.")
        return pa.decimal128(kind.precision, kind.scale) if kind.precision <= _DIGITS else pa.float64()
    if pt.is_date64(kind):
        return pa.date32()
    if pt.is_time(kind):
        return pa.time64("us")
    if pt.is_dictionary(kind) or pt.is_run_end_encoded(kind):
        return plain_type(kind.value_type, depth + 1)
    if isinstance(kind, pa.BaseExtensionType):
        if isinstance(kind, pa.UuidType):
            return pa.string()
        return pa.bool_() if isinstance(kind, pa.Bool8Type) else plain_type(kind.storage_type, depth + 1)
    if any(listed(kind) for listed in _LISTS):
        return pa.list_(plain_type(kind.value_type, depth + 1))
    if pt.is_struct(kind) and kind.num_fields:
        children = [kind.field(i) for i in range(kind.num_fields)]
        names = plain_names([child.name for child in children])
        return pa.struct([(n, plain_type(c.type, depth + 1)) for n, c in zip(names, children, strict=True)])
    if pt.is_map(kind):
        return pa.map_(plain_type(kind.key_type, depth + 1), plain_type(kind.item_type, depth + 1))
    return pa.string()  # unions, calendar intervals, structs without fields: as text


def plain_names(names: Iterable[str]) -> list[str]:
    """Names that are there, differ from each other and are at most ``MAX_NAME`` characters long."""
    given = list(names)
    taken = {name[:MAX_NAME] for name in given}
    seen: set[str] = set()
    result = []
    for position, name in enumerate(given, start=1):
        base = name[:MAX_NAME] or f"column{position}"
        unique, count = base, 0
        while unique in seen or (unique in taken and (count or not name)):
            count += 1
            unique = f"{base[: MAX_NAME - len(str(count)) - 1]}_{count}"
        seen.add(unique)
        result.append(unique)
    return result


class Converter:
    """Makes arrays plain.  ``cut`` says whether a cell of more than ``MAX_CELL`` bytes was cut."""

    def __init__(self) -> None:
        self.cut = False

    def convert(self, array: pa.Array, target: pa.DataType) -> pa.Array:
        """``array`` as ``target``, which must be what ``plain_type`` gave.  Raises ``NotPlain``."""
        try:
            return self._convert(array, target)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError, OverflowError) as error:
            raise NotPlain("result_not_plain", f"A column of type {array.type} cannot leave the sandbox.") from error

    def _convert(self, array: pa.Array, target: pa.DataType) -> pa.Array:
        kind = array.type
        if pt.is_dictionary(kind):
            return self._convert(array.dictionary_decode(), target)
        if pt.is_run_end_encoded(kind):
            return self._convert(pc.run_end_decode(array), target)
        if isinstance(kind, pa.UuidType):
            return pa.array([None if b is None else str(uuid.UUID(bytes=b)) for b in array.storage.to_pylist()], target)
        if isinstance(kind, pa.Bool8Type):
            return array.storage.cast(pa.bool_())
        if isinstance(kind, pa.BaseExtensionType):
            return self._convert(array.storage, target)
        if any(listed(kind) for listed in _LISTS):
            values = self._convert(array.flatten(), target.value_type)
            return pa.ListArray.from_arrays(_offsets(array), values, type=target, mask=array.is_null())
        if pt.is_map(kind):
            pairs = array.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
            keys, items = pairs.flatten().flatten()
            children = (self._convert(keys, target.key_type), self._convert(items, target.item_type))
            return pa.MapArray.from_arrays(_offsets(pairs), *children, type=target, mask=array.is_null())
        if pt.is_struct(kind) and kind.num_fields:
            fields = [target.field(i) for i in range(target.num_fields)]
            parts = [self._convert(c, f.type) for c, f in zip(array.flatten(), fields, strict=True)]
            return pa.StructArray.from_arrays(parts, fields=fields, mask=array.is_null())
        if any(text(kind) for text in _TEXTS):
            return self._bounded(array.cast(pa.large_string()), text=True).cast(target)
        if any(binary(kind) for binary in _BYTES):
            return self._bounded(array.cast(pa.large_binary()), text=False).cast(target)
        if pt.is_union(kind) or pt.is_interval(kind) or pt.is_struct(kind):
            return pa.array([None if value is None else _words(value) for value in array.to_pylist()], target)
        return array if kind == target else array.cast(target, safe=False)

    def _bounded(self, array: pa.Array, *, text: bool) -> pa.Array:
        """``array`` with every cell cut to ``MAX_CELL`` bytes, whole characters only."""
        if array.nbytes <= MAX_CELL:
            return array
        too_long = pc.fill_null(pc.greater(pc.binary_length(array), MAX_CELL), False)
        if not pc.any(too_long).as_py():
            return array
        self.cut = True
        heads = [
            memoryview(array[i].as_buffer())[:MAX_CELL].tobytes() for i in pc.indices_nonzero(too_long).to_pylist()
        ]
        cells: Sequence[Any] = [head.decode(errors="ignore") for head in heads] if text else heads
        return pc.replace_with_mask(array, too_long, pa.array(cells, array.type))


def _offsets(array: pa.Array) -> pa.Array:
    """Offsets of ``array.flatten()``: a missing list counts as an empty one."""
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64())
    return pa.concat_arrays([pa.array([0], pa.int64()), pc.cumulative_sum(lengths)]).cast(pa.int32())


def _words(value: Any) -> str:
    """A calendar interval as ``1 months 2 days 3.5 seconds``; anything else as Python writes it."""
    if isinstance(value, pa.MonthDayNano):
        parts = ((value.months, "months"), (value.days, "days"), (value.nanoseconds / 1e9, "seconds"))
        return " ".join(f"{amount:g} {unit}" for amount, unit in parts if amount) or "0 seconds"
    return str(value)


_NAMES: Final = (
    (pt.is_null, "NULL"), (pt.is_boolean, "BOOLEAN"), (pt.is_int8, "TINYINT"), (pt.is_int16, "SMALLINT"),
    (pt.is_int32, "INTEGER"), (pt.is_int64, "BIGINT"), (pt.is_uint8, "UTINYINT"), (pt.is_uint16, "USMALLINT"),
    (pt.is_uint32, "UINTEGER"), (pt.is_uint64, "UBIGINT"), (pt.is_float32, "FLOAT"), (pt.is_float64, "DOUBLE"),
    (pt.is_string, "VARCHAR"), (pt.is_binary, "BLOB"), (pt.is_date32, "DATE"), (pt.is_time64, "TIME"),
    (pt.is_duration, "INTERVAL"),
)  # fmt: skip
_TIMESTAMPS: Final = {"s": "TIMESTAMP_S", "ms": "TIMESTAMP_MS", "us": "TIMESTAMP", "ns": "TIMESTAMP_NS"}


def sql_name(kind: pa.DataType) -> str:
    """The name that DuckDB has for a plain type."""
    for test, name in _NAMES:
        if test(kind):
            return name
    if pt.is_decimal(kind):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if pt.is_timestamp(kind):
        return "TIMESTAMP WITH TIME ZONE" if kind.tz else _TIMESTAMPS[kind.unit]
    if pt.is_list(kind):
        return f"{sql_name(kind.value_type)}[]"
    if pt.is_map(kind):
        return f"MAP({sql_name(kind.key_type)}, {sql_name(kind.item_type)})"
    children = (kind.field(i) for i in range(kind.num_fields))
    quoted = ((child.name.replace('"', '""'), sql_name(child.type)) for child in children)
    return "STRUCT(" + ", ".join(f'"{name}" {of}' for name, of in quoted) + ")"
