"""What an Arrow IPC stream claims about itself, checked before Arrow reads it.

Runs on the host; standard library only.  Reads the lengths and the flatbuffer metadata of every
message and touches no value.  Arrow checks that offsets stay inside; this module checks what Arrow
would believe: that little can claim to be much (a field, a name or a buffer that is used over and
over, values that take no bytes), and that nothing asks for work other than reading (codecs,
dictionaries, byte swapping, extension metadata).  Formats:
https://arrow.apache.org/docs/format/Columnar.html (encapsulated messages), Schema.fbs, Message.fbs
and https://flatbuffers.dev/internals/.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ..protocol import MAX_NAME

MAX_DEPTH: Final = 32
MAX_FIELDS: Final = 20_000
"""Fields of a schema, those inside of nested types included."""
MAX_ARRAYS: Final = 500_000
"""Fields times batches: each costs the host some 500 bytes, however few the sandbox sent."""
MAX_ZONE: Final = 64
"""Bytes of a time zone's name."""
BITS: Final = 8
"""Values that one byte can hold."""

_CONTINUATION: Final = 0xFFFFFFFF
_V5: Final = 4
_SCHEMA, _RECORD_BATCH = 1, 3
_TIMESTAMP: Final = 10
_SIZE_OF_PAIR: Final = 16


class Unacceptable(ValueError):
    """The stream claims what it must not.  The message says what, for people."""


class _Message(NamedTuple):
    data: memoryview
    header: int
    is_schema: bool
    body: int


@dataclass(slots=True)
class _Budget:
    fields: int = MAX_FIELDS
    arrays: int = MAX_ARRAYS
    values: int = field(kw_only=True)


def check_claims(stream: memoryview, most_cells: int) -> None:
    """Raises ``Unacceptable``, or ``struct.error`` for offsets out of range.

    ``most_cells`` is how many values may be there beyond those that the bytes can hold; that is for
    columns of NULLs, which take none.
    """
    budget = _Budget(values=most_cells + BITS * len(stream))
    first = True
    for message in _messages(stream):
        if message.is_schema != first:
            raise Unacceptable("the schema must be the first message and the only one")
        if first:
            _check_schema(message.data, message.header, budget)
        else:
            _check_batch(message, budget)
        first = False
    if first:
        raise Unacceptable("the stream is empty")


def _messages(stream: memoryview) -> Iterator[_Message]:
    """The messages up to the mark of the end, which must be there, with nothing behind it."""
    place = 0
    while True:
        mark, size = struct.unpack_from("<Ii", stream, place)
        place += 8
        if mark != _CONTINUATION or size < 0 or size > len(stream) - place:
            raise Unacceptable("a message that does not begin as it must")
        if size == 0:
            if place != len(stream):
                raise Unacceptable("bytes behind the end")
            return
        message = _message(stream[place : place + size])
        place += size
        if not 0 <= message.body <= len(stream) - place:
            raise Unacceptable("a message longer than the stream")
        yield message
        place += message.body


def _message(data: memoryview) -> _Message:
    version, kind, header, body, metadata = _table(data, _deref(data, 0), 5)
    number = _scalar(data, kind, "<B")
    if _scalar(data, version, "<h") != _V5 or number not in (_SCHEMA, _RECORD_BATCH):
        raise Unacceptable(f"a message of kind {number}; schema and record batches are allowed, of version 5")
    if metadata or not header:
        raise Unacceptable("a message with metadata of its own, or without a header")
    return _Message(data, _deref(data, header), number == _SCHEMA, _scalar(data, body, "<q"))


# --- schema ---------------------------------------------------------------------------------------


def _check_schema(data: memoryview, schema: int, budget: _Budget) -> None:
    endianness, fields, metadata, features = _table(data, schema, 4)
    if _scalar(data, endianness, "<h") or features or metadata:
        raise Unacceptable("a schema with metadata, another byte order, or features that are not used here")
    _check_fields(data, fields, budget, MAX_DEPTH)


def _check_fields(data: memoryview, vector: int, budget: _Budget, depth: int) -> None:
    """Walk the fields as Arrow will.  One field may be pointed at many times: each time counts."""
    start, count = _vector(data, vector)
    budget.fields -= count
    if depth < 0 or budget.fields < 0:
        raise Unacceptable(f"a schema that is deeper than {MAX_DEPTH} or has more than {MAX_FIELDS} fields")
    for position in range(count):
        name, _, kind, type_, dictionary, children, metadata = _table(data, _deref(data, start + 4 * position), 7)
        if dictionary or metadata:
            raise Unacceptable("a field with a dictionary or with metadata")
        _check_text(data, name, 4 * MAX_NAME)
        if type_ and _scalar(data, kind, "<B") == _TIMESTAMP:
            _check_text(data, _table(data, _deref(data, type_), 2)[1], MAX_ZONE)
        _check_fields(data, children, budget, depth - 1)


def _check_text(data: memoryview, text: int, most: int) -> None:
    if _vector(data, text)[1] > most:
        raise Unacceptable(f"a name of more than {most} bytes")


# --- record batches ---------------------------------------------------------------------------------


def _check_batch(message: _Message, budget: _Budget) -> None:
    data, body = message.data, message.body
    _, nodes_, buffers, compression, variadic = _table(data, message.header, 5)
    if compression or variadic:
        raise Unacceptable("a compressed body, or views")
    nodes = list(_pairs(data, nodes_))
    budget.arrays -= len(nodes) + 1
    budget.values -= sum(length for length, _ in nodes)
    if budget.arrays < 0 or budget.values < 0 or any(length < 0 or nulls < 0 for length, nulls in nodes):
        raise Unacceptable("more arrays, or more values, than the bytes could hold")
    end = 0
    for offset, size in _pairs(data, buffers):
        if size == 0:
            continue
        if offset < end or size < 0 or offset + size > body:
            raise Unacceptable("buffers that overlap, or lie outside of their message")
        end = offset + size


def _pairs(data: memoryview, vector: int) -> Iterator[tuple[int, int]]:
    start, count = _vector(data, vector)
    if count > (len(data) - start) // _SIZE_OF_PAIR:
        raise Unacceptable("a list longer than its message")
    return struct.iter_unpack("<qq", data[start : start + _SIZE_OF_PAIR * count])


# --- flatbuffers ------------------------------------------------------------------------------------


def _deref(data: memoryview, place: int) -> int:
    return place + int(struct.unpack_from("<I", data, place)[0])


def _table(data: memoryview, table: int, most: int) -> Sequence[int]:
    """Where the first ``most`` fields of the table at ``table`` lie; 0 for one that is absent."""
    vtable = table - struct.unpack_from("<i", data, table)[0]
    if vtable < 0:  # Python would count from the end
        raise struct.error("vtable out of range")
    size = struct.unpack_from("<H", data, vtable)[0]
    known = min(most, max(0, size - 4) // 2)
    offsets = struct.unpack_from(f"<{known}H", data, vtable + 4)
    return [table + offset if offset else 0 for offset in offsets] + [0] * (most - known)


def _scalar(data: memoryview, place: int, format: str) -> int:
    return int(struct.unpack_from(format, data, place)[0]) if place else 0


def _vector(data: memoryview, place: int) -> tuple[int, int]:
    """Where the items of the vector that ``place`` points at begin, and how many they are."""
    if not place:
        return 0, 0
    vector = _deref(data, place)
    return vector + 4, int(struct.unpack_from("<I", data, vector)[0])
