"""Which chart a plan's result gets, and that only what adds up is stacked."""

from __future__ import annotations

import pytest

from csvanalyst_ext.planning.drawing import specification
from csvanalyst_ext.planning.plan import Combination, Dimension, Measure, Measured, Plan

COLUMNS = [("origin", "VARCHAR"), ("month", "VARCHAR"), ("value", "DOUBLE")]


def drawn(measure: Measured, kind: str = "bar", *, bucket: bool = False) -> dict[str, object]:
    second = Dimension("carrier")
    first = Dimension("time", bucket="month") if bucket else Dimension("origin")
    found = specification(Plan("flights", dimensions=(first, second), measures=(measure,)), COLUMNS, 12, kind)
    assert found is not None
    return found


@pytest.mark.parametrize("function", ["mean", "median", "min", "max", "stddev"])
def test_bars_of_a_measure_that_does_not_add_up_stand_side_by_side(function: str) -> None:
    encoding = drawn(Measure(function, "delay"))["encoding"]  # type: ignore[arg-type]
    assert encoding["xOffset"] == {"field": "month", "type": "nominal"}  # type: ignore[index]


def test_bars_of_a_ratio_stand_side_by_side() -> None:
    ratio = Combination("/", Measure("sum", "late"), Measure("count"))
    assert "xOffset" in drawn(ratio)["encoding"]  # type: ignore[operator]


@pytest.mark.parametrize("measure", [Measure("count"), Measure("sum", "delay")])
def test_bars_of_counts_and_sums_may_be_stacked(measure: Measure) -> None:
    assert "xOffset" not in drawn(measure)["encoding"]  # type: ignore[operator]


def test_bars_in_time_have_a_place_for_each_period_and_lines_need_none() -> None:
    encoding = drawn(Measure("mean", "delay"), bucket=True)["encoding"]
    assert encoding["x"]["type"] == "ordinal"  # type: ignore[index]
    assert "xOffset" not in drawn(Measure("mean", "delay"), "line", bucket=True)["encoding"]  # type: ignore[operator]


def test_texts_stand_in_the_order_of_their_values_and_numbers_in_their_own() -> None:
    plan = Plan("flights", dimensions=(Dimension("month"),), measures=(Measure("mean", "delay"),))
    for kind, sort in (("VARCHAR", "-y"), ("BIGINT", None)):
        found = specification(plan, [("month", kind), ("delay", "DOUBLE")], 12, "bar")
        assert found is not None and found["encoding"]["x"].get("sort") == sort
