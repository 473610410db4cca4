"""Questions that say themselves what to run: SQL, Python, a plan.

Runs on the host, on the engine's loop.  No model takes part.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ..agent.events import Conclusion, Step, ToolEnded, ToolProgress, ToolStarted
from ..errors import AnalystError
from ..protocol import Fault
from .bench import Bench
from .question import Question

if TYPE_CHECKING:
    from .shelf import Emit

_CALL: Final = "1"


async def answer(question: Question, bench: Bench, emit: Emit, keep: Callable[[Conclusion], None]) -> Conclusion:
    """Run the one step of ``question``.

    ``keep`` is given what there is when it is stopped or cannot run.  Raises ``PlanError``, and the
    ``AnalystError`` of a sandbox that cannot be had.
    """
    step = _step(question, bench)
    keep(Conclusion("cancelled", steps=(step,)))
    emit(ToolStarted(_CALL, step.tool, step.arguments))
    run = bench.python if question.mode == "python" else bench.sql
    started = time.perf_counter()
    try:
        outcome = await run(step.code, progress=lambda rows, size: emit(ToolProgress(_CALL, rows, size)))
    except AnalystError as error:
        fault = Fault(error.code, error.message, error.hint)
        keep(Conclusion(error.status, steps=(replace(step, status=error.status, fault=fault),)))
        raise
    seconds = time.perf_counter() - started
    summary = f"{outcome.row_count:,} rows" if outcome.table is not None else outcome.status
    emit(ToolEnded(_CALL, step.tool, outcome.status, summary, seconds))
    done = replace(step, status=outcome.status, seconds=seconds, fault=outcome.fault, outcome=outcome)
    return Conclusion(outcome.status, "", (done,), outcome, outcome.fault)


def _step(question: Question, bench: Bench) -> Step:
    if question.mode == "plan":
        from ..agent.plan_tool import prepare

        prepared = prepare(question.text, bench.datasets(), bench.results())
        return Step("run_plan", {"plan": prepared.document()}, "sql", prepared.sql, "cancelled", 0.0, "")
    if question.mode == "sql":
        return Step("run_sql", {"sql": question.text}, "sql", question.text, "cancelled", 0.0, "")
    return Step("run_python", {"code": question.text}, "python", question.text, "cancelled", 0.0, "")
