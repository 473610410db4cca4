"""Charts: what is drawn, and that nothing in a specification can load, run or link."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csvanalyst_ext.agent import charts, pictures
from csvanalyst_ext.agent.tools import ToolResult, toolbox
from csvanalyst_ext.llm.scripted import ScriptedModel, call, say

from .conftest import Run
from .support import CannedWorkbench, ask, failed, ok

TABLE = pa.table(
    {
        "city": ["Rome", "Oslo"], "sales": [1, 2], "Happiness Score": [1.5, None], "a.b[0]": [1, 2],
        "day": [dt.date(2020, 1, 2), None], "price": [Decimal("1.50"), None], "image": ["https://x.example/i", ""],
        "nested": [{"image": "https://x.example/i"}, None],
    }
)  # fmt: skip
BAR = {"mark": "bar", "encoding": {"x": {"field": "city"}, "y": {"field": "sales"}}}


def build(**changes: Any) -> dict[str, Any]:
    return charts.build({**BAR, **changes}, TABLE)


def place_of(spec: Any) -> str:
    with pytest.raises(charts.Refused) as caught:
        charts.build(spec, TABLE)
    return str(caught.value.args[0])


def test_a_bar_chart_gets_its_data_its_types_and_its_titles() -> None:
    chart = build(title="Sales")
    assert chart["data"] == {"values": [{"city": "Rome", "sales": 1}, {"city": "Oslo", "sales": 2}]}
    assert chart["encoding"]["x"] == {"field": "city", "type": "nominal", "title": "city"}
    assert chart["encoding"]["y"]["type"] == "quantitative"
    assert chart["$schema"].endswith("/v5.json")
    assert charts.describe(chart) == "Sales: bar chart of sales by city, 2 rows"


def test_names_of_columns_are_matched_whatever_their_case_and_kept_out_of_paths() -> None:
    chart = build(encoding={"x": {"field": "HAPPINESS score"}, "y": {"field": "a.b[0]"}, "color": {"field": "image"}})
    assert chart["encoding"]["x"]["field"] == "Happiness Score"
    assert chart["encoding"]["y"] == {"field": "column_4", "type": "quantitative", "title": "a.b[0]"}
    assert set(chart["data"]["values"][0]) == {"Happiness Score", "column_4", "column_7"}


def test_a_tooltip_cannot_be_made_to_load_a_picture() -> None:
    """A tooltip loads what stands under the title ``image``, whichever column that is."""
    for field in ({"field": "image"}, {"field": "city", "title": "Image"}, {"field": "city", "title": " image "}):
        shown = build(encoding={"tooltip": field})["encoding"]["tooltip"]
        assert shown["title"].strip().casefold() != "image" and shown["field"] != "image"
    nested = build(encoding={"x": {"field": "nested"}})["data"]["values"][0]["nested"]
    assert isinstance(nested, str)


def test_a_date_is_the_same_day_everywhere_and_a_decimal_a_number() -> None:
    rows = build(encoding={"x": {"field": "day"}, "y": {"field": "price"}})["data"]["values"]
    assert rows == [{"day": "2020-01-02T00:00:00", "price": 1.5}, {"day": None, "price": None}]


def test_layers_and_common_properties_are_kept() -> None:
    layer = {"mark": {"type": "line", "point": True}, "encoding": {"y": {"field": "sales", "aggregate": "mean"}}}
    axis = {"format": ",.1f", "grid": False, "title": "S"}
    chart = charts.build({"layer": [BAR, layer], "width": 400, "encoding": {"y": {"axis": axis}}}, TABLE)
    assert chart["layer"][1]["encoding"]["y"]["title"] == "mean sales" and chart["width"] == 400
    assert chart["encoding"]["y"]["axis"] == axis


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"data": {"url": "https://x.example/d.csv"}}, "spec.data"),
        ({"data": {"values": [{"city": 1}]}}, "spec.data"),
        ({"data": {"url": "data:text/csv,a"}}, "spec.data"),
        ({"transform": [{"calculate": "1", "as": "x"}]}, "spec.transform"),
        ({"params": [{"name": "p", "expr": "alert(1)"}]}, "spec.params"),
        ({"config": {"background": "red"}}, "spec.config"),
        ({"usermeta": {"embedOptions": {"loader": {}}}}, "spec.usermeta"),
        ({"datasets": {"a": []}}, "spec.datasets"),
        ({"mark": "image"}, "spec.mark.type"),
        ({"mark": {"type": "bar", "href": "javascript:alert(1)"}}, "spec.mark.href"),
        ({"mark": {"type": "bar", "tooltip": {"content": "data"}}}, "spec.mark.tooltip"),
        ({"mark": {"type": "bar", "color": {"expr": "x"}}}, "spec.mark.color"),
        ({"mark": {"type": "bar", "color": "url(https://x.example)"}}, "spec.mark.color"),
        ({"encoding": {"href": {"field": "city"}}}, "spec.encoding.href"),
        ({"encoding": {"url": {"field": "city"}}}, "spec.encoding.url"),
        ({"encoding": {"x": {"field": "city", "axis": {"labelExpr": "1"}}}}, "spec.encoding.x.axis.labelExpr"),
        ({"encoding": {"x": {"condition": {"test": "1"}}}}, "spec.encoding.x.condition"),
        ({"encoding": {"x": {"field": "city", "scale": {"domain": {"expr": "1"}}}}}, "spec.encoding.x.scale.domain"),
        ({"encoding": {"x": {"field": "nothing"}}}, "spec.encoding.x.field"),
        ({"encoding": {"x": {"field": {"repeat": "row"}}}}, "spec.encoding.x.field"),
        ({"encoding": {"x": {"field": "city", "format": "<img src=x>"}}}, "spec.encoding.x.format"),
        ({"width": 10**9}, "spec.width"),
        ({"description": "x" * 30_000}, "spec"),
    ],
)
def test_whatever_could_load_run_or_link_is_refused_by_its_place(change: dict[str, Any], place: str) -> None:
    assert place_of({**BAR, **change}) == place


def test_too_many_rows_and_too_large_cells_are_refused() -> None:
    with pytest.raises(charts.Refused):
        charts.build(BAR, pa.table({"city": ["x"] * 5001, "sales": [1] * 5001}))
    with pytest.raises(charts.Refused):
        charts.build(BAR, pa.table({"city": ["x" * 1_500_000] * 2, "sales": [1, 2]}))


ANY = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.sampled_from(["city", "bar", "sum", "-y"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["mark", "encoding", "x", "field", "sort", "axis", "scale", "url", "expr", "layer", "data"])
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["mark", "encoding", "layer", "title", "width", "data"]), ANY, max_size=4))
def test_no_specification_breaks_the_check_or_brings_an_address_in(spec: dict[str, Any]) -> None:
    try:
        chart = charts.build(spec, TABLE)
    except charts.Refused as refused:
        assert charts.fault_of(refused).code in ("chart_not_allowed", "chart_unknown_column")
    else:
        keys = json.dumps({**chart, "$schema": "", "data": {}})
        assert '"url"' not in keys and '"expr"' not in keys


# --- the tool -------------------------------------------------------------------------------------


def draw(arguments: dict[str, Any], bench: CannedWorkbench | None = None) -> ToolResult:
    workbench = bench or CannedWorkbench([ok(city=["Rome"], sales=[1])])
    return asyncio.run(toolbox(workbench).tools["make_chart"].run(arguments, None))


def test_the_tool_draws_a_named_result_and_tells_the_model_no_cell() -> None:
    bench = CannedWorkbench([ok(city=["Rome"], sales=[1])])
    result = draw({"result": "r1", "spec": BAR}, bench)
    assert result.status == "ok" and "Rome" not in result.reply
    assert bench.asked == ["SELECT * FROM r1 LIMIT 5001", pictures.program(charts.build(BAR, bench.outcomes[0].table))]


@pytest.mark.parametrize("name", ["sales", "r1; DROP TABLE x", "r0", "r1--", "(SELECT 1)", ""])
def test_only_the_name_of_a_result_reaches_the_sandbox(name: str) -> None:
    bench = CannedWorkbench()
    result = draw({"result": name, "spec": BAR}, bench)
    assert result.fault is not None and result.fault.code == "unknown_result" and bench.asked == []


def test_a_result_that_is_gone_is_told() -> None:
    result = draw({"result": "r9", "spec": BAR}, CannedWorkbench([failed("sql_unknown_table")]))
    assert result.fault is not None and result.fault.code == "sql_unknown_table"


def test_a_chart_does_not_take_the_place_of_the_table(run: Run) -> None:
    turns = [call("run_sql", sql="SELECT 1"), call("make_chart", result="r1", spec=BAR), say("See the chart.")]
    with ScriptedModel(turns) as server:
        conclusion = run(ask(server, CannedWorkbench([ok(city=["Rome"], sales=[1])])))
    assert conclusion.status == "ok" and conclusion.result.table.num_rows == 1
    (artefact,) = conclusion.steps[1].outcome.artefacts
    assert json.loads(artefact.data)["data"]["values"] == [{"city": "Rome", "sales": 1}]


def test_a_refused_chart_names_what_is_allowed_so_that_the_model_can_correct_it(run: Run) -> None:
    wrong = {**BAR, "mark": "image"}
    turns = [
        call("run_sql", sql="SELECT 1"), call("make_chart", result="r1", spec=wrong),
        call("make_chart", result="r1", spec=BAR), say("See the chart."),
    ]  # fmt: skip
    with ScriptedModel(turns) as server:
        conclusion = run(ask(server, CannedWorkbench([ok(city=["Rome"], sales=[1])])))
    assert [step.status for step in conclusion.steps] == ["ok", "error", "ok"]
    assert "boxplot" in json.dumps(server.requests[2].body)


# --- what may stand on top of each other -----------------------------------------------------------

GROUPS = pa.table(
    {
        "city": ["Rome", "Rome", "Oslo", "Oslo"], "kind": ["a", "b", "a", "b"], "sales": [1, 2, 3, 4],
        "avg_price": [1.0, 2.0, 3.0, 4.0], "late rate": [0.1, 0.2, 0.3, 0.4],
        "day": [dt.date(2020, 1, 1), dt.date(2020, 1, 2), dt.date(2020, 1, 1), dt.date(2020, 1, 2)],
    }
)  # fmt: skip


def grouped(mark: str, value: dict[str, Any], along: str = "city") -> dict[str, Any]:
    encoding = {"x": {"field": along}, "y": value, "color": {"field": "kind"}}
    return charts.build({"mark": mark, "encoding": encoding}, GROUPS)


@pytest.mark.parametrize(
    "value",
    [
        {"field": "avg_price"}, {"field": "late rate"}, {"field": "sales", "aggregate": "mean"},
        {"field": "sales", "aggregate": "median"}, {"field": "sales", "aggregate": "max"},
        {"field": "avg_price", "stack": "zero"},
    ],
)  # fmt: skip
def test_bars_of_what_does_not_add_up_stand_side_by_side(value: dict[str, Any]) -> None:
    chart = grouped("bar", value)
    assert chart["encoding"]["xOffset"] == {"field": "kind", "type": "nominal"}
    assert chart["encoding"]["y"]["stack"] is None


@pytest.mark.parametrize("value", [{"field": "sales"}, {"field": "avg_price", "aggregate": "sum"}])
def test_bars_of_sums_and_counts_may_be_stacked(value: dict[str, Any]) -> None:
    assert "xOffset" not in grouped("bar", value)["encoding"]


def test_areas_and_bars_in_time_of_what_does_not_add_up_are_lines() -> None:
    for mark in ("area", "bar"):
        assert grouped(mark, {"field": "avg_price"}, "day")["mark"]["type"] == "line"
    assert grouped("area", {"field": "sales"}, "day")["mark"]["type"] == "area"


def test_lying_bars_are_set_apart_along_the_other_axis() -> None:
    encoding = {"y": {"field": "city"}, "x": {"field": "avg_price"}, "color": {"field": "kind"}}
    chart = charts.build({"mark": "bar", "encoding": encoding}, GROUPS)
    assert chart["encoding"]["yOffset"]["field"] == "kind" and "xOffset" not in chart["encoding"]


def test_bars_side_by_side_have_a_picture_in_which_they_stand_so() -> None:
    beside, stacked = (pictures.program(grouped("bar", {"field": name})) for name in ("avg_price", "sales"))
    assert beside is not None and '"beside": true' in beside
    assert stacked is not None and '"beside": false' in stacked
