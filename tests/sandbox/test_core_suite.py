"""The short suite on the shipped data: the offline planner through the whole product, with exact results."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from csvanalyst_ext.analyst import Analyst
from csvanalyst_ext.config import OFFLINE_MODEL, Settings
from csvanalyst_ext.evaluation.runner import attempt
from csvanalyst_ext.evaluation.scoring import EXACT, Verdict
from csvanalyst_ext.evaluation.suite import Item, load


@pytest.fixture(scope="module")
def analyst(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analyst]:
    made = Analyst(Settings(home=tmp_path_factory.mktemp("home"), model_access="offline"))
    yield made
    made.close()


@pytest.mark.parametrize("item", load("core"), ids=lambda item: item.id)
def test_the_planner_answers_exactly(analyst: Analyst, item: Item) -> None:
    given = attempt(analyst, item, model=OFFLINE_MODEL, rules=EXACT)
    assert given.verdict is Verdict.RIGHT, (item.ask, given.note, given.sql, given.rows)


def test_the_check_can_fail(analyst: Analyst) -> None:
    """A question whose known answer is wrong is not answered rightly."""
    item = next(item for item in load("core") if item.kind == "count")
    other = Item(item.id, item.kind, None, item.tables, ("How many rows are there?",), load("core")[-1].golds)
    assert attempt(analyst, other, model=OFFLINE_MODEL, rules=EXACT).verdict is Verdict.WRONG
