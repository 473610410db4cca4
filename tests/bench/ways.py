"""Our sandbox and, as the yardstick, the same engines in process: both over the very same Parquet files.

In process is as fast as it can fairly be: one warm connection with as many threads as the sandbox has,
frames that lie in memory already, and results turned into the same thing as ours.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pandas as pd

from csvanalyst_ext.config import Settings
from csvanalyst_ext.engine import Engine
from csvanalyst_ext.protocol import Limits, PythonRequest, SqlRequest
from csvanalyst_ext.rendering import values
from csvanalyst_ext.session.question import Question
from csvanalyst_ext.session.session import AnalystSession

from .cases import Case
from .measuring import Answer

IN_PROCESS = "in process"
SETTINGS = Settings()
THREADS = max(1, round(min(SETTINGS.cpus, float(os.cpu_count() or 1))))
MOST_ROWS = 10_000_000


class Way(Protocol):
    """``runs`` is how many calls it is given where the fastest have 1; ``ask`` answers a case."""

    name: str
    runs: float

    def ask(self, case: Case) -> Answer: ...

    def ingest(self, source: Path) -> Answer: ...

    def close(self) -> None: ...


class InProcess:
    """DuckDB and pandas in this process."""

    name = IN_PROCESS
    runs = 1.0

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._connection = duckdb.connect(config={"threads": THREADS})
        self._connection.execute("SET enable_progress_bar = false")
        for name, file in files.items():
            self._connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{file}')")
        self._frames: dict[str, pd.DataFrame] = {}

    def ask(self, case: Case) -> Answer:
        if case.language == "python":
            return Answer(eval(case.text, {name: self._frame(name) for name in case.tables}))
        relation = self._connection.sql(case.text)
        return Answer(relation.to_arrow_table() if case.gives == "arrow" else relation.df())

    def _frame(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            self._frames[name] = self._connection.table(name).df()
        return self._frames[name]

    def ingest(self, source: Path) -> Answer:
        target = source.with_suffix(".parquet")
        self._connection.execute(f"COPY (FROM read_csv('{source}')) TO '{target}' (FORMAT parquet)")
        return Answer(after=target.unlink)

    def close(self) -> None:
        self._connection.close()


class Sandbox:
    """One session of ours, asked the way a cell asks: from another thread than its loop's."""

    def __init__(self, name: str, settings: Settings, home: Path, runs: float = 1.0) -> None:
        self.name, self.runs = name, runs
        self.settings = replace(settings, home=home)
        self._engine = Engine()
        self._session = AnalystSession.open(self.settings)
        self._added = 0

    def add(self, text: str, name: str | None = None, variables: Mapping[str, Any] | None = None) -> Path:
        """Register a data set; its Parquet file."""
        [dataset] = self._submit(self._session.add(text, name=name, variables=variables))
        return next((self.settings.home / "sessions").rglob(f"tables/{dataset.file}"))

    def run(self, request: SqlRequest | PythonRequest) -> Any:
        return self._submit(self._session._executor.run(request)).raise_for_status()

    def ask(self, case: Case) -> Answer:
        if case.whole:
            asked = Question(case.text, mode=case.language, datasets=case.tables)
            run = self._submit(self._session.ask(asked)).raise_for_status()
            return Answer(values.to_pandas(run.result.table), run.timings)
        limits = Limits(max_rows=MOST_ROWS)
        kind = SqlRequest(case.text, case.tables, True, limits)
        outcome = self.run(kind if case.language == "sql" else PythonRequest(case.text, case.tables, limits))
        table = outcome.table
        return Answer(table if case.gives == "arrow" else values.to_pandas(table), outcome.timings)

    def ingest(self, source: Path) -> Answer:
        """All that `add` does: copy and hash, check, profile, Parquet into the cache, a table in the session."""
        self._added += 1
        self.add(str(source), f"large{self._added}")
        return Answer(after=lambda: self._submit(self._session.forget()))

    def facts(self) -> Mapping[str, Any]:
        return self._session.facts()

    def close(self) -> None:
        self._submit(self._session.close())
        self._engine.close()

    def _submit(self, coroutine: Any) -> Any:
        return self._engine.submit(lambda emit: coroutine)
