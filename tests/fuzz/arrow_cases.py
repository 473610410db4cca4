"""Arrow streams that lie.  Each function takes a source of chance and gives (stream, column names, rows)."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import pyarrow as pa

from . import ipc, samples

EXTREMES = (
    0, 1, 2, 3, 4, 7, 8, 127, 128, 255, 256, 4095, 4096, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31,
    2**31 + 1, 2**32 - 1, 2**32, 2**53, 2**62, 2**63 - 1, -1, -2, -8, -128, -(2**15), -(2**31), -(2**31) - 1,
    -(2**63), -(2**63) + 1,
)  # fmt: skip
TEXTS = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"\xe2\x82", b"\x00", b"\xf0\x9f\x92")


class Lie(NamedTuple):
    stream: bytes
    names: tuple[str, ...]
    rows: int
    note: str = ""
    refused: bool = False


class Sample(NamedTuple):
    name: str
    messages: list[ipc.Message]
    names: tuple[str, ...]
    rows: int


@cache
def _samples() -> list[Sample]:
    return [
        Sample(name, ipc.take_apart(samples.stream(table)), tuple(table.column_names), table.num_rows)
        for name, table in samples.honest().items()
    ]


@cache
def _with_batches() -> list[Sample]:
    return [sample for sample in _samples() if len(sample.messages) > 1 and sample.messages[1].body]


def honest_stream(chance: random.Random) -> tuple[Lie, pa.Table]:
    name = chance.choice(list(samples.honest()))
    table = samples.honest()[name]
    pieces = chance.choice((None, 1, 7))
    table = table if pieces is None or table.num_rows > 100 else pa.Table.from_batches(
        table.to_batches(max_chunksize=pieces), table.schema
    )  # fmt: skip
    return Lie(samples.stream(table), tuple(table.column_names), table.num_rows, name), table


def any_bytes(chance: random.Random) -> Lie:
    """Bytes anywhere: changed, inserted, left out, repeated."""
    sample = chance.choice(_samples())
    data = bytearray(ipc.join(sample.messages))
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        place = chance.randrange(len(data) or 1)
        match chance.randrange(6):
            case 0:
                data[place : place + 1] = chance.randbytes(1)
            case 1:
                data[place : place + 4] = chance.randbytes(4)
            case 2:
                del data[place : place + chance.randint(1, 64)]
            case 3:
                data[place:place] = chance.randbytes(chance.randint(1, 16))
            case 4:
                data[place:place] = data[place : place + chance.randint(1, 256)]
            case _:
                data[place : place + 8] = struct.pack("<q", _wrapped(chance.choice(EXTREMES), 64))
    return Lie(bytes(data), sample.names, sample.rows, sample.name)


def metadata(chance: random.Random) -> Lie:
    """Numbers of the metadata: offsets, counts, lengths, types, presence of fields."""
    sample = chance.choice(_samples())
    messages = list(sample.messages)
    notes = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        position = chance.randrange(len(messages))
        data = bytearray(messages[position].metadata)
        found = _slots(bytes(sample.messages[position].metadata))
        slot = chance.choice(found[chance.choice(list(found))])
        old = struct.unpack_from(slot.format, data, slot.place)[0]
        bits = 8 * struct.calcsize(slot.format)
        new = chance.choice((
            old + chance.choice((1, -1, 2, -2, 4, -4, 8, -8, 64, 1000)), chance.choice(EXTREMES), -old, old * 2,
            chance.randrange(2**bits), chance.randrange(32),
        ))  # fmt: skip
        value = _wrapped(new, bits) if slot.format[1].islower() else new % 2**bits
        struct.pack_into(slot.format, data, slot.place, value)
        messages[position] = ipc.Message(bytes(data), messages[position].body)
        notes.append(f"{slot.what} {old} -> {value}")
    return Lie(ipc.join(messages), sample.names, sample.rows, f"{sample.name}: {', '.join(notes)}")


@cache
def _slots(data: bytes) -> Mapping[str, list[ipc.Slot]]:
    """By what they say, so that rare ones are chosen as often as the many."""
    found: dict[str, list[ipc.Slot]] = {}
    for slot in ipc.slots(data):
        found.setdefault(slot.what, []).append(slot)
    return found


def contents(chance: random.Random) -> Lie:
    """The values: offsets, bitmaps, text, decimals, times."""
    sample = chance.choice(_with_batches())
    messages = list(sample.messages)
    for _ in range(chance.choice((1, 1, 2, 5))):
        position = chance.randrange(1, len(messages))
        message = messages[position]
        places = [(at, size) for at, size in _buffers(message.metadata) if size and at + size <= len(message.body)]
        if not places:
            continue
        start, size = chance.choice(places)
        data = bytearray(message.body)
        at = start + chance.randrange(size)
        match chance.randrange(9):
            case 0:
                data[start : start + size] = chance.choice((b"\xff", b"\x00", b"\x7f", b"\x80")) * size
            case 1:
                data[start : start + size] = chance.randbytes(size)
            case 2:
                text = chance.choice(TEXTS)[: start + size - at]
                data[at : at + len(text)] = text
            case 3 | 4:
                width = chance.choice((4, 8))
                at = start + (at - start) // width * width
                number = _wrapped(chance.choice(EXTREMES), 8 * width).to_bytes(width, "little", signed=True)
                data[at : at + width] = number[: len(data) - at]
            case 5:
                data[start : start + size] = data[start : start + size][::-1]
            case 6:
                other, width = chance.choice(places)
                width = min(width, size)
                data[start : start + width], data[other : other + width] = (
                    data[other : other + width],
                    data[start : start + width],
                )
            case 7:
                data[at] ^= 1 << chance.randrange(8)
            case _:
                data = data[: max(0, len(data) - chance.choice((1, 8, 64, len(data))))]
        messages[position] = ipc.Message(message.metadata, bytes(data))
    return Lie(ipc.join(messages), sample.names, sample.rows, sample.name)


@cache
def _buffers(data: bytes) -> list[tuple[int, int]]:
    return ipc.buffers(data)


def messages(chance: random.Random) -> Lie:
    """Whole messages: left out, repeated, swapped, of another stream, with lies about their lengths."""
    sample, other = chance.choice(_samples()), chance.choice(_samples())
    parts = [message.encoded() for message in sample.messages]
    others = [message.encoded() for message in other.messages]
    end, rows = ipc.END, sample.rows
    match chance.randrange(10):
        case 0:
            del parts[chance.randrange(len(parts))]
        case 1:
            parts.insert(chance.randrange(len(parts) + 1), chance.choice(parts))
            rows = chance.choice((rows, rows * 2))
        case 2:
            chance.shuffle(parts)
        case 3:
            parts.insert(chance.randrange(len(parts) + 1), chance.choice(others))
        case 4:
            parts = [parts[0], *others[1:]]
        case 5:
            end = chance.choice((b"", ipc.END * 2, ipc.END[:4], b"\0" * 8, b"\0" * 4, ipc.END + chance.randbytes(8)))
        case 6:
            at = chance.randrange(len(parts))
            size = chance.choice(EXTREMES)
            parts[at] = parts[at][:4] + struct.pack("<i", _wrapped(size, 32)) + parts[at][8:]
        case 7:
            at = chance.randrange(len(parts))
            parts[at] = parts[at][4:]  # as before version 0.15: without the mark
        case 8:
            parts += others + parts
        case _:
            parts = parts[: chance.randrange(len(parts) + 1)]
            parts.append(chance.choice(others)[: chance.randrange(200)])
            end = chance.choice((b"", ipc.END))
    return Lie(b"".join(parts) + end, sample.names, rows, sample.name)


def refused_type(chance: random.Random) -> Lie:
    """Valid streams of types, widths, codecs and metadata that are never sent; some of them damaged as well."""
    lie = chance.choice(_never_sent())
    if chance.random() < 0.7:
        return lie
    damaged = bytearray(lie.stream)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(min(len(damaged), 4096))
        damaged[at : at + 4] = struct.pack("<i", _wrapped(chance.choice(EXTREMES), 32))
    return lie._replace(stream=bytes(damaged[: len(lie.stream)]), refused=False)


@cache
def _never_sent() -> list[Lie]:
    def lie(table: pa.Table, note: str, **options: Any) -> Lie:
        return Lie(samples.stream(table, **options), tuple(table.column_names), table.num_rows, note, refused=True)

    bomb = pa.table({"x": ["x" * 2000] * 4000})
    packed = [samples.honest()["every type"], samples.honest()["long"], bomb]
    plain = pa.table({"x": [1, 2, 3]})
    schema, batch = _batch(plain)
    with io.BytesIO() as buffer, pa.ipc.new_stream(buffer, plain.schema) as writer:
        writer.write_batch(plain.to_batches()[0], custom_metadata={"a": "b"})
        writer.close()
        noted = buffer.getvalue()
    return [
        *(lie(table, name) for name, table in samples.refused().items()),
        *(lie(table, codec, compression=codec) for table in packed for codec in ("lz4", "zstd")),
        lie(plain, "version 4", metadata_version=pa.ipc.MetadataVersion.V4),
        lie(plain, "old framing", use_legacy_format=True),
        Lie(noted, ("x",), 3, "batch metadata", refused=True),
        Lie(ipc.join([schema, batch], b""), ("x",), 3, "no end", refused=True),
        Lie(ipc.join([schema, batch]) + b"more", ("x",), 3, "more behind the end", refused=True),
    ]


# --- little that claims to be much ------------------------------------------------------------------


def warm() -> None:
    """Make what all cases share, so that it is not taken for the growth of the first ones."""
    _with_batches(), _never_sent()


def _batch(table: pa.Table) -> tuple[ipc.Message, ipc.Message]:
    schema, batch = ipc.take_apart(samples.stream(table))
    return schema, batch


def _changed(message: ipc.Message, what: str, *values: int) -> ipc.Message:
    """``message`` with the numbers called ``what`` replaced, in their order."""
    data = bytearray(message.metadata)
    found = [slot for slot in ipc.slots(message.metadata) if slot.what == what]
    for slot, value in zip(found, values, strict=False):
        struct.pack_into(slot.format, data, slot.place, value)
    return ipc.Message(bytes(data), message.body)


def _nulls_in_lists(chance: random.Random) -> Lie:
    """One row with a list of two thousand million NULLs, which take no byte."""
    inner = chance.choice((pa.nulls(2), pa.array([{}, {}], pa.struct([]))))
    many = 2**31 - 1
    schema, batch = _batch(pa.table({"x": pa.ListArray.from_arrays([0, 2], inner)}))
    batch = _changed(batch, "node length", 1, many)
    if not pa.types.is_null(inner.type):
        batch = _changed(batch, "node nulls", 0, 0)
    start, _ = ipc.buffers(batch.metadata)[1]
    body = bytearray(batch.body)
    struct.pack_into("<ii", body, start, 0, many)
    return Lie(ipc.join([schema, ipc.Message(batch.metadata, bytes(body))]), ("x",), 1, "nulls in lists", True)


def _one_buffer_for_all(chance: random.Random) -> Lie:
    """Three hundred columns that share one buffer of most of the bytes allowed."""
    rows = 4000
    table = pa.table({f"c{i}": pa.nulls(0, pa.int64()) for i in range(300)})
    schema = ipc.take_apart(samples.stream(table))[0]
    wide = pa.table({f"c{i}": pa.array([1], pa.int64()) for i in range(300)})
    batch = _batch(wide)[1]
    batch = _changed(batch, "batch: length", rows)
    batch = _changed(batch, "node length", *[rows] * 300)
    batch = _changed(batch, "buffer offset", *[0] * 600)
    batch = _changed(batch, "buffer length", *[0, rows * 8] * 300)
    batch = _changed(ipc.Message(batch.metadata, bytes(rows * 8)), "message: body_length", rows * 8)
    return Lie(ipc.join([schema, batch]), tuple(table.column_names), rows, "one buffer for all", True)


def _many_batches(chance: random.Random) -> Lie:
    names = tuple(f"c{i}" for i in range(chance.choice((1, 8, 100))))
    schema, batch = _batch(pa.table({name: pa.nulls(1) for name in names}))
    batch = _changed(_changed(batch, "batch: length", 0), "node length", *[0] * 100)
    batch = _changed(batch, "node nulls", *[0] * 100)
    encoded = batch.encoded()
    count = 900_000 // len(encoded)
    return Lie(schema.encoded() + encoded * count + ipc.END, names, 0, f"{count} empty batches")


def _shared_fields(chance: random.Random) -> Lie:
    """A schema whose list of fields points at the same field, ten thousands of times; or a tree of such."""
    schema = _batch(pa.table({"x": pa.array([{"y": 1}])}))[0].metadata
    by_name = {slot.what: slot for slot in ipc.slots(schema)}
    field = by_name["fields: item"].place + struct.unpack_from("<I", schema, by_name["fields: item"].place)[0]
    levels, width = chance.choice(((1, 200_000), (1, 25_000), (3, 200), (12, 10), (30, 4)))
    data = bytearray(schema)
    refer = by_name["message: header"], by_name["schema: fields"]
    # The list of the next level, then a copy of the field whose own children are the list after that.
    children = by_name["field: children"].place
    last = refer[1].place
    for _ in range(levels):
        struct.pack_into("<I", data, last, len(data) - last)
        vector = len(data)
        data += struct.pack("<I", width) + bytes(4 * width)
        data += bytes(-len(data) % 8)
        copy = len(data)
        data += schema
        for item in range(width):
            at = vector + 4 + 4 * item
            struct.pack_into("<I", data, at, copy + field - at)
        last = copy + children
    data += bytes(-len(data) % 8)
    return Lie(ipc.Message(bytes(data), b"").encoded() + ipc.END, ("x",), 0, f"{width} fields on {levels} levels", True)


def bombs(chance: random.Random) -> Lie:
    makers: tuple[Callable[[random.Random], Lie], ...] = (
        _nulls_in_lists, _one_buffer_for_all, _many_batches, _shared_fields,
    )  # fmt: skip
    return chance.choice(makers)(chance)


def _wrapped(value: int, bits: int) -> int:
    """``value`` as a signed number of ``bits`` bits."""
    return (value + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)
