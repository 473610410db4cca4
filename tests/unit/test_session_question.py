"""How the text of a cell and its options become a question."""

import pytest

from csvanalyst_ext.errors import UsageError
from csvanalyst_ext.session.question import Question, parse


def code_of(text, **options):
    with pytest.raises(UsageError) as caught:
        parse(text, **options)
    return caught.value.code


def test_plain_words_are_for_the_model():
    assert parse("  How many rows? \n") == Question("How many rows?", "auto")


@pytest.mark.parametrize("prefix", ["SQL:", "sql:", "\n\n  Sql :", "SQL:\n"])
def test_a_prefix_in_any_case_and_after_blank_lines_chooses_sql(prefix):
    question = parse(f"{prefix} SELECT 1;")
    assert (question.mode, question.text) == ("sql", "SELECT 1;")


def test_a_prefix_inside_the_text_is_just_text():
    assert parse("What does SQL: mean?").mode == "auto"


def test_python_on_the_line_of_the_prefix_starts_without_indentation():
    assert parse("PYTHON:  x = 1\nx + 1").text == "x = 1\nx + 1"


def test_python_below_the_prefix_keeps_its_indentation():
    assert parse("PYTHON:\n\nif True:\n    x = 1\n\n").text == "if True:\n    x = 1"


def test_the_mode_option_takes_a_text_without_prefix_as_it_is():
    assert parse("SELECT 1", mode="sql") == Question("SELECT 1", "sql")


def test_the_mode_option_and_the_same_prefix_agree():
    assert parse("SQL: SELECT 1", mode="sql").text == "SELECT 1"


@pytest.mark.parametrize(
    ("text", "mode"), [("SQL: SELECT 1", "python"), ("PYTHON: 1", "sql"), ("SQL: SELECT 1", "auto")]
)
def test_a_prefix_that_contradicts_the_mode_is_a_usage_error(text, mode):
    assert code_of(text, mode=mode) == "mode_contradiction"


@pytest.mark.parametrize("text", ["", " \n\t", "SQL:", "python: \n "])
def test_an_empty_question_is_a_usage_error(text):
    assert code_of(text) == "empty_question"


def test_a_plan_keeps_its_indentation():
    question = parse("PLAN:\n  from: t\n  measures: count")
    assert (question.mode, question.text) == ("plan", "  from: t\n  measures: count")
    assert parse("{from: t}", mode="plan") == Question("{from: t}", "plan")


def test_an_unknown_mode_lists_the_known_ones():
    with pytest.raises(UsageError, match="auto, sql, python"):
        parse("x", mode="r")


@pytest.mark.parametrize("options", [{"max_rows": 0}, {"timeout": 0}, {"timeout": float("nan")}, {"timeout": 1e9}])
def test_limits_out_of_range_are_usage_errors(options):
    assert code_of("x", **options) == "bad_option"


def test_a_text_that_no_request_can_carry_is_refused_before_anything_runs():
    assert code_of("SQL: " + "x" * (256 * 1024 + 1)) == "text_too_long"
    assert code_of("SQL: SELECT '\0'") == "bad_text"
