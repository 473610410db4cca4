"""The layer below the gate: the locked connection holds when the gate is switched off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from csvanalyst_ext.protocol import SqlRequest
from runner.connection import MIB, LockdownFailed, connect, restart
from tests.security import corpus
from tests.support.requests import run_request
from tests.support.tables import locked_connection

TABLES = list(corpus.TABLES)
THREADS = Path("/proc/self/task")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("layers")


@pytest.fixture(scope="module")
def connection(place: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with locked_connection(place) as locked:
        yield locked


WRITES_AND_READS = {
    "copy_out": ("COPY sales TO '{out}'", "sql_forbidden"),
    "copy_out_in_cte": ("WITH x AS (COPY sales TO '{out}') SELECT 1", "sql_forbidden"),
    "copy_over_a_table": ("COPY (SELECT 1) TO '{tables}/table0.parquet'", "sql_forbidden"),
    "export": ("EXPORT DATABASE '{out}'", "sql_forbidden"),
    "attach": ("ATTACH '{out}' AS x", "sql_forbidden"),
    "read_text": ("FROM read_text('/etc/passwd')", "sql_forbidden"),
    "read_sibling": ("FROM read_blob('{tables}/other.bin')", "sql_forbidden"),
    "glob": ("FROM glob('/etc/*')", "sql_forbidden"),
    "query": ("FROM query('FROM read_text(''/etc/passwd'')')", "sql_forbidden"),
    "sniff": ("FROM sniff_csv('/etc/passwd')", "sql_forbidden"),
    "replacement_scan": ("FROM '/etc/passwd'", "sql_unknown_table"),
    "replacement_scan_csv": ("FROM '/etc/passwd.csv'", "sql_forbidden"),
    "create_table": ("CREATE TABLE x AS SELECT 1", "sql_forbidden"),
    "create_macro": ("CREATE MACRO f(x) AS x", "sql_forbidden"),
    "drop_view": ("DROP VIEW sales", "sql_forbidden"),
    "install": ("INSTALL httpfs", "sql_forbidden"),
    "load": ("LOAD httpfs", "sql_forbidden"),
    "set": ("SET threads = 64", "sql_invalid_value"),
    "set_access": ("SET enable_external_access = true", "sql_invalid_value"),
    "set_paths": ("SET allowed_paths = ['/etc/passwd']", "sql_invalid_value"),
    "reset": ("RESET memory_limit", "sql_invalid_value"),
    "logging": ("CALL enable_logging()", "sql_invalid_value"),
}


@pytest.mark.parametrize("name", WRITES_AND_READS)
def test_the_engine_refuses_what_slips_past_the_gate(
    name: str, connection: duckdb.DuckDBPyConnection, place: Path
) -> None:
    restart(connection)
    text, code = WRITES_AND_READS[name]
    tables, out = place / "tables", place / "out"
    (tables / "other.bin").write_bytes(b"secret")
    before = (tables / "table0.parquet").read_bytes()
    text = text.format(out=out, tables=tables)
    reply, table, _ = run_request(connection, SqlRequest(text, gate=False), TABLES)
    assert reply.fault is not None
    assert reply.fault.code == code
    assert table is None
    assert not out.exists()
    assert (tables / "table0.parquet").read_bytes() == before
    assert str(place) not in reply.fault.message


def test_without_the_gate_it_is_still_one_statement(connection: duckdb.DuckDBPyConnection) -> None:
    reply, _, _ = run_request(connection, SqlRequest("SELECT 1; SELECT 2", gate=False), TABLES)
    assert (reply.status, reply.fault and reply.fault.code) == ("refused", "sql_not_one_statement")


def test_without_the_gate_a_query_runs(connection: duckdb.DuckDBPyConnection) -> None:
    restart(connection)
    reply, table, _ = run_request(connection, SqlRequest("SELECT count(*) AS n FROM sales", gate=False), TABLES)
    assert reply.status == "ok"
    assert table is not None
    assert table.to_pylist() == [{"n": 60}]


def test_the_session_is_in_utc(connection: duckdb.DuckDBPyConnection) -> None:
    restart(connection)
    assert connection.execute("SELECT CAST(TIMESTAMPTZ '2024-06-01 12:00+02' AS VARCHAR)").fetchall() == [
        ("2024-06-01 10:00:00+00",)
    ]


def test_few_threads_are_started(place: Path) -> None:
    before = len(list(THREADS.iterdir()))
    with locked_connection(place) as locked:
        locked.sql("SELECT count(*) FROM sales").fetchall()
        assert len(list(THREADS.iterdir())) - before <= 3


def test_a_recursive_query_over_files_ends_with_one_thread(connection: duckdb.DuckDBPyConnection) -> None:
    restart(connection)
    text = """WITH RECURSIVE p AS (SELECT src, dst FROM edges UNION ALL
        SELECT p.src, e.dst FROM p JOIN edges e ON p.dst = e.src) SELECT count(*) AS n FROM p"""
    _, table, _ = run_request(connection, SqlRequest(text), TABLES)
    assert table is not None
    assert table.to_pylist() == [{"n": 9}]


def failure(place: Path, tables: dict[str, str]) -> LockdownFailed:
    with pytest.raises(LockdownFailed) as caught:
        connect(tables, tables_dir=str(place), scratch=str(place), memory_limit=64 * MIB, threads=1)
    return caught.value


@pytest.mark.parametrize("name", ["missing.parquet", "junk.parquet", "*.parquet", "[ab].parquet"])
def test_a_table_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "junk.parquet").write_bytes(b"no parquet at all")
    found = failure(tmp_path, {"t": name})
    assert (found.code, found.table) == ("table_unreadable", "t")


def test_a_table_name_that_is_no_unicode_is_a_typed_error(place: Path) -> None:
    assert failure(place / "tables", {"a\udcff": "table0.parquet"}).code == "table_unreadable"


def test_a_name_with_quotes_is_one_view(place: Path) -> None:
    name = 'a" AS SELECT 1; DROP VIEW "b'
    locked = connect(
        {name: "table0.parquet"}, tables_dir=str(place / "tables"), scratch=str(place), memory_limit=64 * MIB, threads=1
    )
    try:
        assert locked.execute("SHOW TABLES").fetchall() == [(name,)]
    finally:
        locked.close()


def test_a_large_sort_spills_into_a_place_made_after_connecting(place: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "later"
    options = {"tables_dir": str(place / "tables"), "scratch": str(scratch), "memory_limit": 64 * MIB, "threads": 1}
    locked = connect({"t": "table0.parquet"}, **options)  # type: ignore[arg-type]
    try:
        scratch.mkdir()
        query = "SELECT max(i) FROM (SELECT i, md5(i::VARCHAR) AS m FROM range(1500000) t(i) ORDER BY m LIMIT 1400000)"
        assert locked.execute(query).fetchall()
        assert (scratch / "spill").is_dir()
    finally:
        locked.close()


def test_a_setting_that_did_not_take_closes_the_connection(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.connection._LOCKS", ("enable_external_access = false",))
    found = failure(place / "tables", {"t": "table0.parquet"})
    assert found.code == "not_locked"
    assert "lock_configuration" in str(found)
