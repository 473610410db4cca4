"""What the suites of the loop share: a workbench with canned outcomes, and one call that asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from csvanalyst_ext.agent.events import Conclusion, Event
from csvanalyst_ext.agent.limits import AgentLimits
from csvanalyst_ext.agent.loop import answer
from csvanalyst_ext.agent.tools import toolbox
from csvanalyst_ext.config import Settings
from csvanalyst_ext.datasets.model import ColumnProfile, Dataset, ResultTable
from csvanalyst_ext.execution.base import Outcome, ProgressSink
from csvanalyst_ext.llm.gateway import Gateway, Patience
from csvanalyst_ext.llm.scripted import ScriptedModel
from csvanalyst_ext.protocol import Column, Fault

MODEL = "openai/scripted"
AT_ONCE = Patience(attempts=3, wait=0.0, longest_wait=0.0, silence=30.0)

SALES = Dataset(
    "sales", "sales.csv", "csv", "0" * 64, "sales.parquet", 3, 100,
    (
        ColumnProfile("city", "VARCHAR", distinct=2, values=("Rome", "Oslo"), all_values=True),
        ColumnProfile("amount", "BIGINT", distinct=3, minimum="1", maximum="9"),
    ),
)  # fmt: skip


def ok(**columns: Sequence[Any]) -> Outcome:
    table = pa.table({name: list(values) for name, values in columns.items()})
    names = tuple(Column(f.name, "BIGINT" if pa.types.is_integer(f.type) else "VARCHAR") for f in table.schema)
    return Outcome("ok", None, names, table, table.num_rows, table.num_rows)


def failed(code: str = "unknown_column", status: str = "error") -> Outcome:
    return Outcome(status, Fault(code, "There is no column x.", "Use city or amount."), names_of_cells=False)


@dataclass
class CannedWorkbench:
    """Gives the next outcome for each SQL or Python call, and remembers what it was asked.

    An outcome may be an exception, which is raised, or an async function, which is awaited.
    """

    outcomes: list[Any] = field(default_factory=lambda: [ok(total=[42])])
    python_enabled: bool = True
    tables: tuple[Dataset, ...] = (SALES,)
    asked: list[str] = field(default_factory=list)

    def datasets(self) -> Sequence[Dataset]:
        return self.tables

    def results(self) -> Sequence[ResultTable]:
        return ()

    async def sql(self, text: str, *, keep: bool = True, progress: ProgressSink | None = None) -> Outcome:
        return await self._next(text, progress)

    async def python(self, code: str, *, progress: ProgressSink | None = None) -> Outcome:
        return await self._next(code, progress)

    async def _next(self, text: str, progress: ProgressSink | None) -> Outcome:
        self.asked.append(text)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if progress is not None:
            progress(1, 8)
        await asyncio.sleep(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return await outcome() if callable(outcome) else outcome


def gateway_to(server: ScriptedModel, patience: Patience = AT_ONCE) -> Gateway:
    return Gateway(
        Settings(api_base=server.api_base, model_access="loopback", default_policy="full"), patience=patience
    )


async def ask(
    server: ScriptedModel,
    workbench: CannedWorkbench | None = None,
    *,
    question: str = "How much in all?",
    limits: AgentLimits | None = None,
    patience: Patience = AT_ONCE,
    emit: Callable[[Event], None] = lambda event: None,
    **options: Any,
) -> Conclusion:
    given: dict[str, Any] = {"gateway": gateway_to(server, patience), "model": MODEL, **options}
    conclusion = await answer(
        question,
        toolbox=toolbox(workbench or CannedWorkbench()),
        limits=limits or AgentLimits(),
        emit=emit,
        **given,
    )
    assert_paired(conclusion.messages)
    return conclusion


def assert_paired(messages: Sequence[Any]) -> None:
    """Each tool call has exactly one reply, in order, before anything else."""
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            assert waiting, "a reply without a call"
            assert message["tool_call_id"] == waiting.pop(0)
        else:
            assert not waiting, f"no reply to {waiting}"
            waiting = [call["id"] for call in message.get("tool_calls") or ()]
    assert not waiting, f"no reply to {waiting}"
