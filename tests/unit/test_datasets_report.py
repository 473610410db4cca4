"""The sandbox's report about a file is hostile until every field was checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from csvanalyst_ext.datasets.report import checked_report, dataset_from_report
from csvanalyst_ext.errors import RunnerMisbehaved

Report = dict[str, Any]


def report(**changes: Any) -> Report:
    column = {
        "name": "weather",
        "type": "VARCHAR",
        "nulls": 1,
        "distinct": 2,
        "minimum": "rain",
        "maximum": "sun",
        "values": ["sun", "rain"],
        "all_values": True,
        "words": [],
    }
    return {
        "rows": 3,
        "columns": [column],
        "notes": ["A note."],
        "dialect": {"delimiter": ",", "header": True},
    } | changes


def column(**changes: Any) -> Report:
    return report(columns=[report()["columns"][0] | changes])


def test_a_good_report_becomes_a_data_set() -> None:
    dataset = dataset_from_report("sea", "sea.csv", "csv", "ab12", "k.parquet", 99, report())
    assert (dataset.name, dataset.source, dataset.format, dataset.fingerprint) == ("sea", "sea.csv", "csv", "ab12")
    assert (dataset.file, dataset.rows, dataset.bytes) == ("k.parquet", 3, 99)
    assert (dataset.notes, dataset.dialect) == (("A note.",), {"delimiter": ",", "header": True})
    (profile,) = dataset.columns
    assert (profile.name, profile.type, profile.nulls, profile.distinct) == ("weather", "VARCHAR", 1, 2)
    assert (profile.minimum, profile.maximum, profile.values) == ("rain", "sun", ("sun", "rain"))
    assert profile.all_values


def test_a_checked_report_survives_json_and_a_second_check() -> None:
    once = checked_report(report())
    assert checked_report(json.loads(json.dumps(once))) == once


def test_what_may_be_left_out_may_be_left_out() -> None:
    dataset = dataset_from_report(
        "t", "t", "csv", "f", "k", 1, {"rows": 0, "columns": [{"name": "a", "type": "BIGINT"}]}
    )
    assert (dataset.notes, dataset.dialect, dataset.columns[0].values) == ((), {}, ())


def test_repairs_are_told_first_and_once() -> None:
    repairs = [{"kind": "short_rows", "count": 1, "lines": [3], "message": "1 row was short: line 3."}]
    once = checked_report(report(repairs=repairs, notes=["A note.", "1 row was short: line 3."]))
    assert once["notes"] == ["1 row was short: line 3.", "A note."]
    assert checked_report(once) == once


def test_columns_that_the_engine_tells_apart_are_two() -> None:
    names = [{"name": name, "type": "BIGINT"} for name in ("ß", "SS", "ss ")]
    assert len(checked_report(report(columns=names))["columns"]) == 3


HOSTILE: dict[str, Callable[[], Any]] = {
    "not an object": list,
    "nothing": dict,
    "an unknown field": lambda: report(evil=1),
    "a field that is no text": lambda: report() | {3: 1},
    "rows missing": lambda: {k: v for k, v in report().items() if k != "rows"},
    "rows negative": lambda: report(rows=-1),
    "rows true": lambda: report(rows=True),
    "rows fractional": lambda: report(rows=1.5),
    "rows text": lambda: report(rows="3"),
    "rows beyond 63 bits": lambda: report(rows=2**63),
    "no columns": lambda: report(columns=[]),
    "columns an object": lambda: report(columns={}),
    "too many columns": lambda: report(columns=[{"name": f"c{i}", "type": "BIGINT"} for i in range(4097)]),
    "a column that is text": lambda: report(columns=["a"]),
    "a column without a type": lambda: report(columns=[{"name": "a"}]),
    "a column with an unknown field": lambda: column(html="<script>"),
    "a column without a name": lambda: column(name=""),
    "a column whose name is a number": lambda: column(name=1),
    "a name that is too long": lambda: column(name="x" * 256),
    "a type that is too long": lambda: column(type="x" * 4097),
    "names that differ in case only": lambda: report(
        columns=[{"name": "a", "type": "BIGINT"}, {"name": "A", "type": "BIGINT"}]
    ),
    "more missing values than rows": lambda: column(nulls=4),
    "nulls true": lambda: column(nulls=True),
    "distinct negative": lambda: column(distinct=-1),
    "a minimum that is a number": lambda: column(minimum=1),
    "a minimum that is too long": lambda: column(minimum="x" * 201),
    "a value that is too long": lambda: column(values=["x" * 201]),
    "too many values": lambda: column(values=["x"] * 51),
    "values a text": lambda: column(values="abc"),
    "a value that is a list": lambda: column(values=[["x"]]),
    "a value that UTF-8 cannot carry": lambda: column(values=["\ud800"]),
    "all_values a number": lambda: column(all_values=1),
    "words nested": lambda: column(words=[{}]),
    "null_words without a count": lambda: column(null_words=[["NA"]]),
    "null_words with a negative count": lambda: column(null_words=[["NA", -1]]),
    "null_words that are texts": lambda: column(null_words=["NA"]),
    "too many null_words": lambda: column(null_words=[["NA", 1]] * 101),
    "too many notes": lambda: report(notes=["n"] * 257),
    "a note that is too long": lambda: report(notes=["n" * 2001]),
    "notes a text": lambda: report(notes="note"),
    "repairs that are texts": lambda: report(repairs=["short rows"]),
    "a repair without a message": lambda: report(repairs=[{"kind": "short_rows"}]),
    "a repair whose message is too long": lambda: report(repairs=[{"message": "m" * 2001}]),
    "too many repairs": lambda: report(repairs=[{"message": str(i)} for i in range(257)]),
    "a dialect that is a list": lambda: report(dialect=[]),
    "a dialect with too many fields": lambda: report(dialect={str(i): 1 for i in range(33)}),
    "a dialect that is nested": lambda: report(dialect={"a": {"b": 1}}),
    "a dialect with a long text": lambda: report(dialect={"a": "x" * 201}),
    "a dialect with a fraction": lambda: report(dialect={"a": 1.5}),
    "a dialect with a key that is no text": lambda: report(dialect={1: 1}),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_a_report_that_does_not_fit_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(RunnerMisbehaved) as caught:
        dataset_from_report("t", "t", "csv", "f", "k", 1, make())
    assert caught.value.code == "bad_report"
    assert len(str(caught.value)) < 1000
