"""What one question may touch: the visible data sets, and the sandbox under this question's limits.

Runs on the host, on the engine's loop.  It is the agent's ``Workbench``, and explicit SQL and Python
go the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..datasets.model import Dataset, ResultTable
from ..datasets.policy import FULL, SCHEMA, SMALLEST_GROUP
from ..execution.base import Executor, Outcome, ProgressSink
from ..llm.boundary import Boundary
from ..protocol import Limits, PythonRequest, SqlRequest
from .results import CodeRequest, NamedResults


class Bench:
    """``tables`` are the visible names, ``None`` for all.  ``start`` counts the seconds that requests waited for
    the sandbox to come up.  ``boundary`` is given when what is found is told to a model elsewhere."""

    def __init__(
        self,
        executor: Executor,
        datasets: Sequence[Dataset],
        results: NamedResults,
        *,
        tables: tuple[str, ...] | None,
        limits: Limits,
        python_enabled: bool,
        boundary: Boundary | None = None,
    ) -> None:
        self._executor = executor
        self._datasets = tuple(datasets)
        self._results = results
        self._tables = tables
        self._limits = limits
        self._python_enabled = python_enabled
        self._boundary = boundary
        self.start = 0.0

    @property
    def python_enabled(self) -> bool:
        return self._python_enabled

    def datasets(self) -> Sequence[Dataset]:
        return self._datasets

    def results(self) -> Sequence[ResultTable]:
        return self._results.tables

    async def sql(self, text: str, *, keep: bool = True, progress: ProgressSink | None = None) -> Outcome:
        request = SqlRequest(text, self._tables, True, self._limits)
        outcome = await self._run(request, keep, progress)
        reads = self._reads(outcome)
        floored = await self._floored(request, outcome, reads)
        return replace(
            outcome,
            language="sql",
            reads=reads,
            names_of_cells=self._results.names_of_cells(request, outcome),
            plain=floored is not None and floored.fault is not None and floored.fault.details.get("plain") is True,
            aggregated=floored if floored is not None and floored.table is not None else None,
        )

    async def python(self, code: str, *, progress: ProgressSink | None = None) -> Outcome:
        outcome = await self._run(PythonRequest(code, self._tables, self._limits), True, progress)
        return replace(outcome, language="python", names_of_cells=True)

    async def _floored(self, request: SqlRequest, outcome: Outcome, reads: frozenset[str] | None) -> Outcome | None:
        """What came of the same query without small groups, where a model may be told that of it and no more."""
        if self._boundary is None or outcome.table is None or not reads:
            return None
        if not SCHEMA < self._boundary.strictest(reads) < FULL:
            return None
        exempt = self._boundary.open_tables()
        asked = replace(request, floor=SMALLEST_GROUP, exempt=exempt)
        found = await self._executor.run(asked)
        return replace(found, language="sql", reads=reads)

    def _reads(self, outcome: Outcome) -> frozenset[str] | None:
        """The data sets of a query that passed the gate; ``None`` also when it reads an earlier result."""
        tables = outcome.report.get("verdict", {}).get("tables")
        known = {dataset.name for dataset in self._datasets}
        if not isinstance(tables, list) or not all(isinstance(name, str) and name in known for name in tables):
            return None
        return frozenset(tables)

    async def _run(self, request: CodeRequest, keep: bool, progress: ProgressSink | None) -> Outcome:
        if keep:
            request = self._results.named(request)
        outcome = await self._run_one(request, progress)
        if outcome.fault is None:
            return outcome
        missing = self._results.missing(request.text, outcome.kept)
        for earlier in missing:
            if (again := await self._run_one(earlier, None)).fault is not None:
                return again
        return await self._run_one(request, progress) if missing else outcome

    async def _run_one(self, request: CodeRequest, progress: ProgressSink | None) -> Outcome:
        outcome = await self._executor.run(request, progress=progress)
        self._results.remember(request, outcome)
        self.start += outcome.timings.get("start", 0.0)
        return outcome
