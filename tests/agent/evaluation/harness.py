"""Asks the questions of a suite of the offline planner, through the real loop and real LiteLLM.

DuckDB runs in this process, so that a question takes milliseconds; ``__main__`` has ``--sandbox`` for the whole road.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from csvanalyst_ext.agent.events import Conclusion
from csvanalyst_ext.agent.limits import AgentLimits
from csvanalyst_ext.agent.loop import answer
from csvanalyst_ext.agent.tools import toolbox
from csvanalyst_ext.config import OFFLINE_MODEL, Settings
from csvanalyst_ext.evaluation.scoring import judge
from csvanalyst_ext.evaluation.suite import Item, read
from csvanalyst_ext.evaluation.tally import Attempt
from csvanalyst_ext.llm.gateway import Gateway
from csvanalyst_ext.rendering.values import json_rows

from ..bench import DuckDBWorkbench

HERE = Path(__file__).parent
SHIPPED = Path(__file__).parents[3] / "datasets"
OPEN = (SHIPPED / "suite.toml", HERE / "open_invented.toml")
LATER = (HERE / "later.toml",)
"""Open too, on data sets that came later; written before the planner was asked any of them."""
HELD_BACK = (HERE / "held_back_shipped.toml", HERE / "held_back_invented.toml")
"""Whoever works on the planner does not read these, nor their failures."""


def items(paths: Iterable[Path]) -> tuple[Item, ...]:
    return tuple(item for path in paths for item in read(path))


class Benches:
    """A workbench for each question with exactly its tables in sight; each file is read once."""

    def __init__(self, chosen: Iterable[Item]) -> None:
        tables: dict[Path | None, dict[str, Path]] = {}
        for item in chosen:
            tables.setdefault(item.data, {}).update({name: file_of(item, name) for name in item.tables})
        self._of = {data: DuckDBWorkbench(files) for data, files in tables.items()}

    def of(self, item: Item) -> DuckDBWorkbench:
        return self._of[item.data].narrowed(item.tables)


def file_of(item: Item, table: str) -> Path:
    if item.data is not None:
        return item.data / f"{table}.csv"
    return next(iter(SHIPPED.glob(f"{table}.csv*")))


def conclusions(run: Any, gateway: Gateway, bench: DuckDBWorkbench, item: Item) -> Iterator[Conclusion]:
    """The question, or the conversation up to its first failure, asked; ``run`` runs a coroutine."""
    history: tuple[Any, ...] = ()
    for text in item.ask:
        conclusion = run(
            answer(
                text, gateway=gateway, model=OFFLINE_MODEL, toolbox=toolbox(bench), limits=AgentLimits(),
                history=history, emit=lambda event: None,
            )
        )  # fmt: skip
        yield conclusion
        if conclusion.status != "ok":
            break
        history = (*history, *conclusion.messages[1 + len(history) :])


def ask(run: Any, gateway: Gateway, bench: DuckDBWorkbench, item: Item) -> Attempt:
    """What came of the item."""
    started = time.perf_counter()
    *_, conclusion = conclusions(run, gateway, bench, item)
    table = conclusion.result.table if conclusion.result is not None else None
    rows = None if table is None else json_rows(table)
    ran = [step.code for step in conclusion.steps if step.language == "sql"]
    return Attempt(
        id=item.id,
        kind=item.kind,
        ask=item.ask,
        verdict=judge(item, conclusion.status, rows),
        answerable=bool(item.golds),
        status=conclusion.status,
        seconds=time.perf_counter() - started,
        sql=ran[-1] if ran else None,
        rows=None if rows is None else tuple(tuple(row) for row in rows[:10]),
        note=conclusion.prose or (conclusion.fault.message if conclusion.fault else ""),
    )


def attempts(chosen: Sequence[Item]) -> Iterator[Attempt]:
    """Each question asked once, in this process."""
    gateway = Gateway(Settings(model_access="offline"))
    benches = Benches(chosen)
    with asyncio.Runner() as runner:
        for item in chosen:
            yield ask(runner.run, gateway, benches.of(item), item)
