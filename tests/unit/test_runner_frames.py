"""DataFrames by way of Arrow are those that the engine itself would make."""

from __future__ import annotations

import duckdb
import pandas as pd
import pytest

from runner import frames

VALUES = {
    "boolean": "true", "tinyint": "1::TINYINT", "bigint": "2::BIGINT", "usmallint": "3::USMALLINT",
    "ubigint": "18446744073709551615::UBIGINT", "float": "1.5::FLOAT", "double": "1.5::DOUBLE",
    "decimal": "12.25::DECIMAL(10, 2)", "hugeint": "7::HUGEINT", "varchar": "'Zürich'", "date": "DATE '2020-02-29'",
    "timestamp": "TIMESTAMP '2020-01-01 01:02:03'", "nanoseconds": "'2020-01-01'::TIMESTAMP_NS",
    "zoned": "TIMESTAMPTZ '2020-01-01 00:00:00+00'", "time": "TIME '01:02:03'", "blob": "'a'::BLOB",
    "list": "[1, 2]", "struct": "{'a': 1}", "enum": "'x'::ENUM('x', 'y')", "null": "NULL",
}  # fmt: skip


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
@pytest.mark.parametrize(
    "more", ["", " UNION ALL SELECT NULL", " UNION ALL SELECT x FROM (SELECT NULL) t(x), range(3)"]
)
def test_a_frame_is_what_the_engine_makes_of_it(value: str, more: str) -> None:
    with duckdb.connect() as connection:
        sql = f"SELECT {value} AS x{more}"
        pd.testing.assert_frame_equal(frames.of(connection.sql(sql)), connection.sql(sql).df())


def test_columns_of_one_name_and_no_rows_are_kept() -> None:
    with duckdb.connect() as connection:
        frame = frames.of(connection.sql("SELECT i, 'x' AS i, 1.5 AS y FROM range(3) t(i) WHERE i > 7"))
    assert len(frame.columns) == 3
    assert frame.empty


def test_a_date_that_pandas_cannot_hold_is_an_error_of_the_engine() -> None:
    with duckdb.connect() as connection, pytest.raises(duckdb.ConversionException):
        frames.of(connection.sql("SELECT DATE 'infinity' AS d"))


def test_the_engines_errors_stay_what_they_are() -> None:
    with duckdb.connect() as connection, pytest.raises(duckdb.ConversionException):
        frames.of(connection.sql("SELECT x::INT FROM (VALUES ('a')) t(x)"))
