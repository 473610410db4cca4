"""Names of tables can be written in SQL as they are, and no two are the same."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csvanalyst_ext.datasets.naming import MAX_NAME, RESERVED, check_name, table_name, table_names
from csvanalyst_ext.errors import UsageError


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("flights", "flights"),
        ("Sales 2024", "sales_2024"),
        ("2024 sales", "t_2024_sales"),
        ("a--b..c", "a_b_c"),
        ("  ", "data"),
        ("", "data"),
        ("***", "data"),
        ("Größe", "größe"),
        ("売上", "売上"),
        ("ｆｕｌｌ", "full_data"),
        ("order", "order_data"),
        ("Table", "table_data"),
        ("left", "left_data"),
        ("r1", "r1_data"),
        ("R22", "r22_data"),
        ("r2d2", "r2d2"),
        ("duckdb_tables", "t_duckdb_tables"),
        ("a\u202eb\u200b", "a_b"),
        ("x'; DROP TABLE y; --", "x_drop_table_y"),
    ],
)
def test_a_stem_becomes_a_readable_name(stem: str, name: str) -> None:
    assert table_name(stem) == name


def test_names_that_collide_are_numbered() -> None:
    assert table_names(["a b", "A_B", "a-b", "c"]) == ("a_b", "a_b_2", "a_b_3", "c")


def test_names_that_differ_only_in_case_collide() -> None:
    assert table_name("sales", ["SALES", "sales_2"]) == "sales_3"


def test_reserved_are_the_words_that_the_engine_reserves(engine: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function')"
    assert {word for (word,) in engine.execute(query).fetchall()} <= RESERVED


@settings(deadline=None)
@given(stem=st.text(max_size=80))
def test_every_name_can_be_used_without_quotes(engine: duckdb.DuckDBPyConnection, stem: str) -> None:
    name = table_name(stem)
    assert len(name) <= MAX_NAME
    assert check_name(name) == name
    engine.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT 1 AS x")
    assert engine.execute(f"SELECT {name}.x FROM {name}").fetchall() == [(1,)]


@pytest.mark.parametrize("name", ["sales", "Sales_2024", "_x", "größe"])
def test_a_good_name_is_taken_as_given(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "bad_name"),
        ("my table", "bad_name"),
        ("1st", "bad_name"),
        ("a.b", "bad_name"),
        ('"a"', "bad_name"),
        ("a\u202eb", "bad_name"),
        ("x" * 64, "bad_name"),
        ("select", "reserved_name"),
        ("SELECT", "reserved_name"),
        ("r3", "reserved_name"),
        ("R3", "reserved_name"),
        ("pg_catalog", "reserved_name"),
        ("Flights", "name_taken"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused_with_one_that_can(name: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_name(name, ["flights"])
    assert caught.value.code == code
    suggestion = caught.value.hint.split("'")[1]
    assert check_name(suggestion, ["flights"]) == suggestion
