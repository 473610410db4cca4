"""Arrow cells as JSON values, as text, as frames and as files."""

import datetime as dt
import json
from decimal import Decimal

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from csvanalyst_ext.rendering import values


def one(array):
    return values.json_rows(pa.table({"c": array}))[0][0]


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([None], pa.int64()), None),
        (pa.array([True]), True),
        (pa.array([2**62]), 2**62),
        (pa.array([1.5]), 1.5),
        (pa.array([float("nan")]), None),
        (pa.array([float("inf")]), None),
        (pa.array([Decimal(10**30)], pa.decimal128(38, 0)), 10**30),
        (pa.array([Decimal("1.50")], pa.decimal128(10, 2)), 1.5),
        (pa.array([dt.date(2013, 1, 31)]), "2013-01-31"),
        (pa.array([dt.datetime(2013, 1, 31, 5, 30)], pa.timestamp("us")), "2013-01-31T05:30:00"),
        (pa.array([0], pa.timestamp("ns", "UTC")), "1970-01-01T00:00:00+00:00"),
        (pa.array([dt.time(5, 30)]), "05:30:00"),
        (pa.array([dt.timedelta(days=1, seconds=5)], pa.duration("us")), "P1DT5S"),
        (pa.array([dt.timedelta(0)], pa.duration("ns")), "PT0S"),
        (pa.array([pa.MonthDayNano([14, 3, 1_500_000_000])]), "P14M3DT1.5S"),
        (pa.array([pa.MonthDayNano([0, 0, -1_500_000_000])]), "PT-1.5S"),
        (pa.array([b"\xff\x00"]), "/wA="),
        (pa.array([[1, None]]), [1, None]),
        (pa.array([{"a": 1, "b": [dt.date(2013, 1, 1)]}]), {"a": 1, "b": ["2013-01-01"]}),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), {"k": 1}),
        (pa.array([[(1, "v")]], pa.map_(pa.int64(), pa.string())), [[1, "v"]]),
        (pa.array([10**9], pa.date32()), "<value out of range: 1000000000>"),
    ],
    ids=str,
)
def test_every_type_has_a_plain_json_value(array, expected):
    assert one(array) == expected
    json.dumps(one(array), allow_nan=False)


def test_one_date_that_python_lacks_does_not_change_the_others():
    table = pa.table({"t": pa.array([0, 2**62, None], pa.timestamp("us"))})
    rows = values.json_rows(table)
    assert (rows[0], rows[2]) == (["1970-01-01T00:00:00"], [None])
    assert isinstance(rows[1][0], str)


def test_a_table_without_rows_or_columns_has_no_rows():
    assert values.json_rows(pa.table({"a": pa.array([], pa.int64())})) == []
    assert values.json_rows(pa.table({})) == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "NULL"),
        (True, "true"),
        (2013, "2013"),
        (12.639070257, "12.6391"),
        (12.0, "12.0"),
        (1e-7, "1e-07"),
        (1.5e300, "1.5e+300"),
        (float("nan"), "NaN"),
        (float("-inf"), "-∞"),
        (Decimal("1E+3"), "1000"),
        (b"a\xff", "a\\xff"),
        ([1, "x"], '[1, "x"]'),
        (dt.datetime(2013, 1, 1, 5), "2013-01-01 05:00:00"),
    ],
)
def test_cells_are_shown_in_one_short_line(value, shown):
    assert values.show(value) == shown


# --- frames ---------------------------------------------------------------------------------------


def test_whole_decimals_that_fit_are_integers_and_other_decimals_are_floats():
    table = pa.table(
        {
            "sum": pa.array([Decimal(5), Decimal(7)], pa.decimal128(38, 0)),
            "money": pa.array([Decimal("1.25"), None], pa.decimal128(10, 2)),
            "huge": pa.array([Decimal(2**70), None], pa.decimal128(38, 0)),
        }
    )
    assert values.to_pandas(table).dtypes.astype(str).to_dict() == {
        "sum": "int64",
        "money": "float64",
        "huge": "float64",
    }
    assert values.to_polars(table).dtypes == [pl.Int64, pl.Float64, pl.Float64]


def test_an_integer_with_nulls_stays_an_integer():
    frame = values.to_pandas(pa.table({"n": pa.array([2**60 + 1, None]), "b": pa.array([True, None])}))
    assert (str(frame["n"].dtype), frame["n"][0], str(frame["b"].dtype)) == ("Int64", 2**60 + 1, "boolean")


def test_an_integer_without_nulls_is_numpys():
    assert str(values.to_pandas(pa.table({"n": [1]}))["n"].dtype) == "int64"


def test_dates_are_datetimes_also_far_ones():
    frame = values.to_pandas(pa.table({"d": pa.array([dt.date(9999, 1, 1), None])}))
    assert str(frame["d"].dtype).startswith("datetime64")


def test_the_metadata_of_a_table_does_not_steer_the_conversion():
    hostile = pa.table({"a": [1]}).replace_schema_metadata(
        {"pandas": json.dumps({"index_columns": ["a"], "columns": []})}
    )
    assert list(values.to_pandas(hostile).columns) == ["a"]


def test_columns_with_one_name_keep_their_values():
    table = pa.Table.from_arrays([pa.array([1, None]), pa.array(["x", "y"])], names=["a", "a"])
    frame = values.to_pandas(table)
    assert (frame.iloc[0, 0], frame.iloc[0, 1]) == (1, "x")


def test_polars_takes_intervals_as_text():
    frame = values.to_polars(pa.table({"i": pa.array([pa.MonthDayNano([1, 0, 0]), None])}))
    assert frame["i"].to_list() == ["P1M", None]


def test_bind_gives_the_kind_that_was_asked_for():
    table = pa.table({"a": [1]})
    assert isinstance(values.bind(table, "pandas"), pd.DataFrame)
    assert isinstance(values.bind(table, "polars"), pl.DataFrame)
    assert values.bind(table, "arrow") is table
