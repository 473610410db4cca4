"""A workbench for tests: real DuckDB in this process over small tables, with real profiles."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from csvanalyst_ext.datasets.dictionary import Dictionary
from csvanalyst_ext.datasets.model import ColumnProfile, Dataset, ResultTable
from csvanalyst_ext.execution.base import Outcome, ProgressSink
from csvanalyst_ext.protocol import Column, Fault


def profile(connection: duckdb.DuckDBPyConnection, table: str) -> Dataset:
    """What the sandbox would report of this table at ingest."""
    rows = int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchall()[0][0])
    columns = []
    for name, type_, *_ in connection.execute(f'DESCRIBE "{table}"').fetchall():
        quoted = '"' + name.replace('"', '""') + '"'
        distinct, known, low, high = connection.execute(
            f"SELECT count(DISTINCT {quoted}), count({quoted}), min({quoted})::VARCHAR, max({quoted})::VARCHAR "
            f'FROM "{table}"'
        ).fetchall()[0]
        values: tuple[str, ...] = ()
        if type_ in ("VARCHAR", "BOOLEAN"):
            found = connection.execute(
                f'SELECT {quoted}::VARCHAR FROM "{table}" WHERE {quoted} IS NOT NULL '
                "GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 50"
            ).fetchall()
            values = tuple(value for (value,) in found)
        columns.append(
            ColumnProfile(name, type_, rows - known, distinct, low, high, values, bool(values) and distinct <= 50)
        )
    return Dataset(table, f"test {table}", "csv", "0" * 64, f"{table}.parquet", rows, 0, tuple(columns))


class DuckDBWorkbench:
    """Answers from DuckDB, as the sandbox would."""

    def __init__(self, tables: Mapping[str, str | Path | pa.Table], *, python_enabled: bool = True) -> None:
        self.connection = duckdb.connect()
        for name, source in tables.items():
            if isinstance(source, pa.Table):
                self.connection.register("incoming", source)
                self.connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM incoming')
                self.connection.unregister("incoming")
            elif isinstance(source, Path):
                self.connection.execute(
                    f"CREATE TABLE \"{name}\" AS SELECT * FROM read_csv(?, nullstr = ['NA', ''])", [str(source)]
                )
            else:
                self.connection.execute(f'CREATE TABLE "{name}" AS {source}')
        self.python_enabled = python_enabled
        self.statements: list[str] = []
        self._datasets = tuple(profile(self.connection, name) for name in tables)

    def narrowed(self, names: Sequence[str]) -> DuckDBWorkbench:
        """The same data with only these tables in sight."""
        bench = copy.copy(self)
        bench._datasets = tuple(dataset for dataset in self._datasets if dataset.name in names)
        return bench

    def described(self, **dictionaries: Dictionary) -> DuckDBWorkbench:
        """The same data with these dictionaries."""
        bench = copy.copy(self)
        bench._datasets = tuple(
            dataclasses.replace(dataset, dictionary=dictionaries.get(dataset.name, dataset.dictionary))
            for dataset in self._datasets
        )
        return bench

    def datasets(self) -> Sequence[Dataset]:
        return self._datasets

    def results(self) -> Sequence[ResultTable]:
        return ()

    async def sql(self, text: str, *, keep: bool = True, progress: ProgressSink | None = None) -> Outcome:
        await asyncio.sleep(0)
        self.statements.append(text)
        try:
            result = self.connection.sql(text)
            described = result.description
            table = result.to_arrow_table()
        except duckdb.Error as error:
            return Outcome("error", Fault("sql_error", str(error)[:500], "Check the names."))
        columns = tuple(Column(name, str(kind)) for name, kind, *_ in described)
        return Outcome("ok", None, columns, table, table.num_rows, table.num_rows)

    async def python(self, code: str, *, progress: ProgressSink | None = None) -> Outcome:
        return Outcome("refused", Fault("python_disabled", "There is no Python here."))


def frame(**columns: Sequence[Any]) -> pa.Table:
    return pa.table({name: list(values) for name, values in columns.items()})
