"""A SQL request as a whole: what comes back, and what is said when it fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from csvanalyst_ext.protocol import Limits, Reply, SqlRequest
from runner.connection import MIB, restart
from tests.security import corpus
from tests.support.requests import run_request
from tests.support.tables import locked_connection

TABLES = list(corpus.TABLES)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("requests")


@pytest.fixture(scope="module")
def connection(place: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with locked_connection(place) as locked:
        yield locked


def ask(connection: duckdb.DuckDBPyConnection, text: str, **more: Any) -> tuple[Reply, pa.Table | None]:
    restart(connection)
    reply, table, _ = run_request(connection, SqlRequest(text, **more), TABLES)
    return reply, table


def fault_of(connection: duckdb.DuckDBPyConnection, text: str) -> Any:
    reply, _ = ask(connection, text)
    assert reply.fault is not None
    assert reply.status == "error"
    return reply.fault


def test_a_reply_tells_what_ran(connection: duckdb.DuckDBPyConnection) -> None:
    reply, table = ask(connection, "SELECT region, sum(quantity) AS n FROM sales GROUP BY 1 ORDER BY 1 LIMIT 2")
    assert reply.status == "ok"
    assert table is not None
    assert table.to_pylist() == [{"region": "east", "n": 45}, {"region": "north", "n": 45}]
    assert [(column.name, column.type) for column in reply.columns] == [("region", "VARCHAR"), ("n", "HUGEINT")]
    assert (reply.row_count, reply.total_rows, reply.truncated) == (2, 2, ())
    assert reply.report == {"verdict": {"statement": "SELECT", "tables": ["sales"], "functions": ["sum"]}}
    assert set(reply.timings) == {"gate", "execute", "total"}


def test_a_written_out_pivot_is_reported(connection: duckdb.DuckDBPyConnection) -> None:
    reply, _ = ask(connection, "PIVOT sales ON region USING sum(quantity)")
    assert "IN ('east'" in reply.report["sql"]


def test_a_pivot_whose_columns_cannot_be_read_is_an_engine_error(connection: duckdb.DuckDBPyConnection) -> None:
    fault = fault_of(connection, "PIVOT sales ON regoin USING sum(quantity)")
    # Its columns are written out from cells, so the words of the error may be cells.
    assert (fault.code, fault.details) == ("sql_unknown_column", {"construct": "regoin", "expanded": True})
    assert fault.hint


def test_a_narrowed_request_does_not_see_other_tables(connection: duckdb.DuckDBPyConnection) -> None:
    reply, _ = ask(connection, "FROM customers", tables=("sales",))
    assert reply.fault is not None
    assert (reply.status, reply.fault.code) == ("refused", "sql_unknown_table")


def test_an_endless_result_is_cut(connection: duckdb.DuckDBPyConnection) -> None:
    reply, table = ask(connection, "SELECT i FROM range(1000000000000) t(i)", limits=Limits(max_rows=10_000))
    assert table is not None
    assert (reply.row_count, reply.total_rows, reply.truncated) == (10_000, None, ("rows",))
    assert table.column("i").to_pylist() == list(range(10_000))


def test_many_columns_are_cut(connection: duckdb.DuckDBPyConnection) -> None:
    text = "SELECT " + ", ".join(f"{i} AS c{i}" for i in range(300))
    reply, table = ask(connection, text, limits=Limits(max_columns=100))
    assert table is not None
    assert (len(reply.columns), table.num_columns, reply.truncated) == (100, 100, ("columns",))


def test_a_large_cell_is_cut(connection: duckdb.DuckDBPyConnection) -> None:
    reply, table = ask(connection, "SELECT repeat('ü', 2000000) AS x")
    assert table is not None
    assert reply.truncated == ("cells",)
    assert len(table.column("x")[0].as_py().encode()) <= MIB


def test_types_without_a_like_in_arrow_come_as_text(connection: duckdb.DuckDBPyConnection) -> None:
    text = """SELECT '101'::BIT AS bits, TIMETZ '10:00:00+02' AS t, INTERVAL 1 MONTH AS i, '12'::BIGNUM AS n,
        '{"a":1}'::JSON::VARIANT AS v, union_value(x := 1) AS u, [{'b': '1'::BIT}] AS nested, [1::HUGEINT] AS h,
        340282366920938463463374607431768211455::UHUGEINT AS big"""
    reply, table = ask(connection, text)
    assert table is not None
    assert table.to_pylist() == [
        {"bits": "101", "t": "10:00:00+02", "i": "1 month", "n": "12", "v": '{"a":1}', "u": "1",
         "nested": [{"b": "1"}], "h": [1], "big": "340282366920938463463374607431768211455"}
    ]  # fmt: skip
    assert reply.columns[0].type == "BIT"


def test_a_column_that_is_nearly_right_is_offered(connection: duckdb.DuckDBPyConnection) -> None:
    fault = fault_of(connection, 'SELECT strasse,\n betrag FROM "Umsätze 2024"')
    assert fault.code == "sql_unknown_column"
    assert fault.hint.startswith('Did you mean "Straße"?')
    assert '"Betrag €"' in fault.hint
    assert (fault.details["line"], fault.details["column"]) == (1, 8)


def test_a_qualified_column_that_is_not_there_is_an_unknown_column(connection: duckdb.DuckDBPyConnection) -> None:
    fault = fault_of(connection, "SELECT s.amuont FROM sales s")
    assert fault.code == "sql_unknown_column"
    assert fault.hint.startswith('Did you mean "amount"?')


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT sum(region) FROM sales", "sql_type"),
        ("SELECT amount + region FROM sales", "sql_type"),
        ("SELECT 1::nosuchtype", "sql_type"),
        ("SELECT region, sum(amount) FROM sales", "sql_invalid"),
        ("SELECT id FROM sales JOIN events ON true", "sql_invalid"),
        ("SELECT region::INTEGER FROM sales", "sql_conversion"),
        ("SELECT 200::TINYINT", "sql_conversion"),
        ("SELECT 9223372036854775807 + 1::BIGINT", "sql_out_of_range"),
        ("SELECT error('mine')", "sql_invalid_value"),
        ("SELECT strptime(region, '%Y') FROM sales", "sql_invalid_value"),
        ("SELECT (SELECT id FROM sales)", "sql_invalid_value"),
        ("SELECT regexp_matches('a', '(')", "sql_invalid_value"),
    ],
)
def test_an_engine_error_has_a_code_and_a_hint(connection: duckdb.DuckDBPyConnection, text: str, code: str) -> None:
    fault = fault_of(connection, text)
    assert fault.code == code
    assert fault.hint
    assert not fault.message.startswith("{")


def test_an_error_half_way_keeps_its_code_and_has_no_body(connection: duckdb.DuckDBPyConnection) -> None:
    restart(connection)
    text = "SELECT CASE WHEN i = 900000 THEN CAST('x{' || i AS INTEGER) ELSE i END FROM range(1000000) t(i)"
    request = SqlRequest(text, limits=Limits(max_rows=2_000_000))
    reply, _, collected = run_request(connection, request, TABLES)
    assert reply.fault is not None
    assert reply.fault.code == "sql_conversion"
    assert collected.body  # rows had left before the error
    assert collected.sink.bodies == ()


def test_paths_do_not_show_in_messages(connection: duckdb.DuckDBPyConnection) -> None:
    assert fault_of(connection, "SELECT error('see /data/tables/t.parquet')").message == "see (file)"


def test_a_message_has_a_bound(connection: duckdb.DuckDBPyConnection) -> None:
    assert len(fault_of(connection, "SELECT error(repeat('x', 100000))").message) <= 2_000


def test_a_deep_value_is_a_typed_error(connection: duckdb.DuckDBPyConnection) -> None:
    assert fault_of(connection, "SELECT " + "[" * 40 + "1" + "]" * 40).code == "result_too_deep"
    assert fault_of(connection, "SELECT " + "[" * 150 + "1" + "]" * 150).code == "result_too_deep"


def test_a_query_above_the_memory_limit_says_so(place: Path) -> None:
    with locked_connection(place, memory=48 * MIB) as small:
        reply, _ = ask(small, "SELECT list(i) FROM range(20000000) t(i)")
    assert reply.fault is not None
    assert (reply.status, reply.fault.code) == ("memory", "sql_out_of_memory")
    assert "SET " not in reply.fault.message


def test_an_interrupted_query_is_cancelled(connection: duckdb.DuckDBPyConnection) -> None:
    restart(connection)
    stop = threading.Event()

    def interrupt() -> None:
        while not stop.wait(0.05):
            connection.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        text = "SELECT count(*) FROM range(1000000000000) t(i) WHERE hash(i) = 3"
        reply, _, _ = run_request(connection, SqlRequest(text), TABLES)
    finally:
        stop.set()
        thread.join()
    assert reply.fault is not None
    assert (reply.status, reply.fault.code) == ("cancelled", "sql_interrupted")


def test_the_next_query_works_after_an_error(connection: duckdb.DuckDBPyConnection) -> None:
    ask(connection, "SELECT error('x')")
    assert ask(connection, "SELECT 1 AS a")[0].status == "ok"
