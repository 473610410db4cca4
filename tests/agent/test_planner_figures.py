"""The offline planner's own prose: each of its figures stands in the result that it speaks of."""

from __future__ import annotations

from pathlib import Path

import pytest

from csvanalyst_ext.agent.limits import AgentLimits
from csvanalyst_ext.agent.loop import answer
from csvanalyst_ext.agent.review import numbers
from csvanalyst_ext.agent.tools import toolbox
from csvanalyst_ext.config import OFFLINE_MODEL, Settings
from csvanalyst_ext.llm.gateway import Gateway

from .bench import DuckDBWorkbench
from .conftest import Run
from .evaluation import harness
from .test_offline_answers import ANSWERS, BENCHES


@pytest.mark.parametrize("bench", BENCHES)
def test_every_figure_is_found(run: Run, bench: str) -> None:
    work, gateway, told, unfound = DuckDBWorkbench(BENCHES[bench]), Gateway(Settings(model_access="offline")), 0, []
    for question in [asked for name, asked, *_ in ANSWERS if name == bench]:
        conclusion = run(
            answer(
                question,
                gateway=gateway,
                model=OFFLINE_MODEL,
                toolbox=toolbox(work),
                limits=AgentLimits(),
                emit=lambda event: None,
            )
        )
        marks = numbers(conclusion, question, {}) if conclusion.status == "ok" else ()
        told += len(marks)
        unfound += [(mark.text, mark.how, conclusion.prose) for mark in marks if mark.status == "not found"]
    assert unfound == []
    assert told


@pytest.mark.parametrize("path", [*harness.OPEN, *harness.LATER], ids=lambda path: path.stem)
def test_every_figure_is_found_whatever_is_asked(run: Run, path: Path) -> None:
    gateway, asked = Gateway(Settings(model_access="offline")), harness.items([path])
    benches, told, unfound = harness.Benches(asked), 0, []
    for item in asked:
        answers = harness.conclusions(run, gateway, benches.of(item), item)
        for question, conclusion in zip(item.ask, answers, strict=False):
            marks = numbers(conclusion, question, {}) if conclusion.status == "ok" else ()
            told += len(marks)
            unfound += [(mark.text, mark.how, conclusion.prose) for mark in marks if mark.status == "not found"]
    assert unfound == []
    assert told > 100
