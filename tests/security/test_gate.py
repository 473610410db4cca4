"""What the gate says of a statement: verdicts, refusals, places, hints."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from runner import gate, gate_functions
from tests.security import corpus
from tests.support.tables import locked_connection

TABLES = list(corpus.TABLES)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with locked_connection(tmp_path_factory.mktemp("gate")) as locked:
        yield locked


def refusal(connection: duckdb.DuckDBPyConnection, text: str, tables: list[str] = TABLES) -> gate.Refusal:
    with pytest.raises(gate.Refusal) as caught:
        gate.check(connection, text, tables)
    return caught.value


def test_a_verdict_names_the_tables_as_registered_and_the_functions(connection: duckdb.DuckDBPyConnection) -> None:
    text = 'SELECT REGION, SUM(amount) FROM Sales JOIN "order" o ON o.id = SALES.id GROUP BY ALL'
    verdict = gate.check(connection, text, TABLES)
    assert verdict == gate.Verdict("SELECT", ("order", "sales"), ("sum",), text)


def test_a_common_table_expression_is_no_table(connection: duckdb.DuckDBPyConnection) -> None:
    verdict = gate.check(connection, "WITH sales AS (SELECT 1 AS a) FROM sales", TABLES)
    assert verdict.tables == ()


def test_the_text_that_passed_is_the_text_to_run(connection: duckdb.DuckDBPyConnection) -> None:
    text = "SELECT 1 -- a comment"
    assert gate.check(connection, text, TABLES).text == text


def test_a_byte_order_mark_is_left_out(connection: duckdb.DuckDBPyConnection) -> None:
    assert gate.check(connection, "\ufeffSELECT 1", TABLES).text == "SELECT 1"


def test_a_pivot_without_in_becomes_one_with_it(connection: duckdb.DuckDBPyConnection) -> None:
    verdict = gate.check(connection, "PIVOT sales ON region USING sum(quantity)", TABLES)
    assert verdict.text == "PIVOT sales ON (region) IN ('east', 'north', 'south', 'west') USING sum(quantity)"
    assert verdict.tables == ("sales",)


def test_a_pivot_over_hostile_values_only_makes_odd_columns(connection: duckdb.DuckDBPyConnection) -> None:
    text = "PIVOT (SELECT 'x''); DROP VIEW sales; --' AS a, 1 AS b) ON a USING sum(b)"
    verdict = gate.check(connection, text, TABLES)
    assert connection.sql(verdict.text).columns == ["x'); DROP VIEW sales; --"]


def test_a_pivot_of_nothing_says_what_to_write(connection: duckdb.DuckDBPyConnection) -> None:
    found = refusal(connection, "PIVOT empty ON b USING sum(a)")
    assert found.code == "sql_construct_refused"
    assert "IN (" in found.hint


def test_a_pivot_into_too_many_columns_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    assert refusal(connection, "PIVOT (SELECT i FROM range(6000) t(i)) ON i USING count(*)").construct == "PIVOT"


def test_explain_runs_the_body_that_passed(connection: duckdb.DuckDBPyConnection) -> None:
    verdict = gate.check(connection, "/* why */ explain /* x */ analyze SELECT 1", TABLES)
    assert (verdict.statement, verdict.text) == ("EXPLAIN", "EXPLAIN ANALYZE SELECT 1")


def test_a_narrowed_gate_does_not_know_the_other_tables(connection: duckdb.DuckDBPyConnection) -> None:
    found = refusal(connection, "FROM customers", ["sales", "events"])
    assert found.code == "sql_unknown_table"
    assert found.hint == 'Known tables: "events", "sales".'


def test_the_closest_table_comes_first(connection: duckdb.DuckDBPyConnection) -> None:
    assert refusal(connection, "FROM sale").hint.startswith('Known tables: "sales"')


def test_without_tables_the_hint_says_how_to_add_one(connection: duckdb.DuckDBPyConnection) -> None:
    assert "%analyst add" in refusal(connection, "FROM x", []).hint


@pytest.mark.parametrize("name", ["'data.csv'", "'/data/x'", "'https://a.b/c.parquet'", '"*.json"'])
def test_a_file_as_a_table_says_how_to_register_it(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    assert "%analyst add PATH" in refusal(connection, f"FROM {name}").hint


def test_the_catalog_says_what_to_use_instead(connection: duckdb.DuckDBPyConnection) -> None:
    assert "SHOW TABLES" in refusal(connection, "FROM information_schema.columns").hint


def test_a_misspelt_function_offers_close_names(connection: duckdb.DuckDBPyConnection) -> None:
    found = refusal(connection, "SELECT date_trunk('day', day) FROM sales")
    assert (found.code, found.status) == ("sql_unknown_function", "error")
    assert "date_trunc()" in found.hint


def test_a_place_is_line_and_column_in_characters(connection: duckdb.DuckDBPyConnection) -> None:
    found = refusal(connection, "SELECT 'äöü',\n  'ß' || read_text('x')")
    assert found.details == {"construct": "read_text", "line": 2, "column": 10}


def test_a_syntax_error_has_a_place(connection: duckdb.DuckDBPyConnection) -> None:
    found = refusal(connection, "SELECT 'ä'\nFROM sales WHERE WHERE")
    assert (found.code, found.status) == ("sql_syntax", "error")
    assert (found.details["line"], found.details["column"]) == (2, 18)


def test_a_place_in_explain_counts_from_its_start(connection: duckdb.DuckDBPyConnection) -> None:
    found = refusal(connection, "EXPLAIN ANALYZE SELECT getvariable('x')")
    assert found.details == {"construct": "getvariable", "line": 1, "column": 24}


def test_a_place_in_a_text_that_was_written_out_is_left_out(connection: duckdb.DuckDBPyConnection) -> None:
    assert refusal(connection, "PIVOT sales ON region USING nosuch(id)").details == {"construct": "nosuch"}


def test_a_table_function_used_as_a_value_says_so(connection: duckdb.DuckDBPyConnection) -> None:
    assert "FROM" in refusal(connection, "SELECT json_each('{}')").hint


def test_every_function_of_the_engine_was_judged(connection: duckdb.DuckDBPyConnection) -> None:
    rows = duckdb.sql("SELECT DISTINCT lower(function_name), function_type LIKE 'table%' FROM duckdb_functions() "
                      "WHERE function_type <> 'pragma'").fetchall()  # fmt: skip
    special = {"is distinct from", "is not distinct from"}  # the parser writes these as comparisons
    unjudged = {
        name
        for name, in_from in rows
        if name not in (gate_functions.TABLES if in_from else gate_functions.VALUES)
        and not gate_functions.family_of(name)
    }
    assert unjudged == special


def test_no_function_is_both_allowed_and_refused() -> None:
    both = {name for name in gate_functions.VALUES | gate_functions.TABLES if name in gate_functions.REFUSED}
    assert both == {"histogram"}  # an aggregate function, and another thing in FROM
    assert set(gate_functions.REFUSED.values()) == set(gate_functions.FAMILIES)


def test_every_allowed_function_exists(connection: duckdb.DuckDBPyConnection) -> None:
    rows = duckdb.sql("SELECT DISTINCT lower(function_name) FROM duckdb_functions()").fetchall()
    assert {name for (name,) in rows} >= gate_functions.VALUES - {"unnest", "unlist"}


def test_allowed_macros_are_made_of_allowed_functions(connection: duckdb.DuckDBPyConnection) -> None:
    macros = duckdb.sql("SELECT lower(function_name), macro_definition FROM duckdb_functions() "
                        "WHERE function_type = 'macro'").fetchall()  # fmt: skip
    checked = [name for name, body in macros if name in gate_functions.VALUES]
    for name, body in macros:
        if name in gate_functions.VALUES:
            assert gate.check(connection, f"SELECT {body}", []), name
    assert len(checked) > 50


def test_what_the_engine_would_capture_from_python_is_unknown(connection: duckdb.DuckDBPyConnection) -> None:
    frame = [1]  # noqa: F841 - a name that the engine could look for in this frame
    with pytest.raises(duckdb.Error):
        connection.sql("FROM frame")
