"""Two small tables that hold what goes wrong: missing values, ties, hostile names, days and hours."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pandas as pd

from csvanalyst_ext.planning.compile import compile_plan
from csvanalyst_ext.planning.document import read_plan
from csvanalyst_ext.planning.plan import Plan
from csvanalyst_ext.planning.resolve import resolve
from csvanalyst_ext.planning.schema import Column, Table

SALES = pd.DataFrame(
    {
        "region": ["north", "north", "south", None, "south", "east"],
        "Product Name": ["tea", "tea", "jam", "jam", "O'Hare; --", "tea"],
        "units": [3, 5, 2, 7, 5, None],
        "price": [1.5, 2.5, None, 4.0, 2.5, 3.0],
        "sold_on": pd.to_datetime(["2020-01-06", "2020-02-03", "2020-02-29", "2020-04-01", None, "2021-01-01"]).date,
        "at": pd.to_datetime(
            ["2020-01-06 09:30", "2020-01-06 23:59", "2020-02-29 00:00", "2020-04-01 09:00", None, "2021-01-01 12:00"]
        ),
        "paid": [True, False, True, None, True, False],
        "customer_id": [1, 2, 2, 9, None, 1],
    }
)
CUSTOMERS = pd.DataFrame({"customer_id": [1, 2, 3], "name": ["Ada", "Bob", "Cy"], "units": [10, 20, 30]})

TABLES = (
    Table(
        "sales",
        6,
        (
            Column("region", "VARCHAR", nulls=1, distinct=3, values=("north", "south", "east"), complete=True),
            Column("Product Name", "VARCHAR", distinct=3),
            Column("units", "BIGINT", nulls=1, distinct=4),
            Column("price", "DOUBLE", nulls=1, distinct=4),
            Column("sold_on", "DATE", nulls=1, distinct=5),
            Column("at", "TIMESTAMP", nulls=1, distinct=5),
            Column("paid", "BOOLEAN", nulls=1, distinct=2, words=("Yes", "No")),
            Column("customer_id", "BIGINT", nulls=1, distinct=3),
        ),
    ),
    Table(
        "customers",
        3,
        (
            Column("customer_id", "BIGINT", distinct=3),
            Column("name", "VARCHAR", distinct=3),
            Column("units", "BIGINT", distinct=3),
        ),
    ),
)


def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    sales = SALES.astype({"units": "Int64", "paid": "boolean", "customer_id": "Int64"})
    made.register("sales_frame", sales)
    made.register("customers_frame", CUSTOMERS)
    types = ", ".join(f'"{column.name}"::{column.type} AS "{column.name}"' for column in TABLES[0].columns)
    made.execute(f"CREATE TABLE sales AS SELECT {types} FROM sales_frame")
    made.execute("CREATE TABLE customers AS SELECT * FROM customers_frame")
    return made


def rows_of(text: str | Plan) -> list[tuple[Any, ...]]:
    """The rows that a plan, as a text or made by hand, gives on these tables."""
    plan = resolve(read_plan(text) if isinstance(text, str) else text, TABLES)
    with connection() as made:
        return made.execute(compile_plan(plan)).fetchall()


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)
