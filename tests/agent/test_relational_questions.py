"""Questions over several tables: each answer is that of the SQL beside the question, and nothing is guessed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from csvanalyst_ext.planning.compile import compile_plan
from csvanalyst_ext.planning.schema import Column, Table
from csvanalyst_ext.planning.understand import NotUnderstood, Understood, understand

from .bench import DuckDBWorkbench
from .relational import ANSWERS, ASKED, SCHEMAS

Understand = Callable[[str, str], Understood | NotUnderstood]


@pytest.fixture(scope="module")
def benches() -> dict[str, DuckDBWorkbench]:
    return {name: DuckDBWorkbench(tables) for name, tables in SCHEMAS.items()}


@pytest.fixture(scope="module")
def understood(benches: dict[str, DuckDBWorkbench]) -> Understand:
    tables = {name: known(bench) for name, bench in benches.items()}
    return lambda schema, question: understand(question, tables[schema])


def known(bench: DuckDBWorkbench) -> list[Table]:
    return [
        Table(
            dataset.name,
            dataset.rows,
            tuple(
                Column(c.name, c.type, c.nulls, c.distinct, c.minimum, c.maximum, c.values, c.all_values)
                for c in dataset.columns
            ),
        )
        for dataset in bench.datasets()
    ]


def rows(bench: DuckDBWorkbench, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(cell(value) for value in row) for row in bench.connection.sql(sql).fetchall()]


def cell(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float):
        return round(value, 6)
    return value.isoformat() if isinstance(value, dt.date) else value


def holds(found: list[tuple[Any, ...]], wanted: list[tuple[Any, ...]]) -> bool:
    """Whether ``found`` has these rows, in columns of its own in any order."""
    if not found or not wanted:
        return len(found) == len(wanted)
    picks = permutations(range(len(found[0])), len(wanted[0]))
    expected = sorted(wanted, key=repr)
    return any(sorted((tuple(row[i] for i in pick) for row in found), key=repr) == expected for pick in picks)


@pytest.mark.parametrize(("schema", "question", "sql"), ANSWERS, ids=[f"{s}: {q}" for s, q, _ in ANSWERS])
def test_the_answer_is_that_of_the_sql(
    understood: Understand, benches: dict[str, DuckDBWorkbench], schema: str, question: str, sql: str
) -> None:
    meaning = understood(schema, question)
    assert isinstance(meaning, Understood), meaning
    found, wanted = (rows(benches[schema], text) for text in (compile_plan(meaning.plan), sql))
    assert holds(found, wanted), (compile_plan(meaning.plan), found, wanted)


@pytest.mark.parametrize(("schema", "question"), ASKED, ids=[f"{s}: {q}" for s, q in ASKED])
def test_what_the_data_cannot_tell_is_asked_back(understood: Understand, schema: str, question: str) -> None:
    assert isinstance(understood(schema, question), NotUnderstood)
