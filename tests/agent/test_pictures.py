"""A chart's plain picture: which charts have one, and that the program which draws it holds data and no code."""

from __future__ import annotations

import ast
import json
from typing import Any

import pyarrow as pa
import pytest

from csvanalyst_ext.agent import charts, pictures

TABLE = pa.table(
    {
        "city": ["Rome", "Oslo", "Bonn", None],
        "total": [6.0, 2.0, None, 1.0],
        "kind": ["a", "b", "a", "b"],
        "day": pa.array([0, 1, 2, 3], pa.date32()),
    }
)
X, Y = {"field": "city"}, {"field": "total"}


def program(spec: dict[str, Any], table: pa.Table = TABLE) -> str | None:
    return pictures.program(charts.build(spec, table))


def drawn(mark: str = "bar", table: pa.Table = TABLE, **encoding: Any) -> dict[str, Any]:
    """What the program is given to draw."""
    code = program({"mark": mark, "encoding": encoding, "title": "Mine"}, table)
    assert code is not None
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    loaded = next(c for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr == "loads")
    found: dict[str, Any] = json.loads(ast.literal_eval(loaded.args[0]))
    return found


def test_bars_stand_at_their_places_in_the_order_of_the_chart() -> None:
    made = drawn(x=X, y=Y)
    assert (made["places"], made["series"]) == (["Oslo", "Rome"], [{"name": "", "x": [1, 0], "y": [6.0, 2.0]}])
    assert (made["title"], made["across"], made["up"], made["lying"]) == ("Mine", "city", "total", False)
    assert drawn(x={**X, "sort": "-y"}, y=Y)["places"] == ["Rome", "Oslo"]
    assert drawn(x={**X, "sort": None}, y=Y)["places"] == ["Rome", "Oslo"]
    assert drawn(x={**X, "sort": ["Oslo"]}, y=Y)["places"] == ["Oslo", "Rome"]


def test_bars_lie_where_the_numbers_go_across() -> None:
    made = drawn(x=Y, y={**X, "sort": "-x"})
    assert (made["lying"], made["places"], made["across"]) == (True, ["Rome", "Oslo"], "total")


def test_lines_go_from_left_to_right_and_have_a_colour_each() -> None:
    made = drawn("line", x={"field": "day"}, y=Y, color={"field": "kind"})
    assert made["type"] == "temporal" and made["colour"] == "kind"
    assert made["series"] == [
        {"name": "a", "x": ["1970-01-01T00:00:00"], "y": [6.0]},
        {"name": "b", "x": ["1970-01-02T00:00:00", "1970-01-04T00:00:00"], "y": [2.0, 1.0]},
    ]


@pytest.mark.parametrize(
    "spec",
    [
        {"mark": "arc", "encoding": {"theta": Y, "color": X}},
        {"mark": "boxplot", "encoding": {"x": X, "y": Y}},
        {"layer": [{"mark": "bar", "encoding": {"x": X, "y": Y}}]},
        {"mark": "bar", "encoding": {"x": X, "y": {**Y, "aggregate": "mean"}}},
        {"mark": "bar", "encoding": {"x": {**Y, "bin": True}, "y": Y}},
        {"mark": "bar", "encoding": {"x": X, "y": {**Y, "stack": "normalize"}}},
        {"mark": "line", "encoding": {"x": X, "y": {**Y, "scale": {"type": "log"}}}},
        {"mark": "bar", "encoding": {"x": X, "y": Y, "facet": {"field": "kind"}}},
        {"mark": "area", "encoding": {"x": X, "y": Y, "color": {"field": "kind"}}},
        {"mark": "bar", "encoding": {"x": {**X, "sort": {"field": "total"}}, "y": Y}},
        {"mark": "bar", "encoding": {"x": X, "y": {"field": "kind"}}},
    ],
)
def test_what_a_plain_picture_would_show_otherwise_has_none(spec: dict[str, Any]) -> None:
    assert program(spec) is None


def test_too_many_places_have_none() -> None:
    many = pa.table({"city": [f"c{n}" for n in range(61)], "total": list(range(61))})
    assert program({"mark": "bar", "encoding": {"x": X, "y": Y}}, many) is None


@pytest.mark.parametrize("text", ["'); raise SystemExit #", '"""', "\\", "\u2028'\n", "$\\frac{1}{0}$", "DATA", "{0}"])
def test_texts_of_cells_stay_texts(text: str) -> None:
    table = pa.table({"city": [text, "Oslo"], "total": [1, 2], text: [1, 2]})
    made = drawn(table=table, x={**X, "sort": None}, y=Y, color={"field": text})
    assert made["places"][1] == "Oslo" and len(made["series"]) == 2
    code = program({"mark": "bar", "encoding": {"x": X, "y": Y}}, table)
    plain = program({"mark": "bar", "encoding": {"x": X, "y": Y}})
    assert code is not None and plain is not None
    kinds = [[type(node) for node in ast.walk(ast.parse(each))] for each in (code, plain)]
    assert kinds[0] == kinds[1], "the same program, whatever the cells say"
