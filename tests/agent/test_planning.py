"""The pieces of the planner: words, links, plans as SQL and as sentences."""

from __future__ import annotations

import datetime as dt

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csvanalyst_ext.planning import describe
from csvanalyst_ext.planning.compile import compile_plan, condition, identifier, literal
from csvanalyst_ext.planning.link import table_nouns
from csvanalyst_ext.planning.naming import column_cost
from csvanalyst_ext.planning.plan import Dimension, Filter, Measure, Order, Plan
from csvanalyst_ext.planning.schema import Column, Table
from csvanalyst_ext.planning.understand import NotUnderstood, Understood, understand, vocabulary
from csvanalyst_ext.planning.words import key, pieces, same, tokens

FLIGHTS = Table(
    "flights",
    100,
    (
        Column("carrier", "VARCHAR", distinct=3, values=("AA", "UA", "IN"), complete=True),
        Column("dep_delay", "DOUBLE", nulls=5, distinct=50, minimum="-10", maximum="300"),
        Column("arr_delay", "DOUBLE", nulls=5, distinct=50, minimum="-10", maximum="300"),
        Column("distance", "BIGINT", distinct=40, minimum="10", maximum="5000"),
        Column("day", "DATE", distinct=90, minimum="2013-01-01", maximum="2014-12-31"),
        Column("shipped", "DATE", distinct=90, minimum="2013-01-01", maximum="2014-12-31"),
    ),
)


def plan_of(question: str, *tables: Table) -> Plan:
    meaning = understand(question, tables or (FLIGHTS,))
    assert isinstance(meaning, Understood), meaning
    return meaning.plan


def refusal_of(question: str, *tables: Table) -> NotUnderstood:
    meaning = understand(question, tables or (FLIGHTS,))
    assert isinstance(meaning, NotUnderstood), meaning
    return meaning


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "norms"),
    [
        ("What's the average dep_delay?", ["what", "is", "the", "average", "dep_delay"]),
        ("didn't survive", ["did", "not", "survive"]),
        ("over 1,000.5 of it", ["over", "1,000.5", "of", "it"]),
        ('"New York", not Oslo', ["new york", ",", "not", "oslo"]),
        ("France's people", ["france", "'s", "people"]),
        ("O'Hare and AT&T", ["o", "hare", "and", "at", "t"]),
        ("x>=5", ["x", ">=", "5"]),
        ("Mercedes-Benz", ["mercedes", "benz"]),
        ("John F. Kennedy", ["john", "f", "kennedy"]),
        ("One thing. Another", ["one", "thing", ".", "another"]),
    ],
)
def test_a_question_is_cut_into_words(text: str, norms: list[str]) -> None:
    assert [token.norm for token in tokens(text)] == norms


@pytest.mark.parametrize(
    ("text", "number"), [("5", 5), ("-3.5", -3.5), ("$1,200", 1200), ("60k", 60000), ("three", 3), ("2.0", 2.0)]
)
def test_numbers_are_read(text: str, number: float) -> None:
    assert tokens(text)[0].number == number


@given(st.text(max_size=80))
def test_any_text_can_be_cut(text: str) -> None:
    tokens(text)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dep_delay", ("dep", "delay")), ("PassengerId", ("passenger", "id")), ("GDP per head", ("gdp", "per", "head")),
        ("lifeExp", ("life", "exp")), ("HTTPCode2", ("http", "code", "2")), ("prix_élevé", ("prix", "élevé")),
    ],
)  # fmt: skip
def test_names_are_cut_into_words(name: str, words: tuple[str, ...]) -> None:
    assert pieces(name) == words


@pytest.mark.parametrize(
    ("one", "other"),
    [("carriers", "carrier"), ("cities", "city"), ("boxes", "box"), ("people", "person"), ("species", "species"),
     ("movies", "movie"), ("classes", "class"), ("women", "woman")],
)  # fmt: skip
def test_plural_and_singular_are_the_same_word(one: str, other: str) -> None:
    assert same(one, other)


@pytest.mark.parametrize(("one", "other"), [("carrier", "career"), ("status", "statu"), ("glass", "glas"), ("is", "i")])
def test_similar_words_are_not_the_same(one: str, other: str) -> None:
    assert not same(one, other)


# --- links ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "name", "type_", "cost"),
    [
        ("dep_delay", "dep_delay", "DOUBLE", 0),
        ("dep delays", "dep_delay", "DOUBLE", 0),
        ("departure delay", "dep_delay", "DOUBLE", 2),
        ("body mass", "body_mass_g", "BIGINT", 1),
        ("mass of the body", "body_mass_g", "BIGINT", 2),
        ("active", "is_active", "BOOLEAN", 1),
        ("country", "country_name", "VARCHAR", 1),
        ("city", "home_city", "VARCHAR", 4),
        ("number of employees", "num_employees", "BIGINT", 2),
        ("delay", "dep_delay", "DOUBLE", None),
        ("temperature", "temp_min", "DOUBLE", None),
        ("country", "count", "BIGINT", None),
        ("agency", "age", "BIGINT", None),
        ("dep", "dep_delay", "DOUBLE", None),
        ("customer", "customer_age", "BIGINT", None),
    ],
)
def test_words_name_a_column_or_do_not(said: str, name: str, type_: str, cost: int | None) -> None:
    assert column_cost(pieces(said), Column(name, type_)) == cost


@pytest.mark.parametrize(
    ("name", "nouns"),
    [
        ("flights", [("flights",)]), ("order_items", [("order", "items"), ("items",)]), ("sales_2023", [("sales",)]),
        ("pizzaplace", [("pizzaplace",), ("pizza",)]), ("data", []),
    ],
)  # fmt: skip
def test_rows_are_called_after_their_table(name: str, nouns: list[tuple[str, ...]]) -> None:
    assert [noun for noun, _ in table_nouns(name)] == nouns


def test_a_value_that_is_a_common_word_counts_only_when_written_exactly() -> None:
    assert plan_of("How many flights of IN?").filters == (Filter("carrier", "=", ("IN",)),)
    assert plan_of("How many flights are there in total?").filters == ()
    assert plan_of("How many flights with carrier in?").filters == (Filter("carrier", "=", ("IN",)),)


# --- understanding --------------------------------------------------------------------------------


def test_a_month_of_several_years_is_asked_about() -> None:
    one_date = Table("flights", 100, FLIGHTS.columns[:5])
    refusal = refusal_of("flights by month", one_date)
    assert refusal.reason == "ambiguous" and len(refusal.choices) == 2
    assert plan_of("flights by month and year", one_date).dimensions == (Dimension("day", bucket="month"),)
    assert plan_of("flights by month in 2013", one_date).dimensions == (Dimension("day", "month"),)


def test_two_dates_are_asked_about_unless_one_is_named() -> None:
    assert refusal_of("How many flights in 2013?").reason == "ambiguous"
    assert plan_of("How many flights with day in 2013?").filters == (Filter("day", "=", (2013,), "year"),)
    assert plan_of("How many flights shipped in 2013?").filters == (Filter("shipped", "=", (2013,), "year"),)


@pytest.mark.parametrize(
    ("said", "operator", "date"),
    [
        ("before 2014", "<", dt.date(2014, 1, 1)),
        ("after 2013", ">", dt.date(2013, 12, 31)),
        ("since March 2013", ">=", dt.date(2013, 3, 1)),
        ("after March 2013", ">", dt.date(2013, 3, 31)),
        ("before 2013-05-06", "<", dt.date(2013, 5, 6)),
        ("on or after May 6, 2013", ">=", dt.date(2013, 5, 6)),
        ("on 6 May 2013", "=", dt.date(2013, 5, 6)),
    ],
)
def test_edges_of_time_are_exact(said: str, operator: str, date: dt.date) -> None:
    assert plan_of(f"How many flights shipped {said}?").filters == (Filter("shipped", operator, (date,)),)  # type: ignore[arg-type]


def test_two_tables_that_fit_equally_are_asked_about() -> None:
    other = Table("flights_old", 5, FLIGHTS.columns)
    refusal = refusal_of("average distance", FLIGHTS, other)
    assert refusal.reason == "ambiguous"
    assert refusal.choices == (
        "average distance of flights (in flights)",
        "average distance of flights_old (in flights_old)",
    )
    assert plan_of("average distance in flights_old", FLIGHTS, other).table == "flights_old"


def test_no_tables_is_said() -> None:
    assert understand("How many?", ()).reason == "no_tables"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "question",
    ["", "?", "how many", "the " * 39, "average", "by carrier", "a" * 5000, "how many flights " * 13, "\x00\x00"],
)
def test_odd_questions_are_refused_quickly(question: str) -> None:
    assert isinstance(understand(question, (FLIGHTS,)), NotUnderstood)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(vocabulary()) + ["flights", "carrier", "AA", "distance", "5"] * 20), max_size=12)
)
def test_words_in_any_order_never_break_it(words: list[str]) -> None:
    meaning = understand(" ".join(words), (FLIGHTS,))
    if isinstance(meaning, Understood):
        compile_plan(meaning.plan)


def test_an_unknown_word_anywhere_is_enough_to_refuse() -> None:
    words = ["What", "is", "the", "average", "distance", "of", "flights", "with", "carrier", "AA"]
    plan_of(" ".join(words))
    for place in range(len(words) + 1):
        assert "zorp" in refusal_of(" ".join([*words[:place], "zorp", *words[place:]])).question


# --- SQL ------------------------------------------------------------------------------------------


@given(st.text(min_size=1, max_size=30).filter(lambda text: "\0" not in text))
@settings(deadline=None, max_examples=60)
def test_names_and_texts_are_quoted_whatever_they_hold(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    (row,) = duckdb.sql(f"SELECT {literal(text)} AS {identifier(text)}").fetchall()
    assert row == (text,)


@pytest.mark.parametrize(
    ("filter_", "sql"),
    [
        (Filter("a b", "=", ("O'Hare",)), "\"a b\" = 'O''Hare'"),
        (Filter("x", "between", (1, 2.5)), '"x" BETWEEN 1 AND 2.5'),
        (Filter("x", "in", ("a", "b")), "\"x\" IN ('a', 'b')"),
        (Filter("x", "not null"), '"x" IS NOT NULL'),
        (Filter("x", "=", (True,)), '"x"'),
        (Filter("x", "<>", (True,)), 'NOT "x"'),
        (Filter("x", "contains", ("Ab",), fold=True), "contains(lower(\"x\"), 'ab')"),
        (Filter("x", "starts with", ("A%",)), "starts_with(\"x\", 'A%')"),
        (Filter("d", "=", (3,), "month"), 'month("d") = 3'),
        (Filter("d", "<", (dt.date(2013, 5, 6),), "date"), "CAST(\"d\" AS DATE) < DATE '2013-05-06'"),
    ],
)
def test_conditions_as_sql(filter_: Filter, sql: str) -> None:
    assert condition(filter_) == sql


def test_a_plan_reads_well_as_sql() -> None:
    plan = Plan(
        "flights",
        dimensions=(Dimension("carrier"),),
        measures=(Measure("mean", "dep_delay"),),
        filters=(Filter("month", "=", (3,)),),
        order=Order(descending=True, measure=0),
        first=5,
    )
    assert compile_plan(plan) == (
        'SELECT "carrier", avg("dep_delay") AS "average dep_delay"\n'
        'FROM "flights"\n'
        'WHERE "month" = 3\n'
        '  AND "carrier" IS NOT NULL\n'
        'GROUP BY "carrier"\n'
        'QUALIFY avg("dep_delay") IS NOT NULL\n'
        '  AND rank() OVER (ORDER BY avg("dep_delay") DESC NULLS LAST) <= 5\n'
        'ORDER BY avg("dep_delay") DESC NULLS LAST, "carrier"'
    )


# --- sentences ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (336776, "336,776"),
        (12.639, "12.64"),
        (3.0, "3"),
        (0.01234, "0.01234"),
        (None, "(missing)"),
        ("x", "x"),
        (True, "true"),
    ],
)
def test_values_are_written_for_people(value: object, shown: str) -> None:
    assert describe.show(value) == shown


def test_a_result_of_nothing_is_said() -> None:
    plan = Plan("t", measures=(Measure("mean", "x"),), filters=(Filter("y", "=", ("a",)),))
    assert (
        describe.answer(plan, ["average x"], [[None]], 1) == 'There is no value to take: average x of t where y is "a".'
    )
    rows = Plan("t", select=("x",), filters=(Filter("y", "=", ("a",)),))
    assert describe.answer(rows, ["x"], [], 0).startswith("There are no such rows")


def test_keys_ignore_case_and_marks() -> None:
    assert key("John F. Kennedy Intl") == key("john f kennedy INTL") == "johnfkennedyintl"
