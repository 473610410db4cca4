"""What of a prose is found in its results: the labelled sentences, and the rules one by one."""

from __future__ import annotations

import datetime as dt
import importlib.util
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csvanalyst_ext.checking import CheckedNumber, Result, check

SETS = (
    "development", "second", "third", "fourth", "held_out", "fifth", "sixth", "seventh", "eighth", "ninth",
)  # fmt: skip
RECOGNISED, FLAGGED = 0.98, 0.95
"""The least share of true figures that are recognised, and of planted errors that are marked, over all sets."""


def _labelled() -> ModuleType:
    spec = importlib.util.spec_from_file_location("labelled", Path(__file__).parent / "labelled.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["labelled"] = module
    spec.loader.exec_module(module)
    return module


labelled = _labelled()


def test_the_floors_hold_over_the_labelled_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    scores = {name: labelled.score(name) for name in SETS}
    with capsys.disabled():
        print("\n" + labelled.table(scores))
    failures = [failure for score in scores.values() for failure in score.failures]
    right, planted = (sum(getattr(s, kind) for s in scores.values()) for kind in ("right", "planted"))
    assert sum(s.sentences for s in scores.values()) >= 240 and planted >= 120
    assert sum(s.recognised for s in scores.values()) >= RECOGNISED * right, failures
    assert sum(s.flagged for s in scores.values()) >= FLAGGED * planted, failures


def test_slips_of_the_pen_are_flagged(capsys: pytest.CaptureFixture[str]) -> None:
    counts: dict[str, list[int]] = {}
    passed = []
    for name in SETS:
        for kind, (flagged, total, left) in labelled.caught(name).items():
            now = counts.setdefault(kind, [0, 0])
            now[0] += flagged
            now[1] += total
            passed += left
    with capsys.disabled():
        print("\n" + "\n".join(f"| {kind} | {a} of {b} ({a / b:.1%}) |" for kind, (a, b) in counts.items()))
    assert all(flagged >= FLAGGED * total for flagged, total in counts.values()), passed


# --- the rules ------------------------------------------------------------------------------------

FLIGHTS = Result(
    "r1", pa.table({"carrier": ["UA", "AA", "B6"], "flights": [58665, 32729, 54635], "share": [0.4017, 0.2241, 0.3741]})
)


def statuses(prose: str, *results: Result, question: str = "", codes: tuple[str, ...] = ()) -> dict[str, str]:
    return {mark.text: mark.status for mark in check(prose, question, results or (FLIGHTS,), codes)}


@pytest.mark.parametrize(
    "figure",
    [
        "58,665",
        "58 665",
        "58\u202f665",
        "58'665",
        "58.7k",
        "58.7 thousand",
        "5.8665e4",
        "0.0587 million",
        "about 59,000",
    ],
)
def test_the_ways_to_write_a_number(figure: str) -> None:
    assert set(statuses(f"UA had {figure} flights.").values()) == {"found"}


@pytest.mark.parametrize("figure", ["58,656", "58,66", "5,866", "58.7 million", "-58,665", "59.7k", "586,650"])
def test_a_near_miss_is_not_found(figure: str) -> None:
    assert "not found" in statuses(f"UA had {figure} flights.").values()


@pytest.mark.parametrize("figure", ["40.17%", "40.2 %", "40 percent", "0.402", "roughly 40%", "two fifths"])
def test_the_ways_to_write_a_share(figure: str) -> None:
    assert set(statuses(f"The share of UA is {figure}.").values()) == {"found"}


def test_a_mark_says_where_and_how() -> None:
    found, derived = check("UA had 58,665 flights, 25,936 more than AA.", "", [FLIGHTS])
    assert (found.where and (found.where.result, found.where.row, found.where.column)) == ("r1", 1, "flights")
    assert found.explain() == "found in r1, row 1, column flights"
    assert (derived.status, derived.how) == ("derived", "UA − AA")
    assert found.to_json()["start"] == 7 and found.span == (7, 13)


def test_names_code_citations_and_list_numbers_state_nothing() -> None:
    prose = "1. See r1 and `SELECT 42`, table 3.\n2. UA's Boeing B737 on https://example.org/99 [4]"
    assert statuses(prose) == {}


def test_a_number_within_a_label_is_part_of_a_name() -> None:
    fleet = Result("r1", pa.table({"model": ["Boeing 737", "Airbus A320", "18-24"], "n": [210, 340, 55]}))
    assert statuses("The Boeing 737 flew 210 times and the group 18-24 came 55 times.", fleet) == {
        "210": "found",
        "55": "found",
    }


def test_what_repeats_the_question_or_a_condition_is_given() -> None:
    one = Result("r1", pa.table({"n": [1816]}), "SELECT count(*) n FROM f WHERE dep_delay > 90 AND month = 7")
    got = statuses(
        "In 2013, 1,816 flights were over 90 minutes late.", one, question="How many in 2013?", codes=(one.code,)
    )
    assert got == {"2013": "given", "1,816": "found", "90": "given"}


def test_a_number_of_the_question_does_not_pass_as_a_result() -> None:
    one = Result("r1", pa.table({"n": [1816]}))
    assert statuses("There were 2013 flights.", one, question="How many flights in 2013?") == {"2013": "not found"}


def test_a_large_result_does_not_confirm_any_short_number() -> None:
    many = Result(
        "r1", pa.table({"item": [f"item {i}" for i in range(3000)], "value": [i * 7 % 1000 for i in range(3000)]})
    )
    assert statuses("The typical value is 637.", many) == {"637": "not found"}
    assert statuses("The value of item 91 is 637.", many)["637"] == "found"


def test_a_cut_result_gives_no_shares_of_its_total() -> None:
    cut = Result("r1", FLIGHTS.table.select(["carrier", "flights"]), truncated=True, total=16)
    got = statuses("UA has 40.2% of all flights, in 16 rows.", cut)
    assert got == {"40.2%": "not found", "16": "derived"}
    assert statuses("UA had 58,665 flights.", cut) == {"58,665": "found"}


def test_dates_and_places_in_the_calendar() -> None:
    days = Result("r1", pa.table({"day": [dt.date(2013, 7, 4), dt.date(2013, 11, 27)], "flights": [737, 1014]}))
    assert statuses("On July 4, 2013 there were 737 flights; the busiest day was 27 November 2013.", days) == {
        "July 4, 2013": "found", "737": "found", "27 November 2013": "found",
    }  # fmt: skip
    assert statuses("The busiest day was 2013-07-04.", days) == {"2013-07-04": "not found"}
    assert statuses("On 5 July 2013 it was quiet.", days) == {"5 July 2013": "not found"}


def test_without_any_result_every_figure_is_open() -> None:
    assert {m.status for m in check("There were 12,345 flights, 7% late.", "", [])} == {"not found"}


def test_later_results_count_first_and_all_count() -> None:
    results = [Result("r1", pa.table({"n": [10]})), Result("r2", pa.table({"n": [4]}))]
    marks = check("Of 10 rows, 4 are late: 40%.", "", results)
    assert [(m.text, m.status, m.where and m.where.result) for m in marks] == [
        ("10", "found", "r1"), ("4", "found", "r2"), ("40%", "derived", "r2"),
    ]  # fmt: skip


# --- robustness -----------------------------------------------------------------------------------

_TEXTS = st.text(st.sampled_from("0123456789.,-−–%$€ kmMb\n*`()[]r:;/'\u202f½abcDEF thirdhalfmostUA"), max_size=120)


@settings(max_examples=150, deadline=None)
@given(prose=st.one_of(_TEXTS, st.text(max_size=80)), values=st.lists(st.one_of(st.none(), st.floats()), max_size=4))
def test_any_prose_against_any_result_gives_marks_in_their_places(prose: str, values: list[Any]) -> None:
    table = pa.table(
        {"label": pa.array([f"L{i}" for i in range(len(values))], pa.string()), "v": pa.array(values, pa.float64())}
    )
    marks = check(prose, prose[::-1], [Result("r1", table, prose), FLIGHTS], [prose])
    assert all(prose[m.span[0] : m.span[1]] == m.text for m in marks)
    assert [m.span for m in marks] == sorted(m.span for m in marks)


def test_every_type_of_column_can_be_there() -> None:
    table = pa.table(
        {
            "b": [True, False], "t": [dt.time(1), None], "s": pa.array([1, 2], pa.timestamp("ns")), "n": pa.nulls(2),
            "l": [[1], None], "d": pa.array([1, None], pa.decimal128(10, 2)), "u": pa.array([dt.timedelta(1), None]),
            "x": pa.array(["é", None], pa.large_string()), "y": pa.array([b"1", b"2"]),
            "k": pa.array(["a", "b"]).dictionary_encode(), "": [1, 2], "i": pa.array([2**63, 1], pa.uint64()),
        }
    )  # fmt: skip
    results = [Result("r1", table), Result("r2", table.slice(0, 0))]
    assert [mark.text for mark in check("É had 1 and the most, 55, at 01:00 on 1970-01-01.", "", results)]


def test_ten_thousand_rows_are_checked_at_once() -> None:
    rows = 10_000
    table = pa.table(
        {
            "name": [f"Item {i} of series {i % 97}" for i in range(rows)],
            "city": [("Rome", "Oslo", "Paris")[i % 3] for i in range(rows)],
            "price": [(i * 37 % 9973) / 7 for i in range(rows)],
            "count": [i * 31 % 10007 for i in range(rows)],
        }
    )
    prose = (
        "Rome has the highest average price with 4,321 items, 12.5% more than Oslo (3,842); in total 5,123,456 items."
    )
    taken = []
    for _ in range(5):
        started = time.process_time()
        marks: tuple[CheckedNumber, ...] = check(prose, "How many items per city?", [Result("r1", table)])
        taken.append(time.process_time() - started)
    assert len(marks) >= 5
    assert min(taken) < 0.05
