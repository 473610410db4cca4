"""Arrow to the wire: plain types, caps that hold exactly, names, progress."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from csvanalyst_ext.protocol import Limits
from runner import plain, wire
from tests.support.requests import Collected


def send(table: pa.Table, limits: Limits | None = None, **more: Any) -> tuple[wire.Delivered, pa.Table, Collected]:
    collected = Collected()
    delivered = wire.send_table(iter(table.to_batches()), table.schema, limits or Limits(), collected.sink, **more)
    sent = collected.table()
    assert sent is not None
    return delivered, sent, collected


def sent_column(array: pa.Array) -> pa.ChunkedArray:
    return send(pa.table({"x": array}))[1].column("x")


NUMBERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
KEPT = [
    *NUMBERS, pa.float32(), pa.float64(), pa.bool_(), pa.string(), pa.binary(), pa.date32(), pa.time64("us"),
    pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("us", "Europe/Berlin"),
    pa.duration("ms"), pa.decimal128(38, 10), pa.null(), pa.list_(pa.int64()), pa.struct([("a", pa.string())]),
    pa.map_(pa.string(), pa.int32()), pa.list_(pa.struct([("l", pa.list_(pa.float64()))])),
]  # fmt: skip


@pytest.mark.parametrize("kind", KEPT, ids=str)
def test_a_plain_type_stays_as_it_is(kind: pa.DataType) -> None:
    assert sent_column(pa.nulls(3, kind)).type.equals(kind)


CHANGED = {
    "float16": (pa.array([1.5, None], pa.float16()), pa.float32(), [1.5, None]),
    "large_string": (pa.array(["ä", None], pa.large_string()), pa.string(), ["ä", None]),
    "string_view": (pa.array(["ä", None], pa.string_view()), pa.string(), ["ä", None]),
    "binary_view": (pa.array([b"a", None], pa.binary_view()), pa.binary(), [b"a", None]),
    "fixed_binary": (pa.array([b"ab", None], pa.binary(2)), pa.binary(), [b"ab", None]),
    "dictionary": (pa.array(["a", None, "a"]).dictionary_encode(), pa.string(), ["a", None, "a"]),
    "run_ends": (pa.RunEndEncodedArray.from_arrays([2, 3], ["x", "y"]), pa.string(), ["x", "x", "y"]),
    "date64": (pa.array([datetime.date(2024, 2, 29)], pa.date64()), pa.date32(), [datetime.date(2024, 2, 29)]),
    "time32": (pa.array([datetime.time(1, 2)], pa.time32("s")), pa.time64("us"), [datetime.time(1, 2)]),
    "time64_ns": (pa.array([datetime.time(1, 2)], pa.time64("ns")), pa.time64("us"), [datetime.time(1, 2)]),
    "decimal32": (
        pa.array([decimal.Decimal("1.5")], pa.decimal32(5, 2)),
        pa.decimal128(5, 2),
        [decimal.Decimal("1.5")],
    ),
    "decimal256": (pa.array([decimal.Decimal(2)], pa.decimal256(60, 0)), pa.float64(), [2.0]),
    "large_list": (pa.array([[1], None, []], pa.large_list(pa.int8())), pa.list_(pa.int8()), [[1], None, []]),
    "list_view": (pa.array([[1], None, []], pa.list_view(pa.int8())), pa.list_(pa.int8()), [[1], None, []]),
    "fixed_list": (pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), pa.list_(pa.int8()), [[1, 2], None]),
    "list_of_dictionary": (
        pa.array([["a"], None, ["b", None]], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
        pa.list_(pa.string()),
        [["a"], None, ["b", None]],
    ),
    "struct_of_views": (
        pa.array([{"a": "x"}, None], pa.struct([("a", pa.string_view())])),
        pa.struct([("a", pa.string())]),
        [{"a": "x"}, None],
    ),
    "map_of_large": (
        pa.array([[("k", ["v"])], None, []], pa.map_(pa.large_string(), pa.large_list(pa.string()))),
        pa.map_(pa.string(), pa.list_(pa.string())),
        [[("k", ["v"])], None, []],
    ),
    "uuid": (
        pa.array([uuid.UUID(int=7).bytes, None], pa.binary(16)).cast(pa.uuid()),
        pa.string(),
        [str(uuid.UUID(int=7)), None],
    ),
    "json": (pa.array(['{"a":1}'], pa.string()).cast(pa.json_()), pa.string(), ['{"a":1}']),
    "bool8": (pa.array([0, 1, None], pa.int8()).cast(pa.bool8()), pa.bool_(), [False, True, None]),
    "opaque": (
        pa.ExtensionArray.from_storage(pa.opaque(pa.binary(), "odd", "vendor"), pa.array([b"x"])),
        pa.binary(),
        [b"x"],
    ),
    "calendar_interval": (
        pa.array([pa.MonthDayNano([1, 2, 3_500_000_000]), None], pa.month_day_nano_interval()),
        pa.string(),
        ["1 months 2 days 3.5 seconds", None],
    ),
    "struct_without_fields": (pa.array([{}, None], pa.struct([])), pa.string(), ["{}", None]),
    "union": (
        pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]),
        pa.string(),
        ["1", "b"],
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_another_type_becomes_the_nearest_plain_one(name: str) -> None:
    array, kind, values = CHANGED[name]
    column = sent_column(array)
    assert column.type.equals(kind)
    assert column.to_pylist() == values


@pytest.mark.parametrize("name", CHANGED)
def test_a_slice_becomes_plain_too(name: str) -> None:
    array, _, values = CHANGED[name]
    assert (
        sent_column(pa.concat_arrays([array, array]).slice(1, len(values))).to_pylist()
        == (values * 2)[1:][: len(values)]
    )


def test_metadata_does_not_cross() -> None:
    schema = pa.schema([pa.field("x", pa.int64(), metadata={"a": "b"})], metadata={"pandas": "{}"})
    _, sent, _ = send(pa.table([[1]], schema=schema))
    assert sent.schema.metadata is None
    assert sent.schema.field("x").metadata is None


def nested(depth: int) -> pa.Array:
    array = pa.array([1])
    for _ in range(depth):
        array = pa.ListArray.from_arrays([0, 1], array)
    return array


def test_nesting_has_a_bound() -> None:
    assert send(pa.table({"x": nested(plain.MAX_DEPTH)}))[0].row_count == 1
    with pytest.raises(wire.NotPlain) as caught:
        send(pa.table({"x": nested(plain.MAX_DEPTH + 1)}))
    assert caught.value.code == "result_too_deep"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["a", "a", "a"], ["a", "a_1", "a_2"]),
        (["a", "a", "a_1"], ["a", "a_2", "a_1"]),
        (["", "x", ""], ["column1", "x", "column3"]),
        (["", "column1"], ["column1_1", "column1"]),
        (["a", "A"], ["a", "A"]),
        (["n" * 300, "n" * 400], ["n" * 255, "n" * 253 + "_1"]),
    ],
)
def test_names_are_there_and_differ(given: list[str], expected: list[str]) -> None:
    assert plain.plain_names(given) == expected


@pytest.mark.parametrize(
    ("rows", "most", "count", "truncated"),
    [(10, 11, 10, ()), (10, 10, 10, ()), (10, 9, 9, ("rows",)), (10, 0, 0, ("rows",)), (0, 0, 0, ())],
)
def test_the_row_cap_is_exact(rows: int, most: int, count: int, truncated: tuple[str, ...]) -> None:
    delivered, sent, _ = send(pa.table({"x": range(rows)}), Limits(max_rows=most))
    assert (delivered.row_count, delivered.truncated) == (count, truncated)
    assert sent.column("x").to_pylist() == list(range(count))
    assert delivered.total_rows == (None if truncated else rows)


def test_a_full_last_batch_is_told_from_a_cut_one() -> None:
    batch = pa.record_batch({"x": [1, 2]})
    for following, truncated in ([], ()), ([pa.record_batch({"x": [3]})], ("rows",)):
        collected = Collected()
        batches = iter([batch, pa.record_batch({"x": pa.array([], pa.int64())}), *following])
        delivered = wire.send_table(batches, batch.schema, Limits(max_rows=2), collected.sink)
        assert (delivered.row_count, delivered.truncated) == (2, truncated)


def test_nothing_is_read_after_a_cut() -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"x": [1, 2, 3]})
        raise AssertionError("read on")

    delivered = wire.send_table(batches(), pa.schema([("x", pa.int64())]), Limits(max_rows=2), Collected().sink)
    assert delivered.truncated == ("rows",)


def test_a_total_known_beforehand_is_told() -> None:
    assert send(pa.table({"x": range(5)}), Limits(max_rows=2), total_rows=5)[0].total_rows == 5


def test_the_column_cap_keeps_the_first() -> None:
    delivered, sent, _ = send(pa.table({"a": [1], "b": [2], "c": [3]}), Limits(max_columns=2))
    assert delivered.truncated == ("columns",)
    assert [column.name for column in delivered.columns] == sent.column_names == ["a", "b"]
    assert delivered.total_rows == 1


@pytest.mark.parametrize("most", [600, 1_000, 4_321, 50_000])
def test_the_byte_cap_is_never_passed(most: int) -> None:
    delivered, sent, collected = send(pa.table({"x": ["y" * 100] * 1_000}), Limits(max_bytes=most))
    assert delivered.truncated == ("bytes",)
    assert len(collected.body) <= most
    assert delivered.row_count == sent.num_rows
    assert delivered.total_rows is None
    assert most - len(collected.body) < 600  # and is used


def test_a_row_above_the_byte_cap_is_left_out() -> None:
    delivered, sent, _ = send(pa.table({"x": ["y" * 9_000]}), Limits(max_bytes=5_000))
    assert (delivered.row_count, sent.num_rows, delivered.truncated) == (0, 0, ("bytes",))


def test_names_above_the_byte_cap_are_an_error() -> None:
    with pytest.raises(wire.NotPlain) as caught:
        send(pa.table({f"{i:0200}": [1] for i in range(50)}), Limits(max_bytes=2_000))
    assert caught.value.code == "result_too_wide"


def test_a_long_cell_is_cut_at_a_whole_character() -> None:
    cells = ["a" + "ä" * plain.MAX_CELL, "short", None]
    delivered, sent, _ = send(pa.table({"x": cells, "y": [b"b" * (plain.MAX_CELL + 5), b"", None]}))
    assert delivered.truncated == ("cells",)
    text, short, missing = sent.column("x").to_pylist()
    assert text == "a" + "ä" * ((plain.MAX_CELL - 1) // 2)
    assert (short, missing) == ("short", None)
    assert [None if y is None else len(y) for y in sent.column("y").to_pylist()] == [plain.MAX_CELL, 0, None]


def test_a_long_cell_inside_a_list_is_cut() -> None:
    delivered, sent, _ = send(pa.table({"x": [["z" * (plain.MAX_CELL + 1)]]}))
    assert delivered.truncated == ("cells",)
    assert len(sent.column("x")[0].as_py()[0]) == plain.MAX_CELL


def wide(*values: int | None) -> pa.Table:
    """128-bit integers as the engine exports them: the raw number under a 38-digit label."""
    raw = b"".join((value or 0).to_bytes(16, "little", signed=True) for value in values)
    mask = pa.array([value is not None for value in values], pa.bool_()).buffers()[1]
    return pa.table({"x": pa.Array.from_buffers(pa.decimal128(38, 0), len(values), [mask, pa.py_buffer(raw)])})


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((1, -5, None), pa.int64()),
        ((2**63 - 1, -(2**63)), pa.int64()),
        ((2**63,), pa.decimal128(38, 0)),
        ((10**38 - 1, None), pa.decimal128(38, 0)),
        ((10**38,), pa.float64()),
        ((-(2**127), 1), pa.float64()),
        ((), pa.int64()),
    ],
)
def test_a_wide_integer_takes_the_first_type_that_fits(values: tuple[int | None, ...], kind: pa.DataType) -> None:
    delivered, sent, _ = send(wide(*values), wide=[0], types=["HUGEINT"])
    assert sent.column("x").type == kind
    assert sent.column("x").to_pylist() == [
        None if v is None else (float(v) if kind == pa.float64() else v) for v in values
    ]
    assert delivered.columns[0].type == "HUGEINT"


def test_a_long_run_of_wide_integers_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "HEAD_BYTES", 20)
    batches = [wide(1).to_batches()[0], wide(2).to_batches()[0], wide(2**70).to_batches()[0]]
    collected = Collected()
    wire.send_table(iter(batches), batches[0].schema, Limits(), collected.sink, wide=[0])
    sent = collected.table()
    assert sent is not None
    assert sent.column("x").to_pylist() == [1, 2, 2**70]


def test_a_decimal_that_is_no_wide_integer_stays_decimal() -> None:
    assert send(pa.table({"x": pa.array([decimal.Decimal(1)], pa.decimal128(38, 0))}))[1].column(
        "x"
    ).type == pa.decimal128(38, 0)


def test_a_decimal_of_a_scale_that_no_number_has_stays_in_the_sandbox() -> None:
    odd = pa.Array.from_buffers(pa.decimal128(9, 236), 1, [None, pa.py_buffer(b"\1" + b"\0" * 15)])
    with pytest.raises(wire.NotPlain):
        send(pa.table({"x": odd}))


def test_not_finite_numbers_cross() -> None:
    values = sent_column(pa.array([float("inf"), float("-inf"), float("nan")])).to_pylist()
    assert values[:2] == [float("inf"), float("-inf")]
    assert np.isnan(values[2])


def test_no_rows_and_no_columns_are_tables_too() -> None:
    delivered, sent, _ = send(pa.table({"x": pa.array([], pa.int64())}))
    assert (delivered.row_count, delivered.total_rows, sent.num_columns) == (0, 0, 1)
    delivered, sent, _ = send(pa.table({}))
    assert (delivered.columns, delivered.row_count, sent.num_columns) == ((), 0, 0)


def test_types_are_named_as_duckdb_names_them() -> None:
    table = pa.table({"a": [1], "b": [["x"]], "c": [{"k": 1.5}], "d": pa.array([0], pa.timestamp("us", "UTC"))})
    names = [column.type for column in send(table)[0].columns]
    assert names == ["BIGINT", "VARCHAR[]", 'STRUCT("k" DOUBLE)', "TIMESTAMP WITH TIME ZONE"]


def test_a_large_batch_leaves_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PIECE_BYTES", 4_000)
    _, sent, _ = send(pa.table({"x": range(10_000)}))
    assert sent.column("x").num_chunks > 10
    assert sent.column("x").to_pylist() == list(range(10_000))


def test_nothing_is_compressed_and_no_dictionary_is_sent() -> None:
    table = pa.table({"x": pa.array(["same"] * 5_000).dictionary_encode()})
    _, sent, collected = send(table)
    assert len(collected.body) > 5_000 * 4
    assert sent.schema.field("x").type == pa.string()


def test_progress_is_told_by_the_clock() -> None:
    ticks = iter(range(100))
    batches = [pa.record_batch({"x": [i]}) for i in range(5)]
    collected = Collected()
    wire.send_table(iter(batches), batches[0].schema, Limits(), collected.sink, clock=lambda: float(next(ticks)))
    assert collected.progress == 5
    still = Collected()
    wire.send_table(iter(batches), batches[0].schema, Limits(), still.sink, clock=lambda: 0.0)
    assert still.progress == 0
