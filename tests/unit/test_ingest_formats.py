"""JSON, Parquet and Arrow sources."""

from __future__ import annotations

import gzip
import io
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.messy.reading import MIB, fault, ingest, run

# --- JSON -----------------------------------------------------------------------------------------------


def test_json_lines_become_columns_in_order_of_appearance() -> None:
    result = ingest('{"a":1,"b":"x"}\n{"a":2,"c":true}\n', "json")
    assert result.names == ["a", "b", "c"]
    assert result.rows == [(1, "x", None), (2, None, True)]


def test_a_json_array_gives_the_same_rows_as_lines() -> None:
    rows = ingest('[{"a":1,"b":"x"},\n {"a":2.5}]', "json").rows
    assert rows == [(1.0, "x"), (2.5, None)]


def test_nested_values_keep_their_structure() -> None:
    result = ingest('{"a":[1,2],"b":{"x":1,"y":"q"}}\n{"a":[],"b":{"x":2}}\n', "json")
    assert result.types == ["BIGINT[]", "STRUCT(x BIGINT, y VARCHAR)"]
    assert result.rows == [([1, 2], {"x": 1, "y": "q"}), ([], {"x": 2, "y": None})]


def test_a_key_that_appears_only_far_down_is_a_column() -> None:
    text = '{"a":1}\n' * 50_000 + '{"a":2,"late":"x"}\n'
    result = ingest(text, "json")
    assert result.rows == [(1, None)] * 50_000 + [(2, "x")]


def test_a_type_that_changes_far_down_loses_nothing() -> None:
    result = ingest('{"a":1}\n' * 50_000 + '{"a":"x"}\n', "json")
    assert result.rows == [("1",)] * 50_000 + [("x",)]


def test_values_of_different_kinds_become_json_text() -> None:
    assert ingest('{"a":1}\n{"a":{"b":2}}\n', "json").rows == [("1",), ('{"b":2}',)]


def test_texts_of_digits_stay_texts() -> None:
    assert ingest('{"zip":"01234","n":"5"}\n', "json").rows == [("01234", "5")]


def test_dates_in_json_texts_are_dates() -> None:
    assert ingest('{"d":"2013-01-31"}\n{"d":null}\n', "json").rows == [(date(2013, 1, 31),), (None,)]


def test_json_times_with_an_offset_become_instants() -> None:
    result = ingest('{"t":"2013-01-01T10:00:00+02:00"}\n', "json")
    assert result.rows == [(datetime(2013, 1, 1, 8, tzinfo=UTC),)]


@pytest.mark.parametrize("number", [12345678901234567890, 9007199254740993, 10**30])
def test_large_integers_are_exact(number: int) -> None:
    result = ingest(f'{{"a":{number}}}\n{{"a":1}}\n', "json")
    assert [Decimal(row[0]) for row in result.rows] == [Decimal(number), Decimal(1)]


def test_large_integers_beside_fractions_are_exact_as_text() -> None:
    assert ingest('{"a":9007199254740993}\n{"a":1.5}\n', "json").rows == [("9007199254740993",), ("1.5",)]


def test_keys_that_differ_in_case_are_two_columns() -> None:
    result = ingest('{"a":1,"A":"x"}\n{"a":2,"A":"y"}\n', "json")
    assert result.names == ["a", "A_2"]
    assert result.rows == [(1, "x"), (2, "y")]


def test_blank_lines_between_records_do_not_matter() -> None:
    assert ingest('{"a":1}\n\n  \n{"a":2}\n', "json").rows == [(1,), (2,)]


def test_a_record_over_several_lines_is_read() -> None:
    assert ingest('{\n "a": 1,\n "b": "x"\n}\n{"a": 2}\n', "json").rows == [(1, "x"), (2, None)]


def test_records_that_are_no_objects_become_one_column() -> None:
    assert ingest("1\n2\n", "json").rows == [(1,), (2,)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_json_in_other_encodings_is_read(encoding: str) -> None:
    assert ingest('{"a":"é"}\n'.encode(encoding), "json").rows == [("é",)]


def test_gzipped_json_is_read() -> None:
    assert ingest(gzip.compress(b'{"a":1}\n{"a":2}\n'), "json", compression="gzip").rows == [(1,), (2,)]


def test_half_a_surrogate_pair_is_replaced_and_that_is_said() -> None:
    result = ingest('{"a":"x\\ud800"}\n', "json")
    assert result.rows == [("x?",)]
    assert "surrogate" in result.notes


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"a":1}\n{"a":\n{"a":3}\n', 2),
        ('{"a":1}\n{"a":2}\nnonsense\n', 3),
        ('{"a":1}\n{"a":"x\n', 2),
        ('[{"a":1},\n{"a":2}', 2),
        ('[{"a":1}]\ntrailing', 2),
        ("{" * 5, 1),
        ("[" * 100_000, 1),
    ],
)
def test_broken_json_names_the_line(text: str, line: int) -> None:
    found = fault(text, "json")
    assert (found.code, found.details["lines"]) == ("json_broken", [line])


def test_broken_json_far_down_names_the_line() -> None:
    found = fault('{"a":"some text to make it longer"}\n' * 200_000 + '{"a":}\n' + '{"a":1}\n' * 10, "json")
    assert found.details["lines"] == [200_001]


@pytest.mark.parametrize("text", ["", "\n\n", "[]", "{}"])
def test_json_without_records_is_refused(text: str) -> None:
    assert fault(text, "json").code == "data_empty"


def test_json_with_too_many_keys_is_refused() -> None:
    text = "{" + ",".join(f'"k{i}":1' for i in range(5_000)) + "}"
    assert fault(text, "json").code == "data_too_many_columns"


def test_json_that_is_not_utf_8_names_the_line() -> None:
    found = fault(b'{"a":"x"}\n{"a":"\xff"}\n', "json")
    assert (found.code, found.details["lines"]) == ("data_encoding", [2])


# --- Parquet ----------------------------------------------------------------------------------------------


def table() -> pa.Table:
    return pa.table(
        {
            "i": pa.array([1, None, 3]),
            "text": pa.array(["x", "y", None]),
            "cat": pa.array(["p", "q", "p"]).dictionary_encode(),
            "list": pa.array([[1], [2, 3], None]),
            "struct": pa.array([{"x": 1}, {"x": None}, None]),
            "micro": pa.array([datetime(2020, 1, 1, 2, 3, 4, 5)] * 3, pa.timestamp("us")),
            "nano_even": pa.array([1_000, 2_000, None], pa.timestamp("ns")),
            "zoned": pa.array([datetime(2020, 1, 1, tzinfo=UTC)] * 3, pa.timestamp("us", "Europe/Berlin")),
            "money": pa.array([Decimal("1.50"), Decimal("-2.25"), None]),
            "day": pa.array([date(2020, 1, 1), None, date(1969, 1, 1)]),
            "flag": pa.array([True, False, None]),
            "small": pa.array([1.5, 2.5, None], pa.float32()),
            "unsigned": pa.array([2**64 - 1, 0, None], pa.uint64()),
            "bytes": pa.array([b"\x00\xff", b"", None]),
            "nothing": pa.nulls(3),
        }
    )


def rows_of(source: pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in source.to_pylist()]


def parquet(source: pa.Table, **how: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(source, out, **how)
    return out.getvalue()


def arrow(source: pa.Table, *, stream: bool = False) -> bytes:
    out = io.BytesIO()
    opened = pa.ipc.new_stream(out, source.schema) if stream else pa.ipc.new_file(out, source.schema)
    with opened as writer:
        writer.write_table(source, max_chunksize=2)
    return out.getvalue()


@pytest.mark.parametrize("compression", ["snappy", "zstd", "gzip", "none"])
def test_parquet_keeps_its_values(compression: str) -> None:
    source = table()
    assert ingest(parquet(source, compression=compression), "parquet").rows == rows_of(source)


def test_nanoseconds_that_matter_are_kept() -> None:
    source = pa.table({"t": pa.array([1_001, 5], pa.timestamp("ns"))})
    result = ingest(parquet(source), "parquet")
    assert result.types == ["TIMESTAMP_NS"]
    assert pq.read_table(io.BytesIO(result.parquet))["t"].cast(pa.int64()).to_pylist() == [1_001, 5]


def test_parquet_names_are_made_unique_and_that_is_said() -> None:
    source = pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "A", ""])
    result = ingest(parquet(source), "parquet")
    assert (result.names, result.rows) == (["a", "A_2", "column3"], [(1, 2, 3)])
    assert "more than once" in result.notes


def test_a_large_parquet_file_comes_through_in_order() -> None:
    source = pa.table({"i": list(range(200_000)), "t": [f"text {i}" for i in range(200_000)]})
    assert ingest(parquet(source), "parquet", memory=20 * MIB).rows == rows_of(source)


def test_parquet_without_rows_is_a_table_of_no_rows() -> None:
    assert ingest(parquet(table().slice(0, 0)), "parquet").rows == []


def test_parquet_with_too_many_columns_is_refused() -> None:
    source = pa.table({f"c{i}": [1] for i in range(5_000)})
    assert fault(parquet(source), "parquet").code == "data_too_many_columns"


@pytest.mark.parametrize("cut", [1, 8, 100])
def test_parquet_that_is_cut_off_is_refused(cut: int) -> None:
    assert fault(parquet(table())[:-cut], "parquet").code == "parquet_broken"


def test_a_forged_parquet_footer_is_refused() -> None:
    data = parquet(table())
    for footer in (b"\xff\xff\xff\x7f", b"\x00\x00\x00\x00", b"\x04\x00\x00\x00", b"\xff\xff\xff\xff"):
        assert fault(data[:-8] + footer + b"PAR1", "parquet").code == "parquet_broken"


def test_a_damaged_parquet_file_is_refused_or_read_but_never_crashes() -> None:
    data, rng = parquet(table()), random.Random(4)
    seen = set()
    for _ in range(40):
        broken = bytearray(data)
        for _ in range(rng.randrange(1, 6)):
            broken[rng.randrange(4, len(data) - 4)] = rng.randrange(256)
        reply = run(bytes(broken), "parquet").reply
        seen.add(reply.fault.code if reply.fault else "ok")
    assert "parquet_broken" in seen
    assert seen <= {"ok", "parquet_broken", "memory"}


def test_something_else_under_a_parquet_name_is_refused() -> None:
    assert fault(b"a,b\n1,2\n" * 10, "parquet").code == "parquet_broken"
    assert fault(b"", "parquet").code == "data_empty"


# --- Arrow ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_arrow_keeps_its_values(stream: bool) -> None:
    source = table()
    assert ingest(arrow(source, stream=stream), "arrow").rows == rows_of(source)


def test_categories_that_change_between_batches_are_right() -> None:
    parts = [pa.array(["a", "b"]).dictionary_encode(), pa.array(["c", "a"]).dictionary_encode()]
    source = pa.table({"k": pa.chunked_array(parts)})
    assert ingest(arrow(source, stream=True), "arrow").rows == [("a",), ("b",), ("c",), ("a",)]


def test_durations_become_seconds_and_that_is_said() -> None:
    source = pa.table({"d": pa.array([timedelta(days=1), timedelta(microseconds=1), None])})
    result = ingest(arrow(source), "arrow")
    assert result.rows == [(86_400.0,), (1e-06,), (None,)]
    assert "kept as seconds" in result.notes


def test_unusual_arrow_types_are_carried() -> None:
    source = pa.table(
        {
            "half": pa.array([1.5, None], pa.float16()),
            "wide": pa.array([Decimal("1.5"), None], pa.decimal256(40, 1)),
            "date64": pa.array([86_400_000, None], pa.date64()),
            "large": pa.array(["x", None], pa.large_string()),
            "view": pa.array(["y", None], pa.string_view()),
            "fixed": pa.array([b"ab", None], pa.binary(2)),
        }
    )
    rows = ingest(arrow(source), "arrow").rows
    assert rows == [(1.5, "1.5", date(1970, 1, 2), "x", "y", b"ab"), (None,) * 6]


def test_zoned_times_finer_than_a_microsecond_are_cut_and_that_is_said() -> None:
    source = pa.table({"t": pa.array([1_500], pa.timestamp("ns", "UTC"))})
    result = ingest(arrow(source), "arrow")
    assert result.rows == [(datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC),)]
    assert "finer than a microsecond" in result.notes


def test_an_arrow_table_without_rows_keeps_its_columns() -> None:
    result = ingest(arrow(table().slice(0, 0)), "arrow")
    assert (result.names, result.rows) == (table().column_names, [])


def test_an_arrow_table_without_columns_is_refused() -> None:
    assert fault(arrow(pa.table({})), "arrow").code == "data_empty"


@pytest.mark.parametrize("cut", [10, 300])
@pytest.mark.parametrize("stream", [False, True])
def test_arrow_that_is_cut_off_is_refused(cut: int, stream: bool) -> None:
    assert fault(arrow(table(), stream=stream)[:-cut], "arrow").code == "arrow_broken"


def test_damaged_arrow_is_refused_or_read_but_never_crashes() -> None:
    data, rng = arrow(table(), stream=True), random.Random(9)
    for _ in range(40):
        broken = bytearray(data)
        for _ in range(3):
            broken[rng.randrange(8, len(data))] = rng.randrange(256)
        reply = run(bytes(broken), "arrow").reply
        assert reply.status == "ok" or (reply.fault and reply.fault.code in {"arrow_broken", "data_empty"}), reply.fault


def test_a_gzip_of_a_columnar_format_is_refused() -> None:
    assert fault(gzip.compress(parquet(table())), "parquet", compression="gzip").code == "data_unreadable"


# --- Parquet kept as it is ----------------------------------------------------------------------------


@pytest.fixture
def _nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as large."""
    monkeypatch.setattr("runner.ingest_engine.HOLD_SHARE", 10**12)


def _written(table: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


_NUMBERS: Final = pa.table(
    {"id": list(range(30_000)), "word": [f"w{i % 7}" for i in range(30_000)], "x": [i / 4 for i in range(30_000)]}
)


@pytest.mark.usefixtures("_nothing_held")
@pytest.mark.parametrize("exact", [False, True])
def test_a_large_parquet_file_of_plain_columns_is_kept_as_it_is(exact: bool) -> None:
    result = ingest(_written(_NUMBERS, row_group_size=7_000), "parquet", exact=exact)
    assert result.reply.report["state"] == "as_is"
    assert result.reply.bodies == ()
    assert result.profile("word")["values"] == [f"w{i}" for i in range(7)]
    assert (result.profile("id")["minimum"], result.profile("id")["maximum"]) == ("0", "29999")


@pytest.mark.usefixtures("_nothing_held")
@pytest.mark.parametrize(
    "table",
    [
        pa.table({"a": [1, 2], "A": [3, 4]}),
        pa.table({" a": [1, 2]}),
        pa.table({"a": [{"b": 1}, {"b": 2}]}),
    ],
    ids=["names that differ in case", "a name with a blank", "nested values"],
)
def test_a_parquet_file_that_must_be_changed_is_written_anew(table: pa.Table) -> None:
    result = ingest(_written(table), "parquet", exact=True)
    assert result.reply.report["state"] != "as_is"
    assert len(result.rows) == 2


@pytest.mark.usefixtures("_nothing_held")
@pytest.mark.parametrize("place", [29_999, 13_999, 7_000])
def test_a_parquet_file_whose_statistics_lie_is_written_anew_with_true_ones(place: int) -> None:
    data = _written(_NUMBERS, row_group_size=7_000)
    footer = data.rindex(b"\x15", 0, len(data) - 8) - 3_000
    true, lie = place.to_bytes(8, "little"), (place + 1_000_000).to_bytes(8, "little")
    assert true in data[footer:]
    data = data[:footer] + data[footer:].replace(true, lie)
    result = ingest(data, "parquet", exact=True)
    assert result.reply.report["state"] != "as_is"
    assert [row[0] for row in result.rows] == list(range(30_000))
    extremes = pq.read_metadata(io.BytesIO(result.parquet)).row_group(0).column(0).statistics
    assert (extremes.min, extremes.max) == (0, 29_999)


@pytest.mark.usefixtures("_nothing_held")
def test_row_groups_of_different_sizes_are_written_anew() -> None:
    out = io.BytesIO()
    with pq.ParquetWriter(out, _NUMBERS.schema) as writer:
        for start, rows in ((0, 100), (100, 9_900), (10_000, 20_000)):
            writer.write_table(_NUMBERS.slice(start, rows))
    result = ingest(out.getvalue(), "parquet", exact=True)
    assert result.reply.report["state"] != "as_is"
    assert len(result.rows) == 30_000


@pytest.mark.usefixtures("_nothing_held")
def test_a_large_parquet_file_with_a_damaged_page_is_refused() -> None:
    data = bytearray(_written(_NUMBERS, compression="snappy"))
    data[40:4_000] = bytes(3_960)
    assert fault(bytes(data), "parquet").code == "parquet_broken"
    assert fault(bytes(data), "parquet", exact=True).code == "parquet_broken"
