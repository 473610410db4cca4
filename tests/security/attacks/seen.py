"""What came of one request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from csvanalyst_ext.errors import AnalystError
from csvanalyst_ext.execution.base import Outcome


@dataclass(frozen=True)
class Seen:
    """An outcome, or the error that the request cost the sandbox."""

    outcome: Outcome | None
    error: AnalystError | None
    seconds: float

    @property
    def status(self) -> str:
        return "lost" if self.outcome is None else self.outcome.status

    @property
    def code(self) -> str:
        fault = self.error if self.outcome is None else self.outcome.fault
        return "" if fault is None else fault.code

    @property
    def evidence(self) -> dict[str, Any]:
        """The one row that most attacks give: what was tried, and what came of it."""
        assert self.outcome is not None, self
        assert self.outcome.table is not None, self.outcome.fault or self.outcome
        [row] = self.outcome.table.to_pylist()
        return dict(row)

    @property
    def attempts(self) -> dict[str, str]:
        """The texts of the evidence, for a result that is one row."""
        table = None if self.outcome is None else self.outcome.table
        if table is None or table.num_rows != 1 or table.nbytes > 1_000_000:
            return {}
        return {name: value for name, value in self.evidence.items() if isinstance(value, str)}
