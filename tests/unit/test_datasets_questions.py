"""The questions about the shipped data: each reference SQL gives the known answer.

Every answer must be the same whether ``NA`` in a column of texts is read as missing or as the text NA,
because a CSV file cannot say which one is meant.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import tomllib
from typing import Any

import duckdb
import pytest

from csvanalyst_ext.datasets.shipped import ShippedFile, catalogue, directory

PLACE = directory()
assert PLACE is not None
QUESTIONS: list[dict[str, Any]] = tomllib.loads((PLACE / "questions.toml").read_text("utf-8"))["question"]
FILES = {file.name: file for item in catalogue().sets for file in item.files}
FIELDS = {"id", "tables", "question", "kind", "level", "sql", "answer", "ordered", "tolerance"}


def _load(connection: duckdb.DuckDBPyConnection, file: ShippedFile, na_is_missing: bool) -> None:
    names = {column.name or "column_1": column for column in file.columns}
    texts = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    values = []
    for name, column in names.items():
        missing = file.missing if na_is_missing or column.type != "VARCHAR" else ""
        values.append(f'CAST(nullif("{name}", \'{missing}\') AS {column.type}) AS "{name}"')
    source = f"read_csv('{file.path}', header = true, nullstr = '', columns = {{{texts}}})"
    connection.execute(f'CREATE TABLE "{file.name}" AS SELECT {", ".join(values)} FROM {source}')


@pytest.fixture(scope="module", params=[True, False], ids=["NA is missing", "NA is a text"])
def tables(request: pytest.FixtureRequest) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for file in FILES.values():
        _load(connection, file, request.param)
    return connection


def _plain(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, dt.date | dt.time) else value


def _same(left: Any, right: Any, tolerance: float) -> bool:
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if numbers and not isinstance(left, bool) and not isinstance(right, bool):
        return math.isclose(left, right, rel_tol=tolerance)
    return type(left) is type(right) and bool(left == right)


def _sorted(rows: list[list[Any]]) -> list[list[Any]]:
    return sorted(rows, key=lambda row: [f"{v:.6g}" if isinstance(v, float) else str(v) for v in row])


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
def test_the_reference_sql_gives_the_known_answer(question: dict[str, Any], tables: duckdb.DuckDBPyConnection) -> None:
    found = [[_plain(value) for value in row] for row in tables.execute(question["sql"]).fetchall()]
    known = question["answer"]
    if not question["ordered"]:
        found, known = _sorted(found), _sorted(known)
    assert len(found) == len(known)
    for left, right in zip(found, known, strict=True):
        assert len(left) == len(right)
        assert all(_same(a, b, question["tolerance"]) for a, b in zip(left, right, strict=True)), (left, right)


@pytest.mark.parametrize(
    "question", [item for item in QUESTIONS if " LIMIT " in item["sql"]], ids=lambda question: question["id"]
)
def test_a_top_n_has_no_tie_at_its_end(question: dict[str, Any], tables: duckdb.DuckDBPyConnection) -> None:
    query, _, limit = question["sql"].rpartition(" LIMIT ")
    values = [row[-1] for row in tables.execute(f"{query} LIMIT {int(limit) + 1}").fetchall()]
    assert len(set(values)) == len(values)


def test_there_are_enough_questions_of_each_kind() -> None:
    simple = [question for question in QUESTIONS if question["level"] == "simple"]
    assert len(QUESTIONS) >= 80
    assert len(simple) * 2 >= len(QUESTIONS)
    wanted = {"count", "sum", "mean", "min", "max", "group-by", "filter", "top-n", "join", "time-bucket", "share"}
    assert wanted <= {question["kind"] for question in QUESTIONS}
    assert {table for question in QUESTIONS for table in question["tables"]} == set(FILES)


def test_questions_are_well_formed_and_different() -> None:
    for question in QUESTIONS:
        assert set(question) == FIELDS, question["id"]
        assert question["level"] in ("simple", "harder")
        assert set(question["tables"]) <= set(FILES)
        assert question["answer"]
        assert 0 <= question["tolerance"] < 0.01
    for field in ("id", "question"):
        assert len({question[field] for question in QUESTIONS}) == len(QUESTIONS)
