"""The scorer of the evaluation: what counts as right, and above all what does not."""

from pathlib import Path

import pytest

from csvanalyst_ext.evaluation.scoring import ROUNDED, Rules, Verdict, judge, same_cell
from csvanalyst_ext.evaluation.suite import Gold, Item, load, read

RIGHT, WRONG, ASKED, FAILED = Verdict.RIGHT, Verdict.WRONG, Verdict.ASKED, Verdict.FAILED


def item(*golds, kind="group", ordered=False):
    made = tuple(Gold("SELECT 1", tuple(tuple(row) for row in rows)) for rows in golds)
    return Item("x-1", kind, None, ("t",), ("?",), made, ordered)


def verdict(rows, *golds, rules=None, **more):
    return judge(item(*golds, **more), "ok", rows, *([rules] if rules else []))


BY_CITY = [["Oslo", 3], ["Rome", 5]]


def test_the_same_rows_are_right_in_any_order_unless_the_question_asked_for_one():
    assert verdict([["Rome", 5], ["Oslo", 3]], BY_CITY) is RIGHT
    assert verdict([["Rome", 5], ["Oslo", 3]], BY_CITY, ordered=True) is WRONG
    assert verdict(BY_CITY, BY_CITY, ordered=True) is RIGHT


@pytest.mark.parametrize(
    "rows",
    [
        [["Oslo", 3]],  # a row too few
        [["Oslo", 3], ["Rome", 5], ["Rome", 5]],  # one too many
        [["Oslo", 3], ["Oslo", 3]],  # one twice instead of both
        [["Oslo", 5], ["Rome", 3]],  # each column right, the pairs wrong
        [["Oslo", 3], ["Rome", 5.01]],
        [["oslo", 3], ["rome", 5]],
        [["Oslo", None], ["Rome", 5]],
        [[3], [5]],  # the names are missing
        [],
        None,
    ],
)
def test_other_rows_are_wrong(rows):
    assert verdict(rows, BY_CITY) is WRONG


def test_columns_may_stand_elsewhere_and_have_company():
    assert verdict([[5, 0.1, "Rome"], [3, 0.2, "Oslo"]], BY_CITY) is RIGHT


def test_one_column_cannot_stand_for_two():
    assert verdict([["a", 4], ["b", 5]], [["a", 4, 4], ["b", 5, 5]]) is WRONG


def test_a_number_does_not_count_as_found_among_many_numbers():
    assert verdict([[7, 1, 2]], [[7]]) is RIGHT
    assert verdict([[7, 1, 2, 3]], [[7]]) is WRONG
    assert verdict([["Rome", 1, 2, 3, 4, 5]], [["Rome"]]) is RIGHT  # text: a whole row may be shown


def test_any_gold_answer_is_right():
    assert verdict([[2]], [[1]], [[2]]) is RIGHT
    assert verdict([[3]], [[1]], [[2]]) is WRONG


def test_a_share_may_be_a_fraction_or_a_percentage_and_a_count_may_not():
    shares = [["a", 25.0], ["b", 75.0]]
    assert verdict([["a", 0.25], ["b", 0.75]], shares, kind="share") is RIGHT
    assert verdict([["a", 0.25], ["b", 75.0]], shares, kind="share") is WRONG
    assert verdict([["a", 0.25], ["b", 0.75]], shares, kind="group") is WRONG


def test_numbers_are_equal_to_a_millionth():
    assert verdict([[1000.0005]], [[1000]]) is RIGHT
    assert verdict([[1000.002]], [[1000]]) is WRONG
    assert verdict([[0]], [[0.0]]) is RIGHT
    assert verdict([[1e-12]], [[0]]) is RIGHT


def test_rounded_numbers_are_right_only_under_the_rules_for_models():
    assert verdict([[12.64]], [[12.639070257]]) is WRONG
    assert verdict([[12.64]], [[12.639070257]], rules=ROUNDED) is RIGHT
    assert verdict([[12.6]], [[12.639070257]], rules=ROUNDED) is WRONG
    assert verdict([[0.0]], [[0.004]], rules=ROUNDED) is WRONG  # nothing is left of it
    assert verdict([[12.6]], [[12.639070257]], rules=Rules(decimals=1)) is RIGHT


@pytest.mark.parametrize(
    ("found", "gold"),
    [
        ("2015-03-01 00:00:00", "2015-03-01"),
        ("2015-03-01T00:00:00", "2015-03-01"),
        ("2015-03-01T00:00:00+00:00", "2015-03-01"),
        ("2015-03", "2015-03-01"),
        ("2015-Q2", "2015-04-01"),
        ("2015 Q2", "2015-04-01"),
        ("2015-W10", "2015-03-02"),
        ("2015-01-01", 2015),
        ("2015", 2015),
        ("March", 3),
        ("Mar", 3),
        ("Q2", 2),
        ("2015-03-01T10:30:00", "2015-03-01 10:30:00"),
        (True, "Yes"),
        ("N", False),
        ("yes", True),
        (None, None),
        (5.0, 5),
    ],
)
def test_cells_that_say_the_same(found, gold):
    assert same_cell(found, gold)


@pytest.mark.parametrize(
    ("found", "gold"),
    [
        ("2015-03-02", "2015-03-01"),
        ("2015-03-01 06:00:00", "2015-03-01"),
        ("2015-13", "2015-01-01"),
        ("2015-03-01", 2015),
        ("2015-03-01", 3),  # a month of one year is not that month of any year
        ("March", 4),
        ("5", 5),
        (5, "5"),
        (True, 1),
        (True, "No"),
        (None, 0),
        (0, None),
        ("", None),
        ("Rome ", "Rome"),
    ],
)
def test_cells_that_do_not(found, gold):
    assert not same_cell(found, gold)


def test_an_infinite_or_huge_number_is_only_itself():
    assert not same_cell(float("inf"), 1e308)
    assert same_cell(10**30, 10**30)
    assert not same_cell(float("nan"), 1.0)


@pytest.mark.parametrize(
    ("status", "rows", "answerable", "unanswerable"),
    [
        ("clarify", None, ASKED, RIGHT),
        ("ok", [[1]], RIGHT, WRONG),
        ("ok", [[2]], WRONG, WRONG),
        ("ok", None, WRONG, RIGHT),  # prose alone: no number to check, or it says that it cannot
        ("error", None, FAILED, FAILED),
        ("error", [[1]], FAILED, FAILED),
        ("timeout", None, FAILED, FAILED),
        ("cancelled", None, FAILED, FAILED),
    ],
)
def test_verdicts_by_status(status, rows, answerable, unanswerable):
    assert judge(item([[1]]), status, rows) is answerable
    assert judge(item(), status, rows) is unanswerable


def changed(row):
    """The row with its last cell altered."""
    last = row[-1]
    other = None if isinstance(last, bool) else last * 1.01 + 1 if isinstance(last, int | float) else "something else"
    return (*row[:-1], other)


@pytest.mark.parametrize("entry", [entry for entry in load("shipped") if entry.golds], ids=lambda entry: entry.id)
def test_each_gold_answer_is_right_and_is_wrong_with_one_row_gone_or_one_cell_changed(entry):
    for gold in entry.golds:
        alone = Item(entry.id, entry.kind, entry.data, entry.tables, entry.ask, (gold,), entry.ordered)
        assert judge(alone, "ok", gold.rows) is RIGHT
        assert judge(alone, "ok", gold.rows[1:]) is WRONG
        assert judge(alone, "ok", (changed(gold.rows[0]), *gold.rows[1:])) is WRONG


def test_every_suite_of_the_repository_can_be_read():
    folder = Path(__file__).parents[1] / "agent" / "evaluation"
    assert sum(len(read(path)) for path in folder.glob("*.toml")) > 400
