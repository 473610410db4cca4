"""What one question may touch: the visible data sets, and the sandbox under this question's limits.

Runs on the host, on the engine's loop.  It is the agent's ``Workbench``, and explicit SQL and Python
go the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..datasets.model import Dataset
from ..execution.base import Executor, Outcome, ProgressSink
from ..protocol import Limits, PythonRequest, SqlRequest


class Bench:
    """``tables`` are the visible names, ``None`` for all.  ``start`` counts the seconds that requests waited for
    the sandbox to come up."""

    def __init__(
        self,
        executor: Executor,
        datasets: Sequence[Dataset],
        *,
        tables: tuple[str, ...] | None,
        limits: Limits,
        python_enabled: bool,
    ) -> None:
        self._executor = executor
        self._datasets = tuple(datasets)
        self._tables = tables
        self._limits = limits
        self._python_enabled = python_enabled
        self.start = 0.0

    @property
    def python_enabled(self) -> bool:
        return self._python_enabled

    def datasets(self) -> Sequence[Dataset]:
        return self._datasets

    async def sql(self, text: str, *, progress: ProgressSink | None = None) -> Outcome:
        return await self._run(SqlRequest(text, self._tables, True, self._limits), progress)

    async def python(self, code: str, *, progress: ProgressSink | None = None) -> Outcome:
        return await self._run(PythonRequest(code, self._tables, self._limits), progress)

    async def _run(self, request: SqlRequest | PythonRequest, progress: ProgressSink | None) -> Outcome:
        outcome = await self._executor.run(request, progress=progress)
        self.start += outcome.timings.get("start", 0.0)
        return outcome
