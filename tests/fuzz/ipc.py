"""An Arrow IPC stream taken apart: messages, the places of their metadata's fields, their buffers.  Pure.

Written for mutation, apart from the code under test: it names every place where a lie can be told.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

CONTINUATION = 0xFFFFFFFF
END = struct.pack("<Ii", CONTINUATION, 0)
MESSAGE, SCHEMA, BATCH, FIELD = "message", "schema", "batch", "field"
_NAMES = {
    MESSAGE: (("version", "<h"), ("header_type", "<B"), ("header", "ref"), ("body_length", "<q"), ("metadata", "ref")),
    SCHEMA: (("endianness", "<h"), ("fields", "ref"), ("metadata", "ref"), ("features", "ref")),
    FIELD: (
        ("name", "ref"), ("nullable", "<B"), ("type_type", "<B"), ("type", "ref"), ("dictionary", "ref"),
        ("children", "ref"), ("metadata", "ref"),
    ),
    BATCH: (("length", "<q"), ("nodes", "ref"), ("buffers", "ref"), ("compression", "ref"), ("variadic", "ref")),
    "type": (("first", "<h"), ("second", "<B"), ("third", "<B")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    metadata: bytes
    body: bytes

    def encoded(self) -> bytes:
        return struct.pack("<Ii", CONTINUATION, len(self.metadata)) + self.metadata + self.body


class Slot(NamedTuple):
    """A number in the metadata: where it is, its ``struct`` format, and what it says."""

    place: int
    format: str
    what: str


def take_apart(stream: bytes) -> list[Message]:
    """The messages of a valid stream."""
    messages, place = [], 0
    while (size := struct.unpack_from("<Ii", stream, place)[1]) > 0:
        metadata = stream[place + 8 : place + 8 + size]
        root = struct.unpack_from("<I", metadata)[0]
        found = _fields(metadata, root)
        length = struct.unpack_from("<q", metadata, found[3])[0] if found[3] else 0
        start = place + 8 + size
        messages.append(Message(metadata, stream[start : start + length]))
        place = start + length
    return messages


def join(messages: list[Message], end: bytes = END) -> bytes:
    return b"".join(message.encoded() for message in messages) + end


def slots(metadata: bytes) -> list[Slot]:
    """Every number of a valid message's metadata."""
    found = [Slot(0, "<I", "root"), *_table_slots(metadata, struct.unpack_from("<I", metadata)[0], MESSAGE)]
    return [slot for slot in found if slot.place + struct.calcsize(slot.format) <= len(metadata)]


def buffers(metadata: bytes) -> list[tuple[int, int]]:
    """(offset, length) of the buffers of a record batch's body."""
    found = [slot for slot in slots(metadata) if slot.what.startswith("buffer ")]
    numbers = [struct.unpack_from(slot.format, metadata, slot.place)[0] for slot in found]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _fields(data: bytes, table: int) -> list[int]:
    vtable = table - struct.unpack_from("<i", data, table)[0]
    size = struct.unpack_from("<H", data, vtable)[0]
    offsets = struct.unpack_from(f"<{size // 2 - 2}H", data, vtable + 4)
    return [table + offset if offset else 0 for offset in offsets] + [0] * 8


def _table_slots(data: bytes, table: int, what: str) -> Iterator[Slot]:
    vtable = table - struct.unpack_from("<i", data, table)[0]
    size = struct.unpack_from("<H", data, vtable)[0]
    yield Slot(table, "<i", f"{what}: vtable")
    yield Slot(vtable, "<H", f"{what}: vtable size")
    yield Slot(vtable + 2, "<H", f"{what}: table size")
    for entry in range(vtable + 4, vtable + size, 2):
        yield Slot(entry, "<H", f"{what}: vtable entry")
    places = _fields(data, table)
    for place, (name, format) in zip(places, _NAMES[what], strict=False):
        if not place:
            continue
        yield Slot(place, "<I" if format == "ref" else format, f"{what}: {name}")
        target = place + struct.unpack_from("<I", data, place)[0] if format == "ref" else 0
        if name == "header":
            kind = data[places[1]]
            yield from _table_slots(data, target, {1: SCHEMA, 3: BATCH}.get(kind, "type"))
        elif name == "name":
            yield Slot(target, "<I", "name: length")
        elif name == "type":
            yield from _table_slots(data, target, "type")
        elif name in ("fields", "children"):
            count = struct.unpack_from("<I", data, target)[0]
            yield Slot(target, "<I", f"{name}: count")
            for item in range(target + 4, target + 4 + 4 * count, 4):
                yield Slot(item, "<I", f"{name}: item")
                yield from _table_slots(data, item + struct.unpack_from("<I", data, item)[0], FIELD)
        elif name in ("nodes", "buffers"):
            count = struct.unpack_from("<I", data, target)[0]
            yield Slot(target, "<I", f"{name}: count")
            first, second = ("length", "nulls") if name == "nodes" else ("offset", "length")
            for item in range(target + 4, target + 4 + 16 * count, 16):
                yield Slot(item, "<q", f"{name[:-1]} {first}")
                yield Slot(item + 8, "<q", f"{name[:-1]} {second}")
