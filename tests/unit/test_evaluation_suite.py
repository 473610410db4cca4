"""Reading suites, counting verdicts, and how the results look."""

import json

import pytest

from csvanalyst_ext.errors import UsageError
from csvanalyst_ext.evaluation import report
from csvanalyst_ext.evaluation.scoring import Verdict
from csvanalyst_ext.evaluation.suite import load, narrowed, read
from csvanalyst_ext.evaluation.tally import Attempt, by_kind, count, pass_hat, total

QUESTION = """
version = 1
[[question]]
id = "a-1"
kind = "count"
data = "shop"
tables = ["orders", "items"]
ask = ["How many?"]
[[question.gold]]
sql = "SELECT count(*), NULL FROM orders"
rows = [[3, "NULL"]]
"""


def write(tmp_path, text):
    path = tmp_path / "suite.toml"
    path.write_text(text)
    return path


def test_a_suite_names_its_tables_beside_itself(tmp_path):
    (item,) = load(str(write(tmp_path, QUESTION)))
    assert item.sources() == (str(tmp_path / "data/shop/orders.csv"), str(tmp_path / "data/shop/items.csv"))
    assert item.golds[0].rows == ((3, None),)
    assert not item.ordered


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version = 1", "version = 2"),
        ("version = 1", ""),
        ('id = "a-1"', ""),
        ('id = "a-1"', "id = 1"),
        ('["How many?"]', "[]"),
        ('["How many?"]', '"How many?"'),
        ('["How many?"]', "[5]"),
        ('["orders", "items"]', '["../orders"]'),
        ('data = "shop"', 'data = "../../etc"'),
        ('[[3, "NULL"]]', "[]"),
        ('[[3, "NULL"]]', "[[1, 2], [3]]"),
        ('[[3, "NULL"]]', "7"),
        ("[[question]]", "[[question"),
    ],
)
def test_a_suite_that_cannot_be_understood_is_refused(tmp_path, old, new):
    with pytest.raises(UsageError) as caught:
        read(write(tmp_path, QUESTION.replace(old, new)))
    assert caught.value.code == "bad_suite"


def test_two_questions_with_one_id_are_refused(tmp_path):
    with pytest.raises(UsageError):
        read(write(tmp_path, QUESTION + QUESTION.replace("version = 1", "")))


def test_a_missing_suite_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError) as caught:
        load(str(tmp_path / "none.toml"))
    assert caught.value.code == "no_suite"


def test_the_shipped_suite_has_its_short_part():
    core, everything = load("core"), load("shipped")
    assert len(core) == 50
    assert set(core) < set(everything)
    assert all(item.golds for item in core)


def test_a_limit_takes_from_every_kind_in_turn():
    items = load("shipped")
    kinds = {item.kind for item in items}
    chosen = narrowed(items, len(kinds))
    assert {item.kind for item in chosen} == kinds
    assert len(chosen) == len(kinds)
    assert narrowed(items, None) == narrowed(items, 10_000) == items


def attempt(verdict, *, id="a", kind="k", answerable=True, **more):
    return Attempt(id, kind, ("?",), verdict, answerable, **more)


R, W, A, F = Verdict.RIGHT, Verdict.WRONG, Verdict.ASKED, Verdict.FAILED


def test_coverage_precision_and_accuracy():
    verdicts = [attempt(verdict) for verdict in (R, R, R, W, A, F)]
    found = count([*verdicts, attempt(R, answerable=False), attempt(W, answerable=False)])
    assert (found.answered, found.correct, found.fooled, found.right, found.failed) == (4, 3, 1, 4, 1)
    assert found.coverage == 4 / 6
    assert found.precision == 3 / 5  # an answer to what cannot be answered is a wrong answer
    assert found.accuracy == 4 / 8


def test_nothing_asked_has_no_shares():
    found = count([])
    assert (found.coverage, found.precision, found.accuracy) == (None, None, None)


def test_pass_hat_k_wants_all_of_k_tries():
    tries = [attempt(R), attempt(R), attempt(W), attempt(R, id="b"), attempt(R, id="b"), attempt(R, id="b")]
    assert pass_hat(tries, 1) == pytest.approx((2 / 3 + 1) / 2)
    assert pass_hat(tries, 2) == pytest.approx((1 / 3 + 1) / 2)
    assert pass_hat(tries, 3) == pytest.approx((0 + 1) / 2)
    assert pass_hat(tries, 4) is None


def test_a_sum_is_of_what_is_known():
    assert total([1.0, 2.0]) == 3.0
    assert total([1.0, None]) == 1.0
    assert total([None]) is None
    assert total([]) is None


def test_kinds_keep_their_order():
    assert list(by_kind([attempt(R, kind="b"), attempt(R, kind="a"), attempt(R, kind="b")])) == ["b", "a"]


def test_the_table_has_a_line_for_each_kind_and_one_for_all():
    lines = report.table([attempt(R, kind="count"), attempt(W, kind="group"), attempt(A, kind="group")]).splitlines()
    assert lines[0].split()[:3] == ["kind", "asked", "answered"]
    assert lines[3].split() == ["group", "2", "1", "0", "1", "0", "50.0", "%", "0.0", "%", "0.0", "%"]
    assert lines[-1].split() == ["all", "3", "2", "1", "1", "0", "66.7", "%", "50.0", "%", "33.3", "%"]


def test_unknown_costs_and_unverified_numbers_are_shown_as_unknown():
    shown = report.summary([attempt(R, seconds=2.0, repairs=1), attempt(R, seconds=4.0)], 1)
    assert "cost         unknown" in shown
    assert "unverified   unknown" in shown
    assert "repairs      1" in shown
    shown = report.summary([attempt(R, cost=0.5, unverified=1), attempt(R, cost=0.25, unverified=2)], 2)
    assert "0.7500 USD" in shown
    assert "3 numbers" in shown
    assert "pass^2" in shown
    shown = report.summary([attempt(R, cost=0.5, unverified=1), attempt(F)], 1)
    assert "0.5000 USD, unknown for 1" in shown
    assert "1 numbers, unknown for 1" in shown


def test_the_json_is_plain_and_complete():
    found = json.loads(json.dumps(report.to_json([attempt(R, rows=((1, None),))], 1)))
    assert found["all"]["accuracy"] == 1.0
    assert found["attempts"][0]["verdict"] == "right"
    assert "attempts" not in report.to_json([attempt(R)], 1, details=False)
