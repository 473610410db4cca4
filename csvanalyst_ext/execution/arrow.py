"""Arrow from a hostile runner: refuse first, then validate in full, then hand out.

Runs on the host.  Accepts one uncompressed Arrow IPC stream of plain types, within the limits: what
an honest runner sends (``runner/plain.py``), and nothing else.  ``arrow_messages`` judges what the
stream claims; here are the types and the values.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ..errors import RunnerMisbehaved
from ..protocol import MAX_NAME, Column, Limits
from .arrow_messages import MAX_DEPTH, check_claims

if TYPE_CHECKING:
    import pyarrow as pa

_PLAIN: Final = frozenset((
    "null", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float", "double",
    "decimal128", "string", "large_string", "binary", "large_binary", "date32", "time64", "timestamp", "duration",
))  # fmt: skip
_DIGITS: Final = 38
"""Of a decimal128; Arrow takes any scale, and then cannot give the values out."""
_ZONE: Final = re.compile(r"[A-Za-z0-9_+:-]+(/[A-Za-z0-9_+:-]+)*")
_LARGE_TEXT: Final = 4096
"""Bytes from which a column of text is validated as a whole."""
_BEYOND_ASCII: Final = 0x80


def read_table(body: bytes | bytearray | memoryview, limits: Limits, columns: Sequence[Column]) -> pa.Table:
    """The validated table of a reply, zero-copy over ``body``.

    A time zone that this computer does not know becomes UTC: the same instants, and they can be shown.
    Raises ``RunnerMisbehaved`` (``bad_arrow``) when it is anything but a valid stream of plain
    types with the announced column names, unique, and within ``limits`` (rows, columns, bytes).
    """
    import pyarrow as pa

    if len(body) > limits.max_bytes:
        raise _bad(f"a table of {len(body)} bytes, {limits.max_bytes} were allowed")
    try:
        check_claims(memoryview(body), limits.max_rows * limits.max_columns)
        batches: list[pa.RecordBatch] = []
        rows = 0
        with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
            _refuse_schema(reader.schema, limits, columns)
            schema = pa.schema([pa.field(field.name, _shown(field.type)) for field in reader.schema])
            for batch in reader:
                rows += batch.num_rows
                if rows > limits.max_rows:
                    raise _bad(f"more than the {limits.max_rows} rows allowed")
                _validate(batch)
                arrays = [
                    column if column.type == kind else column.view(kind)
                    for column, kind in zip(batch.columns, schema.types, strict=True)
                ]
                batches.append(pa.RecordBatch.from_arrays(arrays, schema=schema) if arrays else batch)
        return pa.Table.from_batches(batches, schema)
    except (pa.ArrowException, OSError, ValueError, struct.error, OverflowError, RecursionError) as error:
        raise _bad(f"{type(error).__name__}: {str(error)[:200]}") from error


def _bad(why: str) -> RunnerMisbehaved:
    return RunnerMisbehaved(
        "bad_arrow",
        f"The sandbox sent a table that was refused ({why}).",
        "The sandbox is replaced; ask again.",
    )


# --- types ------------------------------------------------------------------------------------------


def _refuse_schema(schema: pa.Schema, limits: Limits, columns: Sequence[Column]) -> None:
    if len(schema) > limits.max_columns:
        raise _bad(f"{len(schema)} columns, {limits.max_columns} were allowed")
    _refuse_names(schema.names)
    if schema.names != [column.name for column in columns]:
        raise _bad("columns other than announced")
    for kind in schema.types:
        _refuse_type(kind, 0)


def _refuse_names(names: Sequence[str]) -> None:
    if len(set(names)) != len(names) or any(len(name) > MAX_NAME for name in names):
        raise _bad("names that repeat or are too long")


def _refuse_type(kind: pa.DataType, depth: int) -> None:
    """Raises unless ``kind`` is plain, or a list, struct or map of plain types, at most ``MAX_DEPTH`` deep."""
    import pyarrow as pa

    if depth > MAX_DEPTH:
        raise _bad(f"types nested deeper than {MAX_DEPTH}")
    if isinstance(kind, pa.BaseExtensionType):
        raise _bad("an extension type")
    if pa.types.is_struct(kind):
        children = [kind.field(position) for position in range(kind.num_fields)]
        _refuse_names([child.name for child in children])
        for child in children:
            _refuse_type(child.type, depth + 1)
    elif pa.types.is_map(kind):
        _refuse_type(kind.key_type, depth + 1)
        _refuse_type(kind.item_type, depth + 1)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        _refuse_type(kind.value_type, depth + 1)
    elif str(kind).split("[")[0].split("(")[0] not in _PLAIN or kind == pa.time64("ns"):
        raise _bad(f"the type {str(kind)[:60]}")
    elif pa.types.is_decimal(kind) and not (0 < kind.precision <= _DIGITS and abs(kind.scale) <= _DIGITS):
        raise _bad("a decimal of a scale that no number has")
    elif pa.types.is_timestamp(kind) and kind.tz is not None and not _ZONE.fullmatch(kind.tz):
        raise _bad("a time zone that is none")


def _shown(kind: pa.DataType) -> pa.DataType:
    """``kind``, with UTC instead of time zones that this computer does not know."""
    import pyarrow as pa

    def child(field: pa.Field) -> pa.Field:
        return field.with_type(_shown(field.type))

    if pa.types.is_timestamp(kind) and kind.tz is not None and not _known_zone(kind.tz):
        return pa.timestamp(kind.unit, "UTC")
    if pa.types.is_struct(kind):
        return pa.struct([child(kind.field(position)) for position in range(kind.num_fields)])
    if pa.types.is_map(kind):
        return pa.map_(child(kind.key_field), child(kind.item_field))
    if pa.types.is_list(kind):
        return pa.list_(child(kind.value_field))
    return pa.large_list(child(kind.value_field)) if pa.types.is_large_list(kind) else kind


@lru_cache(maxsize=256)
def _known_zone(name: str) -> bool:
    import pyarrow as pa

    try:
        pa.lib.string_to_tzinfo(name)
    except (pa.ArrowException, ValueError, OSError):
        return False
    return True


# --- values -----------------------------------------------------------------------------------------


def _validate(batch: pa.RecordBatch) -> None:
    """``batch.validate(full=True)``, five times as fast for text.  Raises ``pa.ArrowInvalid``."""
    batch.validate()
    for column in batch.columns:
        if not _is_ascii(column):
            column.validate(full=True)


def _is_ascii(column: pa.Array) -> bool:
    """Whether ``column`` is text, valid in full, and of ASCII throughout.

    Arrow looks for UTF-8 value by value.  Where the bytes of all values together are ASCII, any cut
    of them is; what remains to check are the offsets, as of binary values.
    """
    import numpy as np
    import pyarrow as pa

    if column.type not in (pa.string(), pa.large_string()):
        return False
    data = column.buffers()[2]
    if data is None or data.size < _LARGE_TEXT or np.frombuffer(data, np.uint8).max() >= _BEYOND_ASCII:
        return False
    column.view(pa.binary() if column.type == pa.string() else pa.large_binary()).validate(full=True)
    return True
