"""Only the columns that Python code can see of a table are loaded, and nothing shows that others are not."""

from __future__ import annotations

import ast
from typing import Any

import pandas as pd
import pytest

from runner.columns import seen

FRAME = pd.DataFrame(
    {
        "carrier": ["UA", "AA", "UA", "B6"],
        "delay": [1.0, None, 3.5, 20.0],
        "miles": [100, 200, 300, 400],
        "size": [1, 2, 3, 4],
        "tail": ["a", None, "c", "d"],
    }
)
EVERY = list(FRAME.columns)
METHODS = frozenset(dir(pd.DataFrame))

SOME = {
    'f["delay"].mean()': ["delay"],
    'f[["carrier", "miles"]]': ["carrier", "miles"],
    "f.delay.max() - f.miles.min()": ["delay", "miles"],
    'f.groupby("carrier")["delay"].mean()': ["carrier", "delay"],
    'f.groupby("carrier", as_index=False)["delay"].mean()': ["carrier", "delay"],
    'f.groupby(by=["carrier", "tail"], dropna=False)[["delay", "miles"]].sum()': ["carrier", "delay", "miles", "tail"],
    'f.groupby("carrier").size()': ["carrier"],
    'f.groupby("carrier").agg(n=("miles", "count"), most=("delay", "max"))': ["carrier", "delay", "miles"],
    'f.groupby("carrier").agg({"miles": ["min", "max"]})': ["carrier", "miles"],
    'f[f["delay"] > 2]["carrier"].tolist()': ["carrier", "delay"],
    'f[(f.delay > 2) & ~f["carrier"].isin(["B6"])]["miles"].sum()': ["carrier", "delay", "miles"],
    'f.loc[f["miles"] >= 200, ["carrier", "delay"]]': ["carrier", "delay", "miles"],
    'f.loc[f["tail"].notna(), "miles"].sum()': ["miles", "tail"],
    'f.sort_values("delay", ascending=False).head(2)["carrier"]': ["carrier", "delay"],
    'f.dropna(subset=["tail"]).groupby("carrier")["miles"].sum()': ["carrier", "miles", "tail"],
    "len(f)": ["carrier"],
    'len(f[f["size"] > 2])': ["size"],
    'x = f["miles"]\ny = x * 2\ny.sum()': ["miles"],
    'def total(c):\n    return f[c == f["carrier"]]["miles"].sum()\ntotal("UA")': ["carrier", "miles"],
}
ALL = [
    "f",
    "f.head()",
    "f.describe()",
    "f.size",
    'f[f["delay"] > 2]',
    "f[f > 2]",
    "f.columns.tolist()",
    "f.shape",
    "f.agg('max')",
    "f.mean(numeric_only=True)",
    "f = f.dropna()\nf['delay']",
    'f["new"] = 1\nf["new"]',
    'f.loc[f["miles"] > 1, "delay"] = 0\nf["delay"]',
    'f.loc[0, "delay"]',
    'f["delay"] += 1\nf["delay"]',
    "g = f\ng['delay']",
    'c = "delay"\nf[c]',
    'f[[c for c in ("delay",)]]',
    'f.groupby("carrier").mean(numeric_only=True)',
    'f.groupby("carrier").agg("max")',
    'f.groupby("carrier").agg(**{"a": ("delay", "max")})',
    'f.groupby("carrier")[["delay"]].obj',
    'f.groupby(f["carrier"])["delay"].mean()',
    'f.groupby(lambda row: row % 2)["delay"].sum()',
    'f.sort_values("delay", inplace=True)\nf["carrier"]',
    'f.dropna()["carrier"]',
    'f.query("miles > 100")["carrier"]',
    'f["carrier"]\nglobals()["f"]',
    'f["carrier"]\neval("f")',
    "[column for column in f]",
    "print(f)",
    'del f["delay"]',
    "f.T",
    "f[0:2]['carrier']",
    'f.merge(f, on="carrier")["miles_x"]',
]


@pytest.mark.parametrize("code", SOME)
def test_code_that_takes_columns_out_by_name_needs_these(code: str) -> None:
    assert seen(ast.parse(code), "f", EVERY, METHODS) == SOME[code]


@pytest.mark.parametrize("code", SOME)
def test_the_answer_is_that_of_the_whole_table(code: str) -> None:
    whole, part = _value(code, FRAME.copy()), _value(code, FRAME[SOME[code]].copy())
    if isinstance(whole, pd.DataFrame):
        pd.testing.assert_frame_equal(part, whole)
    elif isinstance(whole, pd.Series):
        pd.testing.assert_series_equal(part, whole)
    else:
        assert part == whole


@pytest.mark.parametrize("code", ALL)
def test_any_other_use_needs_every_column(code: str) -> None:
    assert seen(ast.parse(code), "f", EVERY, METHODS) is None


def test_a_column_that_is_not_there_is_missed_as_ever() -> None:
    needed = seen(ast.parse('f["nope"]'), "f", EVERY, METHODS)
    assert needed == ["carrier"]
    with pytest.raises(KeyError, match="nope"):
        _value('f["nope"]', FRAME[needed])


def _value(code: str, frame: pd.DataFrame) -> Any:
    """The value of the last expression of ``code``, which sees ``frame`` as ``f``."""
    tree = ast.parse(code)
    namespace: dict[str, Any] = {"f": frame, "pd": pd}
    last = tree.body.pop()
    assert isinstance(last, ast.Expr)
    exec(compile(tree, "test", "exec"), namespace)
    return eval(compile(ast.Expression(last.value), "test", "eval"), namespace)
