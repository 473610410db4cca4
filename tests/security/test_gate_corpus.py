"""The whole path of a SQL request, without a sandbox: real connection, gate, engine, wire."""

from __future__ import annotations

import datetime
import decimal
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from csvanalyst_ext.protocol import SqlRequest
from runner.connection import quoted, restart
from tests.security import corpus
from tests.support.requests import run_request
from tests.support.tables import locked_connection

VALID, HOSTILE = corpus.valid(), corpus.hostile()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture(scope="module")
def locked(place: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with locked_connection(place) as connection:
        yield connection


@pytest.fixture(scope="module")
def plain(locked: duckdb.DuckDBPyConnection, place: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB as it comes, with the same tables; only two settings that say what a query means."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET lambda_syntax = 'ENABLE_SINGLE_ARROW'")
    for name, file in corpus.files().items():
        connection.execute(f"CREATE VIEW {quoted(name)} AS FROM read_parquet('{place / 'tables' / file}')")
    yield connection
    connection.close()


@pytest.mark.parametrize("entry", VALID, ids=lambda entry: entry.name)
def test_a_valid_query_passes_with_the_result_of_ungated_duckdb(
    entry: corpus.Valid, locked: duckdb.DuckDBPyConnection, plain: duckdb.DuckDBPyConnection
) -> None:
    restart(locked)
    reply, table, _ = run_request(locked, SqlRequest(entry.sql), list(corpus.TABLES))
    assert reply.fault is None, reply.fault
    expected = plain.sql(entry.sql)
    assert expected is not None
    rows = _as_text(expected, "INTERVAL", "UNION", "TIMESTAMP WITH TIME ZONE").fetchall()
    assert reply.row_count == len(rows)
    assert len(reply.columns) == len(expected.columns)
    if entry.compare == "shape":
        return
    assert table is not None
    if len(set(expected.columns)) == len(expected.columns):
        assert [column.name for column in reply.columns] == expected.columns
    assert [column.type for column in reply.columns] == [str(kind) for kind in expected.types]
    given = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    given, wanted = [_plain(row) for row in given], [_plain(row) for row in rows]
    if "ORDER BY" not in entry.sql:
        given, wanted = sorted(given, key=repr), sorted(wanted, key=repr)
    assert given == wanted


@pytest.mark.parametrize("entry", HOSTILE, ids=lambda entry: entry.name)
def test_a_hostile_statement_is_stopped(entry: corpus.Hostile, locked: duckdb.DuckDBPyConnection) -> None:
    restart(locked)
    reply, table, _ = run_request(locked, SqlRequest(entry.sql), list(corpus.TABLES))
    assert reply.fault is not None
    assert (reply.fault.code, reply.status) == (entry.code, entry.status)
    assert table is None
    assert reply.fault.message
    assert reply.fault.hint


def test_every_name_of_the_corpora_is_used_once() -> None:
    for entries in (VALID, HOSTILE):
        assert len({entry.name for entry in entries}) == len(entries)
    assert len(VALID) >= 150
    assert len(HOSTILE) >= 120


def _as_text(relation: Any, *types: str) -> Any:
    """``relation`` with the columns of those types as text, as DuckDB writes it."""
    expressions = [
        expression.cast(duckdb.sqltype("VARCHAR")) if str(kind).startswith(types) else expression
        for kind, expression in (
            (kind, duckdb.SQLExpression(f"#{position}")) for position, kind in enumerate(relation.types, start=1)
        )
    ]
    return relation.select(*expressions) if any(str(kind).startswith(types) for kind in relation.types) else relation


def _plain(value: Any) -> Any:
    """The same form for a value that came over the wire and one that DuckDB gave as Python."""
    if isinstance(value, dict) and "element1" in value:  # a row() without names
        return tuple(_plain(item) for item in value.values())
    if isinstance(value, dict):
        return tuple((_plain(key), _plain(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(_plain(item) for item in value)
    if isinstance(value, float):
        return "nan" if math.isnan(value) else float(f"{value:.12g}")
    if isinstance(value, bool | int | str | bytes | None):
        return value
    if isinstance(value, decimal.Decimal):
        return int(value) if value == int(value) else value.normalize()
    if isinstance(value, datetime.datetime) and value.tzinfo:
        return value.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S+00")
    if isinstance(value, datetime.date | datetime.time):
        return value
    return str(value)
