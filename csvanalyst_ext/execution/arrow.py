"""Arrow from a hostile runner: refuse first, then validate in full, then hand out.

Runs on the host.  Accepts one uncompressed Arrow IPC stream of plain types, within the limits; no
dictionary, no extension type, no view, nothing that would be unpickled.  Formats:
https://arrow.apache.org/docs/format/Columnar.html (encapsulated messages) and Message.fbs.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ..errors import RunnerMisbehaved
from ..protocol import MAX_NAME, Column, Limits

if TYPE_CHECKING:
    import pyarrow as pa

MAX_DEPTH: Final = 32
MAX_BATCHES: Final = 1_000_000
_PLAIN: Final = (
    "null", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float", "double",
    "decimal128", "string", "large_string", "binary", "large_binary", "date32", "date64", "time32", "time64",
    "timestamp", "duration",
)  # fmt: skip
_COMPRESSION_FIELD: Final = 3  # RecordBatch.compression in Message.fbs
_HEADER_FIELD: Final = 2  # Message.header in Message.fbs


def read_table(body: bytes | bytearray | memoryview, limits: Limits, columns: Sequence[Column]) -> pa.Table:
    """The validated table of a reply, zero-copy over ``body``.

    Raises ``RunnerMisbehaved`` (``bad_arrow``) when it is anything but a valid stream of plain
    types with the announced column names, unique, and within ``limits`` (rows, columns, bytes).
    """
    import pyarrow as pa

    if len(body) > limits.max_bytes:
        raise _bad(f"a table of {len(body)} bytes, {limits.max_bytes} were allowed")
    try:
        _refuse_messages(body)
        batches: list[pa.RecordBatch] = []
        rows = 0
        with pa.ipc.open_stream(pa.py_buffer(body)) as reader:
            schema = _plain_schema(reader.schema, limits, columns)
            for batch in reader:
                batch.validate(full=True)
                rows += batch.num_rows
                if rows > limits.max_rows:
                    raise _bad(f"more than the {limits.max_rows} rows allowed")
                batches.append(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
        return pa.Table.from_batches(batches, schema)
    except (pa.ArrowException, OSError, ValueError, struct.error, OverflowError, RecursionError) as error:
        raise _bad(f"{type(error).__name__}: {str(error)[:200]}") from error


def _bad(why: str) -> RunnerMisbehaved:
    return RunnerMisbehaved(
        "bad_arrow",
        f"The sandbox sent a table that was refused ({why}).",
        "The sandbox is replaced; ask again.",
    )


def _refuse_messages(body: bytes | bytearray | memoryview) -> None:
    """Look at every message before any array is made of it: schema first, then plain record batches."""
    import pyarrow as pa

    reader = pa.ipc.MessageReader.open_stream(pa.py_buffer(body))
    for position in range(MAX_BATCHES + 1):
        try:
            message = reader.read_next_message()
        except StopIteration:
            if position == 0:
                raise _bad("the stream is empty") from None
            return
        if message.type != ("schema" if position == 0 else "record batch"):
            raise _bad(f"a message of type {message.type} at place {position}")
        if position and _is_compressed(memoryview(message.metadata)):
            raise _bad("a compressed body")
    raise _bad("too many record batches")


def _is_compressed(metadata: memoryview) -> bool:
    """Whether a RecordBatch message names a codec.  Raises ``struct.error`` for offsets out of range."""
    message = struct.unpack_from("<I", metadata, 0)[0]
    header = _field(metadata, message, _HEADER_FIELD)
    if header is None:
        raise _bad("a message without a header")
    batch = header + struct.unpack_from("<I", metadata, header)[0]
    return _field(metadata, batch, _COMPRESSION_FIELD) is not None


def _field(data: memoryview, table: int, number: int) -> int | None:
    """Where field ``number`` of the flatbuffer table at ``table`` lies; ``None`` when it is absent."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    if vtable < 0:
        raise struct.error("vtable out of range")
    size = struct.unpack_from("<H", data, vtable)[0]
    place = 4 + 2 * number
    if place + 2 > size:
        return None
    offset = struct.unpack_from("<H", data, vtable + place)[0]
    return table + offset if offset else None


def _plain_schema(schema: pa.Schema, limits: Limits, columns: Sequence[Column]) -> pa.Schema:
    import pyarrow as pa

    if len(schema) > limits.max_columns:
        raise _bad(f"{len(schema)} columns, {limits.max_columns} were allowed")
    names = list(schema.names)
    if len(set(names)) != len(names) or any(len(name) > MAX_NAME for name in names):
        raise _bad("column names that repeat or are too long")
    if names != [column.name for column in columns]:
        raise _bad("columns other than announced")
    for field in schema:
        _refuse_type(field.type, 0)
    return pa.schema([pa.field(field.name, field.type) for field in schema])


def _refuse_type(kind: pa.DataType, depth: int) -> None:
    """Raises unless ``kind`` is plain, or a list, struct or map of plain types, at most ``MAX_DEPTH`` deep."""
    import pyarrow as pa

    if depth > MAX_DEPTH:
        raise _bad(f"types nested deeper than {MAX_DEPTH}")
    if isinstance(kind, pa.BaseExtensionType):
        raise _bad("an extension type")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind) or pa.types.is_struct(kind):
        children = [kind.field(position).type for position in range(kind.num_fields)]
        if pa.types.is_map(kind):
            children = [kind.key_type, kind.item_type]
        for child in children:
            _refuse_type(child, depth + 1)
        return
    if str(kind).split("[")[0].split("(")[0] not in _PLAIN:
        raise _bad(f"the type {str(kind)[:60]}")
