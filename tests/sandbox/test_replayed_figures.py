"""Pictures and charts of a run, drawn again in a real sandbox and compared with those that were kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from csvanalyst_ext.agent import charts, pictures
from csvanalyst_ext.analyst import Analyst
from csvanalyst_ext.capsules.store import Store
from csvanalyst_ext.config import Settings
from csvanalyst_ext.session.question import parse
from csvanalyst_ext.session.replay import Replay

DRAW = "bars = plt.bar(list(sales.city), list(sales.amount))"


class Desk:
    """An analyst over a real sandbox.  ``again`` replays the last run, with some of its steps changed."""

    def __init__(self, directory: Path, **changes: Any) -> None:
        self.settings = replace(Settings(), home=directory / "home", model_access="offline", **changes)
        self.analyst = Analyst(self.settings)
        (directory / "sales.csv").write_text("city,amount\nRome,1\nOslo,2\nRome,5\n")
        self.analyst.add(str(directory / "sales.csv"))

    def ask(self, text: str) -> Any:
        return self.analyst.ask(parse(text))

    def again(self, number: int = 1, **changes: Any) -> Replay:
        if changes:
            store = Store(self.settings.home / "capsules")
            kept = store.load(str(store.newest()))
            steps = [dict(step) for step in kept.record["steps"]]
            steps[number - 1] |= changes
            files = set(kept.record["files"]) - {"messages.json"}
            tables = {name: kept.table(name) for name in files if name.endswith(".arrow")}
            figures = {name: kept.file(name) for name in files if not name.endswith(".arrow")}
            new = "20990101-000000-abcdef"
            store.save({**kept.record, "id": new, "steps": steps}, tables, figures, id=new)
        return self.analyst.replay("last")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.analyst.close()


def test_a_picture_of_python_is_the_same_when_it_shows_the_same(desk: Desk) -> None:
    assert len(desk.ask(f"PYTHON: {DRAW}").figures) == 1
    done = desk.again()
    assert (done.verdict, done.steps[0].why) == ("same", "")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (DRAW.replace("))", "), color='red')"), "Figure 1: It is another picture."),
        (f"plt.figure(figsize=(2, 2))\n{DRAW}", "Figure 1: Then the picture had "),
        (f"{DRAW}\nplt.figure()\n{DRAW}", "Then it drew 1 figure, now 2 figures."),
    ],
)
def test_a_picture_that_shows_something_else_is_told(desk: Desk, code: str, why: str) -> None:
    desk.ask(f"PYTHON: {DRAW}")
    done = desk.again(code=code)
    assert done.verdict == "different" and done.steps[0].why.startswith(why)


def test_a_chart_is_drawn_again_of_the_result_as_it_is_now(desk: Desk) -> None:
    answer = desk.ask("total amount per city as a bar chart")
    assert answer.chart is not None
    done = desk.again()
    assert [(step.tool, step.verdict, step.why) for step in done.steps][-1] == ("make_chart", "same", "")
    query = next(n for n, step in enumerate(answer.steps, 1) if step.language == "sql")
    other = answer.steps[query - 1].code.replace("sum(", "max(")
    done = desk.again(query, code=other)
    assert [step.verdict for step in done.steps] == ["different", "different"]
    assert "1 of 2 drawn rows differ" in done.steps[-1].why


def test_a_chart_has_a_picture_beside_it(desk: Desk) -> None:
    answer = desk.ask("total amount per city as a bar chart")
    (picture,) = answer.pictures
    assert picture is not None and picture.startswith(b"\x89PNG")
    assert answer.figures == (), "it is the chart's, and not one more figure"
    assert sorted(path.name for path in answer.capsule.iterdir() if path.name.startswith("figure")) == [
        "figure-1.vl.json", "figure-2.png",
    ]  # fmt: skip


def test_without_python_a_chart_has_no_picture_and_is_still_drawn(tmp_path: Path) -> None:
    made = Desk(tmp_path, python_enabled=False)
    try:
        answer = made.ask("total amount per city as a bar chart")
        assert answer.chart is not None and answer.pictures == (None,)
    finally:
        made.analyst.close()


@pytest.mark.parametrize(
    "chart",
    [
        {"mark": "line", "encoding": {"x": {"field": "d"}, "y": {"field": "n"}, "color": {"field": "k"}}},
        {"mark": "area", "encoding": {"x": {"field": "n"}, "y": {"field": "n"}}},
        {"mark": "point", "encoding": {"x": {"field": "n"}, "y": {"field": "n"}, "color": {"field": "k"}}},
        {"mark": "bar", "encoding": {"x": {"field": "n"}, "y": {"field": "k"}, "color": {"field": "d"}}},
        {"mark": "bar", "encoding": {"x": {"field": "k"}, "y": {"field": "n"}, "color": {"field": "k"}}},
    ],
)
def test_every_kind_of_plain_picture_is_drawn(desk: Desk, chart: dict[str, Any]) -> None:
    table = pa.table({"k": ["$x_1$", "b", "b"], "n": [1, -2, 3], "d": pa.array([0, 1, 2], pa.date32())})
    code = pictures.program(charts.build({**chart, "title": "$\\\\frac{1}$"}, table))
    answer = desk.ask(f"PYTHON: {code}")
    assert len(answer.figures) == 1


def test_a_chart_of_another_questions_result_cannot_be_compared(desk: Desk) -> None:
    answer = desk.ask("total amount per city as a bar chart")
    chart = answer.steps[-1]
    done = desk.again(len(answer.steps), arguments={**chart.arguments, "result": "r9"})
    assert (done.steps[-1].verdict, done.verdict) == ("cannot", "cannot")
    assert "r9" in done.steps[-1].why
