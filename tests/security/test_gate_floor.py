"""Queries without small groups: what they let pass, what they leave out, what they refuse."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterator
from typing import Any

import duckdb
import pytest

from csvanalyst_ext.protocol import SqlRequest
from runner import gate
from runner.connection import restart
from tests.security import corpus
from tests.support.requests import run_request
from tests.support.tables import locked_connection

CANARY = re.compile(r"canary-\d{3}")


@pytest.fixture(scope="module")
def people() -> Iterator[duckdb.DuckDBPyConnection]:
    """100 people: the name and the number are unique, ``k`` is rare once, ``g`` has three values."""
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE people AS SELECT i::INTEGER AS id, 'canary-' || lpad(i::VARCHAR, 3, '0') AS name, "
        "880000 + i AS pay, i % 3 AS g, CASE WHEN i = 7 THEN 'canary-007' ELSE 'k' || (i % 4) END AS k, "
        "DATE '2020-01-01' + (i % 40)::INTEGER AS d FROM range(100) t(i)"
    )
    connection.execute("CREATE TABLE places AS SELECT i AS g, 'place ' || i AS label FROM range(3) t(i)")
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with locked_connection(tmp_path_factory.mktemp("floor")) as connection:
        yield connection


def told(connection: Any, text: str, exempt: Collection[str] = ()) -> list[Any]:
    tables = ["people", "places"]
    verdict = gate.check(connection, text, tables)
    floored = gate.without_small_groups(connection, verdict, tables, floor=5, exempt=exempt)
    return list(connection.execute(floored.text).fetchall())


ALLOWED = {
    "SELECT count(*) FROM people": [(100,)],
    "SELECT g, count(*) AS n FROM people GROUP BY g ORDER BY g": [(0, 34), (1, 33), (2, 33)],
    "SELECT k, count(*) FROM people GROUP BY ALL ORDER BY k": [("k0", 25), ("k1", 25), ("k2", 25), ("k3", 24)],
    "SELECT min(pay), max(d) FROM people": [(880000, dt.date(2020, 2, 9))],
    "SELECT round(avg(pay)) FROM people WHERE id < 10": [(880005.0,)],
    "SELECT count_if(id < 50), sum(CASE WHEN id < 50 THEN 1 ELSE 0 END) FROM people": [(50, 50)],
    "SELECT 100.0 * count(*) FILTER (WHERE g = 1) / count(*) FROM people": [(33.0,)],
    "SELECT count(*) / (SELECT count(*) FROM people) FROM people WHERE g = 1": [(0.33,)],
    "WITH m AS (SELECT g, count(*) AS n FROM people GROUP BY g) SELECT g, n - lag(n) OVER (ORDER BY g) FROM m": [
        (0, None), (1, -1), (2, 0),
    ],
    "WITH later AS (SELECT *, pay * 2 AS twice FROM people WHERE id >= 50) SELECT count(*), max(twice) FROM later": [
        (50, 1760198)
    ],
    "FROM people SELECT g, count(*) GROUP BY g QUALIFY rank() OVER (ORDER BY count(*) DESC) = 1": [(0, 34)],
    "SELECT g, count(*) FROM people GROUP BY g UNION ALL SELECT NULL, count(*) FROM people ORDER BY 1 NULLS LAST": [
        (0, 34), (1, 33), (2, 33), (None, 100),
    ],
    "SELECT count(*) FROM people WHERE g IN (SELECT g FROM places WHERE label = 'place 1')": [(33,)],
    "SELECT count(*) FROM people WHERE id > 1000": [(0,)],
    "SELECT 1 AS one": [(1,)],
}  # fmt: skip


@pytest.mark.parametrize("text", ALLOWED)
def test_groups_that_are_large_enough_are_told(people: Any, text: str) -> None:
    assert told(people, text) == ALLOWED[text]


SMALL = (
    "SELECT name, count(*) FROM people GROUP BY name",
    "SELECT id, max(pay) FROM people GROUP BY id",
    "SELECT pay, count(*) FROM people GROUP BY ALL",
    "SELECT sum(pay) FROM people WHERE id = 31",
    "SELECT min(pay) FROM people WHERE id BETWEEN 30 AND 33",
    "SELECT sum(pay) FILTER (WHERE id = 31) FROM people",
    "SELECT sum(CASE WHEN id = 31 THEN pay ELSE 0 END) FROM people",
    "SELECT max(CASE WHEN id = 31 THEN pay END) FROM (SELECT * FROM people) p",
    "SELECT avg(if(id = 31, pay, NULL)) FROM people",
    "SELECT count_if(name = 'canary-031') FROM people",
    "SELECT sum((id = 31)::INTEGER) FROM people",
    "SELECT max(name) FROM people",
    "SELECT median(name) FROM people",
    "SELECT p.name, count(*) FROM people p CROSS JOIN places GROUP BY 1",
    "SELECT p.name, count(*) FROM people p CROSS JOIN range(100) r(i) GROUP BY 1",
    "SELECT a.name, count(*) FROM people a JOIN people b ON true GROUP BY 1",
    "SELECT a.name, sum(b.pay) FROM people a, people b GROUP BY 1",
    "SELECT avg(CASE WHEN a.id = 31 THEN a.pay END) FROM people a CROSS JOIN places",
    "SELECT p.pay FROM people p JOIN places USING (g) GROUP BY p.pay HAVING count(*) > 0",
    "SELECT found FROM (SELECT pay AS found, count(*) FROM people GROUP BY 1)",
)


@pytest.mark.parametrize("text", SMALL)
def test_what_stands_on_fewer_rows_is_left_out(people: Any, text: str) -> None:
    try:
        rows = told(people, text)
    except gate.Refusal as refusal:
        assert refusal.code == "sql_not_aggregating"
        return
    assert all(value is None for row in rows for value in row) or rows == []


ROWS = (
    "SELECT * FROM people",
    "FROM people LIMIT 3",
    "SELECT DISTINCT k FROM people",
    "SELECT *, count(*) OVER () FROM people",
    "SELECT name, row_number() OVER (ORDER BY id) FROM people",
    "SELECT any_value(name) FROM people",
    "SELECT first(name ORDER BY id), list(pay), string_agg(name, ',') FROM people",
    "SELECT arg_max(name, pay), max_by(name, pay), min(name, 3) FROM people",
    "SELECT mode(name), histogram(name), approx_top_k(name, 9) FROM people",
    "SELECT sum(pay * (id = 31)::INTEGER) FROM people",
    "SELECT sum(pay * CASE WHEN id = 31 THEN 1 ELSE 0 END * 1.0 * pay) FROM people",
    "SELECT min(ascii(name)) FROM people",
    "SELECT sum(CASE WHEN id = 31 THEN unicode(name) ELSE pay END) FROM people",
    "SELECT sum(pay ORDER BY id) FROM people",
    "SELECT count(*) FROM people HAVING any_value(name) = 'canary-031'",
    "SELECT g, count(*) FROM people GROUP BY g ORDER BY arg_max(name, pay)",
    "SELECT g FROM people GROUP BY g QUALIFY row_number() OVER (ORDER BY any_value(name)) = 1",
    "SELECT (SELECT name FROM people WHERE id = 31)",
    "SELECT r.i, count(*) FROM people CROSS JOIN range(200) r(i) "
    "WHERE r.i = (SELECT ascii(name) FROM people WHERE id = 31) GROUP BY 1",
    "SELECT i FROM range(1000000) r(i) WHERE i = (SELECT pay FROM people WHERE id = 31)",
    "SELECT i FROM range(1000000) r(i) WHERE i IN (SELECT pay FROM people)",
    "SELECT i FROM range(1000000) r(i) WHERE EXISTS (SELECT 1 FROM people WHERE pay = i)",
    "SELECT i FROM range(1000000) r(i) SEMI JOIN people ON pay = i",
    "SELECT avg(f) FROM (SELECT first_value(pay) OVER (ORDER BY id = 31 DESC) AS f FROM people)",
    "SELECT sum(x) FROM (SELECT pay AS x FROM people, range(10) r(i) WHERE id = 31)",
    "SELECT x, count(*) FROM (SELECT pay AS x FROM people WHERE id = 31 UNION ALL "
    "SELECT pay FROM people WHERE id = 31) GROUP BY 1",
    "SELECT x, count(*) FROM (SELECT unnest([name, name, name, name, name]) AS x FROM people) GROUP BY x",
    "SELECT name, g FROM people EXCEPT SELECT 'x', 1",
    "PIVOT people ON name USING sum(pay)",
    "PIVOT people ON g IN (0, 1) USING any_value(name)",
    "UNPIVOT (SELECT name, k FROM people) ON name, k INTO NAME n VALUE v",
    "SUMMARIZE people",
    "DESCRIBE people",
    "EXPLAIN ANALYZE SELECT count(*) FROM people",
    "WITH RECURSIVE r AS (SELECT name FROM people UNION ALL SELECT name FROM r WHERE false) FROM r",
    "WITH r AS (SELECT name FROM people) SELECT count(*) FROM people, r GROUP BY r.name UNION ALL FROM r",
    "VALUES ((SELECT name FROM people WHERE id = 31))",
    "SELECT unnest((SELECT list(name) FROM people))",
    "SELECT COLUMNS(*) FROM people",
    "SELECT * FROM (SELECT count(*) FROM people) a, people b",
    "SELECT x.name FROM (SELECT people FROM people) t(x)",
)


@pytest.mark.parametrize("text", ROWS)
def test_what_gives_cells_of_single_rows_is_refused(people: Any, text: str) -> None:
    try:
        rows = told(people, text)
    except gate.Refusal as refusal:
        assert refusal.code == "sql_not_aggregating", refusal.message
    except duckdb.Error:
        pass  # the engine itself refuses it, as it does columns that are neither grouped by nor aggregated
    else:
        assert rows == [], "told"


@pytest.mark.parametrize("text", [*ALLOWED, *SMALL, *ROWS])
def test_no_cell_of_a_single_row_is_ever_told(people: Any, text: str) -> None:
    try:
        rows = told(people, text)
    except (gate.Refusal, duckdb.Error):
        return
    assert CANARY.search(str(rows)) is None
    assert "880031" not in str(rows)


def test_rows_of_an_exempt_table_are_free(people: Any) -> None:
    text = "SELECT label, count(*) AS n FROM people JOIN places USING (g) GROUP BY 1 ORDER BY 1"
    assert told(people, text) == []
    assert told(people, text, ["places"]) == [("place 0", 34), ("place 1", 33), ("place 2", 33)]
    assert told(people, "FROM places ORDER BY g", ["PLACES"]) == [(0, "place 0"), (1, "place 1"), (2, "place 2")]
    assert told(people, "SELECT p.name, count(*) FROM people p CROSS JOIN places GROUP BY 1", ["places"]) == []


@pytest.mark.parametrize("entry", corpus.valid(), ids=lambda entry: entry.name)
def test_every_valid_query_is_told_or_refused(locked: Any, entry: corpus.Valid) -> None:
    """Whatever a query looks like, the runner answers in its own words."""
    restart(locked)
    reply, _, _ = run_request(locked, SqlRequest(entry.sql, floor=5, exempt=("sales",)), list(corpus.TABLES))
    assert reply.status in ("ok", "refused", "error")
    if reply.fault is not None:
        assert reply.fault.code in ("sql_not_aggregating", "sql_invalid", "sql_unknown_column", "sql_type")


def test_with_its_table_exempt_a_query_gives_what_it_gives(locked: Any) -> None:
    text = "SELECT region, any_value(quantity) IS NULL AS n FROM sales GROUP BY region ORDER BY region"
    restart(locked)
    _, before, _ = run_request(locked, SqlRequest(text), list(corpus.TABLES))
    restart(locked)
    _, after, _ = run_request(locked, SqlRequest(text, floor=5, exempt=("sales",)), list(corpus.TABLES))
    assert before is not None and before.num_rows > 1
    assert before.equals(after)
