"""The tool ``run_plan``: a plan in, its SQL and rows out; mistakes come back as data."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from csvanalyst_ext.agent.events import Conclusion
from csvanalyst_ext.agent.limits import AgentLimits
from csvanalyst_ext.agent.loop import answer
from csvanalyst_ext.agent.plan_tool import prepare
from csvanalyst_ext.agent.tools import ToolResult, check, run_plan, toolbox
from csvanalyst_ext.llm.datablock import parse
from tests.support.fakes import FakeModel

from . import tables
from .bench import DuckDBWorkbench
from .conftest import Run

ROOT = Path(__file__).parents[2]
PLAN = {"from": "Trips", "group_by": ["Carriers"], "measures": ["count"], "order": ["rows"], "first": 1}


@pytest.fixture(scope="module")
def bench() -> DuckDBWorkbench:
    return DuckDBWorkbench({"trips": tables.TRIPS, "customers": tables.CUSTOMERS, "orders": tables.ORDERS})


def called(run: Run, bench: DuckDBWorkbench, plan: dict[str, Any]) -> ToolResult:
    return run(run_plan(bench).run({"plan": plan}, None))


def test_a_plan_gives_its_rows_and_shows_its_sql(run: Run, bench: DuckDBWorkbench) -> None:
    result = called(run, bench, PLAN)
    head, data = parse(result.reply)
    assert (head["status"], data["rows"]) == ("ok", [["WN", 1]])
    assert data["sql"] == result.code == bench.statements[-1]
    assert 'FROM "trips"' in result.code


@pytest.mark.parametrize(
    ("plan", "code", "said"),
    [
        ({"from": "trip"}, "ok", ""),
        ({"from": "flights"}, "plan_unknown_table", "There is: trips"),
        ({"from": "trips", "group_by": ["origin", "carier"]}, "plan_unknown_column", "There is: carrier"),
        ({"from": "trips", "measures": [{"function": "mean", "column": "origin"}]}, "plan_column_type", "measures[0]"),
        ({"from": "trips", "measure": []}, "plan_unknown_key", "measures"),
    ],
)
def test_a_mistake_comes_back_as_data_with_its_place(
    run: Run, bench: DuckDBWorkbench, plan: dict[str, Any], code: str, said: str
) -> None:
    before = len(bench.statements)
    result = called(run, bench, plan)
    if code == "ok":
        assert result.status == "ok"
        return
    head, data = parse(result.reply)
    assert (head["status"], head["error"]) == ("error", code)
    assert said in data["message"] + data["hint"]
    assert len(bench.statements) == before


def test_the_examples_of_the_documentation_run_on_the_shipped_data() -> None:
    page = (ROOT / "docs" / "reference" / "plan.md").read_text("utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    names = ("flights.csv.gz", "airlines.csv", "airports.csv", "penguins.csv")
    shipped = DuckDBWorkbench({name.split(".")[0]: ROOT / "datasets" / name for name in names})
    assert len(examples) >= 8
    for example in examples:
        assert shipped.connection.execute(prepare(example, shipped.datasets()).sql).fetchall(), example


def test_arguments_that_are_no_object_are_refused(bench: DuckDBWorkbench) -> None:
    fault = check(run_plan(bench), {"plan": "from: trips"})
    assert fault is not None and fault.code == "tool_arguments"


def test_the_step_of_the_agent_has_the_sql(run: Run, bench: DuckDBWorkbench) -> None:
    conclusion: Conclusion = run(
        answer(
            "Which carrier has the fewest flights?",
            gateway=FakeModel(("run_plan", json.dumps({"plan": PLAN})), "WN, with 1 flight."),
            model="fake",
            toolbox=toolbox(bench),
            limits=AgentLimits(),
            emit=lambda event: None,
        )
    )
    assert (conclusion.status, conclusion.steps[0].language) == ("ok", "sql")
    assert conclusion.steps[0].code == bench.statements[-1]
