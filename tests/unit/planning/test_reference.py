"""Generated plans: DuckDB's answer to the compiled SQL is the slow reference's, row for row."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import duckdb
import pandas as pd
from hypothesis import HealthCheck, given, settings

from csvanalyst_ext.planning.compile import compile_plan
from csvanalyst_ext.planning.document import document_of, plan_of, read_plan, to_json, to_yaml
from csvanalyst_ext.planning.plan import Plan
from csvanalyst_ext.planning.resolve import resolve
from tests.support import plan_reference
from tests.support.plan_strategies import COLUMNS, CUSTOMERS, TABLES, plans, rows

_CONNECTION = duckdb.connect()


def in_duckdb(sql: str, sales: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    columns = ", ".join('"' + name.replace('"', '""') + f'" {kind}' for name, (kind, _) in COLUMNS.items())
    _CONNECTION.execute(f"CREATE OR REPLACE TABLE sales ({columns})")
    _CONNECTION.execute("CREATE OR REPLACE TABLE customers (customer_id BIGINT, name VARCHAR, bonus DOUBLE)")
    if sales:
        _CONNECTION.executemany(f"INSERT INTO sales VALUES ({', '.join('?' * len(COLUMNS))})", sales)
    customers = list(zip(*(values for _, values in CUSTOMERS.values()), strict=True))
    _CONNECTION.executemany("INSERT INTO customers VALUES (?, ?, ?)", customers)
    return _CONNECTION.execute(sql).fetchall()


def frames(sales: list[tuple[Any, ...]]) -> dict[str, pd.DataFrame]:
    return {
        "sales": pd.DataFrame({n: pd.Series([r[i] for r in sales], dtype=object) for i, n in enumerate(COLUMNS)}),
        "customers": pd.DataFrame({n: pd.Series(values, dtype=object) for n, (_, values) in CUSTOMERS.items()}),
    }


def comparable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row as something that can be sorted and compared: numbers rounded, days and midnights alike."""
    found: list[tuple[str, Any]] = []
    for value in row:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            found.append(("", ""))
        elif isinstance(value, str | bool):
            found.append((type(value).__name__, str(value)))
        elif isinstance(value, dt.date):
            found.append(("date", plan_reference.moment(value).isoformat()))
        else:
            number = float(value) if abs(value) > 1e-9 else 0.0  # no two engines round alike
            found.append(("number", f"{number:.7g}"))
    return tuple(found)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(plans(), rows())
def test_compiled_plans_give_what_the_reference_gives(plan: Plan, sales: list[tuple[Any, ...]]) -> None:
    resolved = resolve(plan, TABLES)
    sql = compile_plan(resolved)
    found = [comparable(row) for row in in_duckdb(sql, sales)]
    wanted = [comparable(row) for row in plan_reference.run(document_of(resolved), frames(sales))]
    assert sorted(found) == sorted(wanted), sql


@settings(max_examples=150, deadline=None)
@given(plans())
def test_plans_survive_writing_and_reading_and_resolving_twice(plan: Plan) -> None:
    resolved = resolve(plan, TABLES)
    assert resolve(resolved, TABLES) == resolved
    for text in (to_json(resolved), to_yaml(resolved)):
        assert resolve(read_plan(text), TABLES) == resolved
    assert compile_plan(resolve(plan_of(document_of(resolved)), TABLES)) == compile_plan(resolved)
