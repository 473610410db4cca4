"""The questions that ship with the data: the offline planner answers the simple ones, and none wrongly."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import pytest

from csvanalyst_ext.agent.limits import AgentLimits
from csvanalyst_ext.agent.loop import answer
from csvanalyst_ext.agent.review import numbers
from csvanalyst_ext.agent.tools import toolbox
from csvanalyst_ext.config import OFFLINE_MODEL, Settings
from csvanalyst_ext.llm.gateway import Gateway
from csvanalyst_ext.rendering.values import json_rows

from .bench import DuckDBWorkbench
from .conftest import Run

DATASETS = Path(__file__).parents[2] / "datasets"
QUESTIONS: list[dict[str, Any]] = tomllib.loads((DATASETS / "questions.toml").read_text("utf-8"))["question"]
LEAST_SHARE = 0.95
"""Of the questions of level simple."""


def same(found: list[list[Any]], question: dict[str, Any]) -> bool:
    expected = question["answer"]
    if not question["ordered"]:
        found, expected = (sorted(rows, key=lambda row: [str(cell) for cell in row]) for rows in (found, expected))
    return len(found) == len(expected) and all(
        len(row) == len(wanted) and all(map(lambda a, b: cell(a, b, question["tolerance"]), row, wanted))
        for row, wanted in zip(found, expected, strict=True)
    )


def cell(found: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(found, int | float) and isinstance(expected, int | float):
        return math.isclose(found, expected, rel_tol=tolerance)
    return str(found) == str(expected)


@pytest.fixture(scope="module")
def bench() -> DuckDBWorkbench:
    files = {path.name.split(".")[0]: path for path in DATASETS.glob("*.csv*")}
    names = sorted({name for question in QUESTIONS for name in question["tables"]})
    return DuckDBWorkbench({name: files[name] for name in names})


def test_simple_questions_are_answered_and_none_wrongly(run: Run, bench: DuckDBWorkbench) -> None:
    gateway = Gateway(Settings(model_access="offline"))
    right, refused, wrong, unfound = [], [], [], []
    for question in QUESTIONS:
        box = toolbox(bench.narrowed(question["tables"]))
        conclusion = run(
            answer(
                question["question"], gateway=gateway, model=OFFLINE_MODEL, toolbox=box, limits=AgentLimits(),
                emit=lambda event: None,
            )
        )  # fmt: skip
        if conclusion.status == "ok":
            marks = numbers(conclusion, question["question"], {})
            unfound += [(mark.text, conclusion.prose) for mark in marks if mark.status == "not found"]
        if conclusion.status == "clarify":
            refused.append(question)
        elif conclusion.result is not None and same(json_rows(conclusion.result.table), question):
            right.append(question)
        else:
            wrong.append((question["question"], conclusion.prose))
    assert wrong == []
    assert unfound == [], "every figure of the planner's own prose stands in its result"
    simple = [question for question in QUESTIONS if question["level"] == "simple"]
    missed = [question["question"] for question in refused if question["level"] == "simple"]
    assert len(missed) <= (1 - LEAST_SHARE) * len(simple), missed
