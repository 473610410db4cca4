"""What a data dictionary says reaches plans, the offline planner and models by one road: measures, keys, references."""

from __future__ import annotations

from typing import Any

import pytest

from csvanalyst_ext.agent.plan_tool import prepare, table_of
from csvanalyst_ext.agent.replies import of_dataset
from csvanalyst_ext.datasets.policy import policy
from csvanalyst_ext.errors import PlanError
from csvanalyst_ext.llm.datablock import parse
from csvanalyst_ext.planning.compile import compile_plan
from csvanalyst_ext.planning.describe import answer
from csvanalyst_ext.planning.document import plan_of
from csvanalyst_ext.planning.schema import table_of as read_table
from csvanalyst_ext.planning.understand import NotUnderstood, Understood, understand
from csvanalyst_ext.session.dictionaries import dictionary_in

from .bench import DuckDBWorkbench

LINES = """SELECT * FROM (VALUES
  ('A', 1, 'north', 2.0, 3, 1.0), ('A', 2, 'north', 4.0, 1, 2.0), ('B', 1, 'south', 10.0, 2, 5.0),
  ('C', 1, 'south', 1.0, NULL, 0.5), ('C', 2, 'east', 3.0, 4, 1.0), ('C', 3, 'east', 5.0, 1, 1.0)
) AS t(order_no, line, region, price, quantity, unit_cost)"""
RETURNS = """SELECT * FROM (VALUES ('A', 2, 'broken', 1), ('C', 2, 'late', 3), ('C', 3, 'broken', 1))
AS t(order_no, line, reason, pieces)"""
SAID = {
    "lines": """
key: [order_no, line]
synonyms: [order lines]
measures:
  revenue: {formula: sum(price * quantity), unit: EUR, synonyms: [turnover]}
  margin: sum(price * quantity - unit_cost * quantity) / sum(price * quantity)
  dearest: max(price)
  orders placed: count(distinct order_no)
""",
    "returns": """
key: [order_no, line]
measures: {returned: sum(pieces)}
references:
  - {columns: [order_no, line], refers_to: [lines.order_no, lines.line]}
""",
}


@pytest.fixture(scope="module")
def bench() -> DuckDBWorkbench:
    plain = DuckDBWorkbench({"lines": LINES, "returns": RETURNS})
    return plain.described(**{name: dictionary_in(text, name) for name, text in SAID.items()})


def rows(bench: DuckDBWorkbench, plan: dict[str, Any]) -> tuple[list[str], list[tuple[Any, ...]]]:
    made = bench.connection.sql(prepare(plan, bench.datasets()).sql)
    return made.columns, made.fetchall()


def told(bench: DuckDBWorkbench, question: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The answer of the planner, which knows the tables from the descriptions that any model gets."""
    tables = []
    for dataset in bench.datasets():
        told_ = of_dataset(dataset).see
        assert told_ is not None
        head, data = parse(told_(policy("full")))
        tables.append(read_table(dataset.name, head, data["columns"], data))
        known, ours = tables[-1], table_of(dataset)
        assert (known.measures, known.references, known.key) == (ours.measures, ours.references, ours.key)
    meaning = understand(question, tables)
    assert isinstance(meaning, Understood), meaning
    made = bench.connection.sql(compile_plan(meaning.plan))
    found = made.fetchall()
    assert answer(meaning.plan, made.columns, found, len(found))
    return made.columns, found


# --- measures in plans ----------------------------------------------------------------------------


def test_a_measure_is_named_in_a_plan_and_computed_from_its_formula(bench: DuckDBWorkbench) -> None:
    plan = {"from": "lines", "group_by": "region", "measures": ["revenue", "count"], "order": "Revenue"}
    found = (["region", "revenue", "rows"], [("north", 10.0, 2), ("east", 17.0, 2), ("south", 20.0, 2)])
    assert rows(bench, plan) == found
    assert rows(bench, {**plan, "measures": ["turnover", "count"], "order": "turnover"}) == found


def test_a_measure_of_two_aggregates_is_one_number(bench: DuckDBWorkbench) -> None:
    columns, found = rows(bench, {"from": "lines", "measures": ["margin", "orders placed"]})
    assert columns == ["margin", "orders placed"]
    assert found == [(pytest.approx((47 - 20) / 47), 3)]


@pytest.mark.parametrize(
    ("plan", "found"),
    [
        ({"measures": [{"window": "share", "of": "revenue", "name": "part"}], "order": "region"},
         [("east", 17 / 47), ("north", 10 / 47), ("south", 20 / 47)]),
        ({"having": [{"measure": "revenue", "operator": ">", "value": 15}], "order": "region"},
         [("east",), ("south",)]),
        ({"measures": [{"function": "measure", "column": "revenue", "where": [
            {"column": "line", "operator": "=", "value": 1}]}], "order": "region"},
         [("east", None), ("north", 6.0), ("south", 20.0)]),
        ({"measures": [{"combine": "/", "left": "revenue", "right": "count", "name": "x"}], "order": "region"},
         [("east", 8.5), ("north", 5.0), ("south", 10.0)]),
        ({"measures": ["revenue"], "order": {"by": "revenue", "descending": True}, "first": 1}, [("south", 20.0)]),
    ],
)  # fmt: skip
def test_a_measure_can_stand_wherever_measures_can(
    bench: DuckDBWorkbench, plan: dict[str, Any], found: list[tuple[Any, ...]]
) -> None:
    assert rows(bench, {"from": "lines", "group_by": "region", **plan})[1] == found


def test_a_plan_that_is_resolved_stays_as_it_is(bench: DuckDBWorkbench) -> None:
    prepared = prepare({"from": "lines", "measures": ["revenue", "margin"]}, bench.datasets())
    again = prepare(prepared.document(), bench.datasets())
    assert (again.sql, again.plan) == (prepared.sql, prepared.plan) and plan_of(prepared.document()) == prepared.plan


def test_a_measure_that_nobody_declared_is_said(bench: DuckDBWorkbench) -> None:
    for said, hint in (("profit", "margin"), ("price", "function")):
        with pytest.raises(PlanError) as caught:
            prepare({"from": "lines", "measures": [said]}, bench.datasets())
        assert caught.value.code == "plan_unknown_measure" and caught.value.details["path"] == "measures[0]"
        assert hint in str(caught.value)
        assert "margin" in caught.value.details["valid"]


# --- keys of several columns ------------------------------------------------------------------------


def test_a_declared_key_of_two_columns_joins_by_both(bench: DuckDBWorkbench) -> None:
    plan = {"from": "returns", "joins": [{"table": "lines"}], "group_by": "reason", "measures": ["revenue", "returned"]}
    assert rows(bench, plan)[1] == [("broken", 9.0, 2), ("late", 12.0, 3)]


@pytest.fixture(scope="module")
def unsure(bench: DuckDBWorkbench) -> DuckDBWorkbench:
    """Nobody has said that a line is returned once at most."""
    return bench.described(returns=dictionary_in(SAID["returns"].replace("key: [order_no, line]", ""), "returns"))


def test_a_measure_that_the_join_would_count_twice_is_refused(unsure: DuckDBWorkbench, bench: DuckDBWorkbench) -> None:
    plan = {"from": "lines", "joins": [{"table": "returns"}], "measures": ["revenue"]}
    with pytest.raises(PlanError) as caught:
        prepare(plan, unsure.datasets())
    assert caught.value.code == "plan_repeats_rows"
    assert rows(bench, plan)[1] == [(21.0,)]


def test_a_measure_of_rows_that_may_be_referred_to_several_times_is_refused(unsure: DuckDBWorkbench) -> None:
    plan = {"from": "returns", "joins": [{"table": "lines"}], "group_by": "reason", "measures": ["revenue"]}
    with pytest.raises(PlanError) as caught:
        prepare(plan, unsure.datasets())
    assert caught.value.code == "plan_repeats_rows"
    assert isinstance(understand("revenue by reason", [table_of(d) for d in unsure.datasets()]), NotUnderstood)
    assert rows(unsure, {**plan, "measures": ["returned"]})[1] == [("broken", 2), ("late", 3)]


# --- the planner -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "columns", "found"),
    [
        ("What is the revenue?", ["revenue"], [(47.0,)]),
        ("What is the total turnover?", ["revenue"], [(47.0,)]),
        ("revenue by region", ["region", "revenue"], [("east", 17.0), ("north", 10.0), ("south", 20.0)]),
        ("Which region has the highest revenue?", ["region", "revenue"], [("south", 20.0)]),
        ("margin of each region", ["region", "margin"],
         [("east", pytest.approx(0.7058823)), ("north", 0.5), ("south", 0.5)]),
        ("What is the revenue in the north?", ["revenue"], [(10.0,)]),
        ("How much revenue came with broken returns?", None, None),
        ("revenue by reason", ["reason", "revenue"], [("broken", 9.0), ("late", 12.0)]),
        ("average price by reason", ["reason", "average price"], [("broken", 4.5), ("late", 3.0)]),
        ("returned by region", ["region", "returned"], [("east", 4), ("north", 1)]),
        ("orders placed by region", ["region", "orders placed"], [("east", 1), ("north", 1), ("south", 2)]),
        ("Which order lines have no returns?", None, 3),
        ("top 2 regions by revenue", ["region", "revenue"], [("south", 20.0), ("east", 17.0)]),
        ("regions with revenue above 15", ["region"], [("east",), ("south",)]),
    ],
)  # fmt: skip
def test_the_planner_answers_with_measures_and_over_two_columns(
    bench: DuckDBWorkbench, question: str, columns: list[str] | None, found: Any
) -> None:
    if columns is None and found is None:
        assert isinstance(understand(question, [table_of(d) for d in bench.datasets()]), NotUnderstood)
        return
    names, rows_ = told(bench, question)
    if columns is None:
        assert len(rows_) == found
        return
    assert (names, sorted(rows_)) == (columns, sorted(found))
