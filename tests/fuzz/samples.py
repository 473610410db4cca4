"""Honest tables, of every type and shape that may cross the boundary, and of those that may not.  Pure."""

from __future__ import annotations

import datetime as dt
import decimal
import io
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pyarrow as pa

PLAIN: tuple[pa.DataType, ...] = (
    pa.null(), pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(),
    pa.uint64(), pa.float32(), pa.float64(), pa.decimal128(38, 0), pa.decimal128(9, 4), pa.string(), pa.large_string(),
    pa.binary(), pa.large_binary(), pa.date32(), pa.time64("us"), pa.timestamp("s"), pa.timestamp("ms"),
    pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("us", "UTC"), pa.timestamp("ns", "Europe/Berlin"),
    pa.timestamp("us", "+02:00"), pa.duration("us"), pa.duration("ns"),
)  # fmt: skip

_MAKERS: Mapping[str, Callable[[int], Any]] = {
    "bool": lambda i: i % 2 == 0,
    "decimal128(38, 0)": lambda i: decimal.Decimal(i * 10**30),
    "decimal128(9, 4)": lambda i: decimal.Decimal(i).scaleb(-4),
    "string": lambda i: f"wörd {i}" if i % 3 else f"word {i}",
    "large_string": lambda i: "abc" * (i % 4),
    "binary": lambda i: bytes((i % 256,)) * (i % 5),
    "large_binary": lambda i: bytes((i % 256,)),
    "date32[day]": lambda i: dt.date(2024, 1, 1) + dt.timedelta(i),
    "time64[us]": lambda i: dt.time(i % 24, 1, 2, 3),
}


def array(kind: pa.DataType, rows: int) -> pa.Array:
    """``rows`` values of a plain type, every seventh of them missing."""
    if pa.types.is_null(kind):
        return pa.nulls(rows)
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        numbers = pa.array([None if i % 7 == 6 else i * 1_000_003 for i in range(rows)], pa.int64())
        return numbers.view(kind)
    make = _MAKERS.get(str(kind), lambda i: i % 100)
    return pa.array([None if i % 7 == 6 else make(i) for i in range(rows)], kind)


def _nested(rows: int) -> dict[str, pa.Array]:
    numbers = [None if i % 5 == 4 else list(range(i % 4)) for i in range(rows)]
    return {
        "list": pa.array(numbers, pa.list_(pa.int64())),
        "large_list": pa.array(numbers, pa.large_list(pa.int32())),
        "list_text": pa.array([[f"é{n}" for n in item or ()] for item in numbers], pa.list_(pa.string())),
        "struct": pa.array([None if i % 5 == 4 else {"p": i / 2, "q": str(i)} for i in range(rows)]),
        "map": pa.array([[("k", i)] * (i % 3) for i in range(rows)], pa.map_(pa.string(), pa.int64())),
        "deep": pa.array([[[{"a": [i]}]] for i in range(rows)]),
        "list_null": pa.array([[None] * (i % 3) for i in range(rows)], pa.list_(pa.null())),
        "list_time": pa.array([[i] for i in range(rows)], pa.list_(pa.int64())).cast(pa.list_(pa.timestamp("us"))),
    }


@cache
def honest() -> Mapping[str, pa.Table]:
    """Tables that must pass unchanged."""
    every = {str(kind): array(kind, 40) for kind in PLAIN}
    tables = {f"one {kind}": pa.table({"x": array(kind, 9)}) for kind in PLAIN}
    tables |= {f"nested {name}": pa.table({"x": values}) for name, values in _nested(11).items()}
    tables["every type"] = pa.table({**every, **_nested(40)})
    tables["no rows"] = tables["every type"].slice(0, 0)
    tables["no columns"] = pa.table({})
    tables["many batches"] = pa.concat_tables([tables["every type"].slice(i, 3) for i in range(0, 39, 3)])
    tables["wide"] = pa.table({f"c{i}": [i] for i in range(300)})
    tables["long"] = pa.table({"i": range(4000), "s": [f"value {i}" for i in range(4000)]})
    tables["long text"] = pa.table(
        {"s": ["ä" * (i % 50) for i in range(400)], "t": ["a" * (i % 50) for i in range(400)]}
    )
    tables["odd names"] = pa.table({name: [1] for name in ("", " ", "\u202e", "<b>", "é", "x" * 255, "a\nb", "=1+1")})
    return tables


@cache
def refused() -> Mapping[str, pa.Table]:
    """Valid tables of types that an honest runner never sends."""
    inner: pa.DataType = pa.int64()
    for _ in range(40):
        inner = pa.list_(inner)
    two = {"a": pa.array([1]), "b": pa.array([2])}
    arrays = {
        "dictionary": pa.array(["a", "b", "a"]).dictionary_encode(),
        "dictionary in list": pa.ListArray.from_arrays([0, 2], pa.array(["a", "b"]).dictionary_encode()),
        "string view": pa.array(["a", "b" * 100], pa.string_view()),
        "binary view": pa.array([b"a"], pa.binary_view()),
        "list view": pa.array([[1]], pa.list_view(pa.int64())),
        "run ends": pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["a"])),
        "uuid": pa.array([b"0123456789abcdef"], pa.uuid()),
        "interval": pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
        "fixed binary": pa.array([b"ab"], pa.binary(2)),
        "fixed list": pa.array([[1, 2]], pa.list_(pa.int64(), 2)),
        "half": pa.array([1.0], pa.float16()),
        "decimal256": pa.array([1]).cast(pa.decimal256(40, 0)),
        "date64": pa.array([86_400_000], pa.int64()).view(pa.date64()),
        "time32": pa.array([1], pa.int32()).view(pa.time32("s")),
        "time64 ns": pa.array([1], pa.int64()).view(pa.time64("ns")),
        "dense union": pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])]),
        "sparse union": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]),
        "too deep": pa.array([None], inner),
        "names twice": pa.StructArray.from_arrays(list(two.values()), ["a", "a"]),
        "no zone": pa.array([1], pa.int64()).view(pa.timestamp("us", "../../etc/passwd")),
        "long zone": pa.array([1], pa.int64()).view(pa.timestamp("us", "A" * 100_000)),
    }
    tables = {name: pa.table({"x": values}) for name, values in arrays.items()}
    tables["twice"] = pa.Table.from_arrays(list(two.values()), names=["x", "x"])
    tables["too wide"] = pa.table({f"c{i}": [i] for i in range(301)})
    tables["too long"] = pa.table({"x": range(5001)})
    tables["too large"] = pa.table({"x": ["x" * 1_000_000]})
    tables["long name"] = pa.table({"n" * 256: [1]})
    tables["metadata"] = pa.table({"x": [1]}).replace_schema_metadata({"pandas": "{" * 1000})
    field = pa.field(
        "x", pa.int64(), metadata={"ARROW:extension:name": "arrow.uuid", "ARROW:extension:metadata": "c\n."}
    )
    tables["extension"] = pa.Table.from_arrays([pa.array([1])], schema=pa.schema([field]))
    field = pa.field("x", pa.int64(), metadata={"PARQUET:field_id": "1"})
    tables["field metadata"] = pa.Table.from_arrays([pa.array([1])], schema=pa.schema([field]))
    return tables


def stream(table: pa.Table, **options: Any) -> bytes:
    """``table`` as an IPC stream, as an honest runner writes it unless ``options`` say otherwise."""
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return buffer.getvalue()
