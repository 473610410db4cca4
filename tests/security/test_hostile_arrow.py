"""Arrow from a hostile runner is refused or is exactly what it says; nothing in between, no crash."""

from __future__ import annotations

import contextlib
import io
import random
from typing import Any

import pyarrow as pa
import pytest

from csvanalyst_ext.errors import RunnerMisbehaved
from csvanalyst_ext.execution.arrow import read_table
from csvanalyst_ext.protocol import Column, Limits

TABLE = pa.table(
    {
        "i": pa.array([1, 2, None], pa.int64()),
        "s": ["x", "y", "z"],
        "l": [[1], [2, 3], None],
        "d": pa.array([{"p": 1.5}, None, {"p": 2.0}]),
        "t": pa.array([1, 2, 3], pa.timestamp("us", "UTC")),
        "n": pa.array([1, 2, 3]).cast(pa.decimal128(38, 0)),
        "m": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
    }
)


def stream(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return buffer.getvalue()


def read(body: bytes, table: pa.Table = TABLE, **limits: Any) -> pa.Table:
    return read_table(body, Limits(**limits), [Column(name, "") for name in table.schema.names])


def test_plain_types_pass_unchanged() -> None:
    assert read(stream(TABLE)) == TABLE
    empty = TABLE.slice(0, 0)
    assert read(stream(empty)) == empty


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
@pytest.mark.attack(66, "a compressed body of an Arrow stream")
def test_a_compressed_body_is_refused_before_it_is_opened(codec: str) -> None:
    bomb = pa.table({"x": pa.array([0] * 1_000_000)})
    body = stream(bomb, compression=codec)
    assert len(body) < bomb.nbytes / 50
    with pytest.raises(RunnerMisbehaved, match="compressed"):
        read(body, bomb)


class Hidden(pa.ExtensionType):
    def __init__(self) -> None:
        super().__init__(pa.int64(), "test.hidden")

    def __arrow_ext_serialize__(self) -> bytes:
        return b"cos\nsystem\n."

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: pa.DataType, data: bytes) -> Hidden:
        raise AssertionError("metadata of an extension type was interpreted")


def deep(depth: int) -> pa.DataType:
    kind: pa.DataType = pa.int64()
    for _ in range(depth):
        kind = pa.list_(kind)
    return kind


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", "b"]).dictionary_encode(),
        pa.array(["a"], pa.string_view()),
        pa.array([b"a"], pa.binary_view()),
        pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["a"])),
        pa.array([b"0123456789abcdef"], pa.uuid()),
        pa.array([None], deep(40)),
        pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
    ],
    ids=["dictionary", "string_view", "binary_view", "run_end", "uuid", "deep", "interval"],
)
@pytest.mark.attack(67, "types that were not agreed on, and nested too deep")
def test_types_outside_the_plain_ones_are_refused(column: pa.Array) -> None:
    table = pa.table({"x": column})
    with pytest.raises(RunnerMisbehaved):
        read(stream(table), table)


@pytest.mark.attack(67, "an extension type with a pickle in it")
def test_an_extension_type_is_refused_before_it_is_interpreted() -> None:
    table = pa.table({"x": pa.ExtensionArray.from_storage(Hidden(), pa.array([1]))})
    body = stream(table)
    for registered in (False, True):
        if registered:
            pa.register_extension_type(Hidden())
        try:
            with pytest.raises(RunnerMisbehaved, match="metadata"):
                read(body, table)
        finally:
            if registered:
                pa.unregister_extension_type("test.hidden")


@pytest.mark.attack(50, "more rows, bytes and columns than asked for, sent by the runner")
def test_limits_hold_on_the_host_too() -> None:
    many = pa.table({"x": range(1001)})
    with pytest.raises(RunnerMisbehaved, match="rows"):
        read(stream(many), many, max_rows=1000)
    with pytest.raises(RunnerMisbehaved, match="bytes"):
        read(stream(many), many, max_bytes=1000)
    wide = pa.table({f"c{i}": [1] for i in range(11)})
    with pytest.raises(RunnerMisbehaved, match="columns"):
        read(stream(wide), wide, max_columns=10)


@pytest.mark.attack(70, "columns other than announced, or twice")
def test_columns_must_be_those_announced_and_unique() -> None:
    with pytest.raises(RunnerMisbehaved):
        read_table(stream(TABLE), Limits(), [Column("other", "")])
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(RunnerMisbehaved):
        read(stream(twice), twice)


def touch(table: pa.Table) -> None:
    """Read every value; a date outside Python's calendar is valid Arrow all the same."""
    for column in table.columns:
        for value in column:
            with contextlib.suppress(OverflowError, ValueError):
                value.as_py()


@pytest.mark.attack(65, "ten thousand mutations of an Arrow stream")
def test_ten_thousand_mutations_are_refused_or_valid() -> None:
    good = bytearray(stream(TABLE))
    chance = random.Random(20_261)
    refused = 0
    for _ in range(10_000):
        bad = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(bad))
            match chance.randrange(4):
                case 0:
                    bad[place] = chance.randrange(256)
                case 1:
                    bad[place : place + 4] = chance.randbytes(4)
                case 2:
                    del bad[place : place + chance.randint(1, 16)]
                case _:
                    bad[place : place + 8] = (2 ** chance.randrange(64)).to_bytes(8, "little")
        try:
            touch(read(bytes(bad)))
        except RunnerMisbehaved:
            refused += 1
    assert refused > 5_000
