"""Every mistake in a plan is told before anything runs: its code, its place, and what would be possible."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csvanalyst_ext.errors import PlanError
from csvanalyst_ext.planning.compile import compile_plan
from csvanalyst_ext.planning.document import MAX_CHARACTERS, read_plan
from csvanalyst_ext.planning.graph import graph_of
from csvanalyst_ext.planning.resolve import resolve
from csvanalyst_ext.planning.schema import Column, Table

from .data import TABLES, connection

SALES, CUSTOMERS = TABLES
TWINS = Table("twins", 5, (Column("to tal", "BIGINT"), Column("to-tal", "BIGINT"), Column("n", "BIGINT")))
PAYMENTS = Table("payments", 9, (Column("customer_id", "BIGINT", distinct=3), Column("amount", "DOUBLE", distinct=9)))
ALL = (*TABLES, TWINS, PAYMENTS)


def error_of(text: str) -> PlanError:
    with pytest.raises(PlanError) as caught:
        resolve(read_plan(text), ALL)
    return caught.value


MISTAKES = [
    # how it is written
    ("", "plan_type", ""),
    ("just words", "plan_type", ""),
    ("from: [", "plan_syntax", ""),
    ('{"from": "sales",}}', "plan_syntax", ""),
    ("{from: sales, from: sales}", "plan_syntax", ""),
    ('{"from": "sales", "from": "sales"}', "plan_syntax", ""),
    ("from: sales\nwhere: {column: units, operator: >=, value: 1}", "plan_syntax", ""),
    ("{from: sales, limit: &a 3, first: *a}", "plan_syntax", ""),
    ("from: !!python/object/apply:os.system [ls]", "plan_syntax", ""),
    ("from: !local x", "plan_syntax", ""),
    ('{"from": "sales", "limit": NaN}', "plan_syntax", ""),
    ("{1: 2}", "plan_syntax", ""),
    # its shape
    ("{}", "plan_missing_key", ""),
    ("{version: 99, from: sales}", "plan_version", "version"),
    ("{from: sales, measure: count}", "plan_unknown_key", "measure"),
    ("{from: sales, group_by: [region, {colum: paid}]}", "plan_unknown_key", "group_by[1].colum"),
    ("{from: sales, measures: [{function: mode, column: units}]}", "plan_choice", "measures[0].function"),
    ("{from: sales, first: 0}", "plan_range", "first"),
    ("{from: sales, first: many}", "plan_type", "first"),
    ("{from: sales, distinct: 'yes'}", "plan_type", "distinct"),
    ("{from: sales, where: [{value: 3}]}", "plan_missing_key", "where[0]"),
    ('{"from": "sales", "where": [{"column": "region", "operator": "=", "value": "a\\u0000"}]}', "plan_text",
     "where[0].value"),
    ('{"from": "sales", "where": [{"column": "region", "operator": "=", "value": "\\ud800"}]}', "plan_text",
     "where[0].value"),
    ("{from: sales, where: {column: units, operator: '=', value: 1, values: [2]}}", "plan_shape", "where"),
    # names
    ("{from: sails}", "plan_unknown_table", "from"),
    ("{from: sales, select: [region, unit price]}", "plan_unknown_column", "select[1]"),
    ("{from: twins, select: [to_tal]}", "plan_ambiguous", "select[0]"),
    ("{from: sales, joins: [{table: customers}], measures: {function: sum, column: units}}", "plan_ambiguous",
     "measures[0].column"),
    ("{from: sales, derive: [{name: Region, expression: {value: 1}}]}", "plan_name_taken", "derive[0].name"),
    ("{from: sales, group_by: [region, Region]}", "plan_name_taken", "group_by[1]"),
    ("{from: sales, group_by: region, measures: {function: count, name: Region}}", "plan_name_taken",
     "measures[0].name"),
    ("{from: sales, joins: [{table: sales, on: customer_id}]}", "plan_name_taken", "joins[0]"),
    ("{from: sales, joins: [{table: twins}]}", "plan_no_key", "joins[0]"),
    ("{from: sales, joins: [{table: customers, on: {left: region, right: customer_id}}]}", "plan_column_type",
     "joins[0].on[0]"),
    ("{from: {from: sales, joins: [{table: sails}]}}", "plan_unknown_table", "from.joins[0].table"),
    # types
    ("{from: sales, measures: [count, {function: mean, column: region}]}", "plan_column_type", "measures[1].column"),
    ("{from: sales, measures: {function: sum, column: paid}}", "plan_column_type", "measures[0].column"),
    ("{from: sales, group_by: [{column: units, part: month}]}", "plan_column_type", "group_by[0].part"),
    ("{from: sales, group_by: [{column: sold_on, bucket: hour}]}", "plan_column_type", "group_by[0].bucket"),
    ("{from: sales, where: [{column: units, operator: '=', value: many}]}", "plan_value_type", "where[0].value"),
    ("{from: sales, where: [{column: units, operator: in, values: [1, '2']}]}", "plan_value_type",
     "where[0].values[1]"),
    ("{from: sales, where: [{column: region, operator: '=', value: 5}]}", "plan_value_type", "where[0].value"),
    ("{from: sales, where: [{column: sold_on, operator: '=', value: May 2020}]}", "plan_value_type",
     "where[0].value"),
    ("{from: sales, where: [{column: sold_on, part: month, operator: '=', value: 13}]}", "plan_range",
     "where[0].value"),
    ("{from: sales, where: [{column: units, operator: contains, value: a}]}", "plan_column_type",
     "where[0].operator"),
    ("{from: sales, where: [{column: units, operator: between, value: 1}]}", "plan_values", "where[0]"),
    ("{from: sales, where: [{any: [{not: {column: units, operator: '=', value: x}}]}]}", "plan_value_type",
     "where[0].any[0].not.value"),
    ("{from: sales, where: [{left: units, operator: '>', right: region}]}", "plan_column_type", "where[0]"),
    ("{from: sales, derive: [{name: x, expression: {call: '+', of: [units, region]}}]}", "plan_column_type",
     "derive[0].expression.of[1]"),
    ("{from: sales, derive: [{name: x, expression: {call: abs, of: [units, units]}}]}", "plan_values",
     "derive[0].expression.of"),
    # what goes together
    ("{from: sales, where: [{measure: count, operator: '>', value: 1}]}", "plan_shape", "where[0]"),
    ("{from: sales, group_by: region, having: [{column: units, operator: '>', value: 1}]}", "plan_shape", "having[0]"),
    ("{from: sales, select: [region], measures: count}", "plan_shape", "select"),
    ("{from: sales, first: 3}", "plan_shape", "first"),
    ("{from: sales, order: units, first: 3, limit: 2}", "plan_shape", "limit"),
    ("{from: sales, order: units, within: region}", "plan_shape", "within"),
    ("{from: sales, group_by: region, order: price}", "plan_unknown_group", "order[0].by"),
    ("{from: sales, group_by: region, pivot: region}", "plan_shape", "pivot"),
    ("{from: sales, measures: {function: quantile, column: units}}", "plan_shape", "measures[0].quantile"),
    ("{from: sales, measures: {function: sum}}", "plan_missing_key", "measures[0]"),
    ("{from: sales, measures: {window: share, of: count}}", "plan_shape", "measures[0]"),
    ("{from: sales, group_by: region, measures: {window: change, of: count}}", "plan_column_type",
     "measures[0].along"),
    ("{from: sales, distinct: true, select: [region], order: units}", "plan_shape", "order[0].by"),
    ("{from: sales, select: [region], sets: [{operator: union, plan: {from: sales, select: [region, units]}}]}",
     "plan_shape", "sets[0].plan"),
    # a join that would count things twice
    ("{from: customers, joins: [{table: payments}], measures: {function: sum, column: customers.units}}",
     "plan_repeats_rows", "measures[0]"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "path"), MISTAKES)
def test_a_mistake_has_a_code_and_a_place(text: str, code: str, path: str) -> None:
    error = error_of(text)
    assert (error.code, error.details["path"]) == (code, path), error
    assert error.message.startswith(path)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("{from: sails}", ["sales"]),
        ("{from: sales, select: [regoin]}", ["region"]),
        ("{from: sales, joins: [{table: customers}], select: [nam]}", ["customers.name"]),
        ("{from: sales, where: {column: units, operator: approx}}", "starts with"),
        ("{from: sales, group_by: region, order: regoin}", ["region"]),
        ("{from: sales, group_bi: region}", "group_by"),
    ],
)
def test_close_names_are_offered(text: str, valid: str | list[str]) -> None:
    error = error_of(text)
    found = error.details["valid"]
    assert found == valid if isinstance(valid, list) else valid in found
    assert (valid if isinstance(valid, str) else valid[0]) in error.hint


@pytest.mark.parametrize(
    ("said", "name"),
    [("Region", "region"), ("PRODUCT NAME", "Product Name"), ("product_name", "Product Name"), ("unit", "units"),
     ("product names", "Product Name"), ("sales.units", "units"), ("Sales.Sold On", "sold_on")],
)  # fmt: skip
def test_names_are_found_in_any_spelling(said: str, name: str) -> None:
    assert resolve(read_plan(f"{{from: Sale, select: ['{said}']}}"), ALL).select == (name,)


def test_a_declared_key_takes_the_place_of_a_discovered_one() -> None:
    people = replace(CUSTOMERS, columns=(*CUSTOMERS.columns, Column("old number", "BIGINT", distinct=3)))
    sales = replace(SALES, references=((("customer_id",), "Customers", ("old number",)),))
    assert graph_of((SALES, people)).joins("sales", "customers") == ((("customer_id", "customer_id"),),)
    assert graph_of((sales, people)).joins("sales", "customers") == ((("customer_id", "old number"),),)
    assert graph_of((sales, people)).joins("customers", "sales") == ((("old number", "customer_id"),),)


def test_a_key_of_which_some_values_lead_nowhere_joins_a_plan_and_answers_no_question() -> None:
    orders = Table("orders", 9, (Column("customer_id", "BIGINT", distinct=3, minimum="1", maximum="9"),))
    people = Table("customers", 3, (Column("customer_id", "BIGINT", distinct=3, minimum="1", maximum="3"),))
    graph = graph_of((orders, people))
    assert graph.joins("orders", "customers") == ((("customer_id", "customer_id"),),)
    assert graph.edges == ()


def test_a_declared_key_of_several_columns_joins_by_all_of_them() -> None:
    lines = Table("lines", 6, (Column("order", "BIGINT", distinct=2), Column("line", "BIGINT", distinct=3)))
    order_line = (("order", "line"), "lines", ("order", "line"))
    columns = (*lines.columns, Column("refund", "DOUBLE", distinct=4))
    returns = Table("returns", 4, columns, references=(order_line,))
    plan = read_plan("{from: returns, joins: [{table: lines}], measures: {function: sum, column: refund}}")
    assert resolve(plan, (lines, returns)).joins[0].on == (("returns.order", "order"), ("returns.line", "line"))
    turned = read_plan("{from: lines, joins: [{table: returns}], measures: {function: sum, column: lines.line}}")
    with pytest.raises(PlanError) as caught:
        resolve(turned, (lines, returns))
    assert caught.value.code == "plan_repeats_rows"


@pytest.mark.parametrize(
    "reference",
    [(("nobody",), "customers", ("customer_id",)), (("customer_id",), "nowhere", ("customer_id",)),
     (("customer_id",), "customers", ("nothing",)), (("region",), "customers", ("customer_id",)),
     (("customer_id",), "payments", ("customer_id",))],
)  # fmt: skip
def test_a_reference_that_the_data_contradict_has_no_effect(
    reference: tuple[tuple[str, ...], str, tuple[str, ...]],
) -> None:
    payments = Table("payments", 9, (Column("customer_id", "BIGINT", distinct=3), Column("paid", "DOUBLE")))
    tables = (replace(SALES, references=(reference,)), CUSTOMERS, payments)
    assert graph_of(tables).declared == ()


def test_missing_values_of_a_key_repeat_nothing() -> None:
    bonus = Table("bonus", 4, (Column("customer_id", "BIGINT", nulls=1, distinct=3), Column("sum", "DOUBLE")))
    plan = read_plan("{from: customers, joins: [{table: bonus}], measures: {function: sum, column: customers.units}}")
    assert resolve(plan, (*TABLES, bonus)).joins[0].on == (("customers.customer_id", "customer_id"),)


def test_a_key_named_after_its_table_is_found() -> None:
    orders = Table("orders", 9, (Column("customer_id", "BIGINT", distinct=3), Column("id", "BIGINT", distinct=9)))
    people = Table("customers", 3, (Column("id", "BIGINT", distinct=3), Column("name", "VARCHAR", distinct=3)))
    assert graph_of((orders, people)).joins("orders", "customers") == ((("customer_id", "id"),),)


# --- hostile texts --------------------------------------------------------------------------------

HOSTILE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)


@settings(max_examples=100, deadline=None)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_name_and_no_value_gets_out_of_its_quotes(table: str, column: str, value: str) -> None:
    known = (Table(table, 1, (Column(column, "VARCHAR"),)),)
    plan = {
        "from": table,
        "where": [{"column": column, "operator": "=", "value": value}],
        "group_by": [{"column": column, "name": f"g{value}"}],
        "measures": [{"function": "count", "name": f"m{column}"}],
    }
    from csvanalyst_ext.planning.document import plan_of
    from csvanalyst_ext.planning.quoting import identifier, literal

    sql = compile_plan(resolve(plan_of(plan), known))
    with connection() as made:
        made.execute(f"CREATE OR REPLACE TABLE {identifier(table)} AS SELECT {literal(value)} AS {identifier(column)}")
        assert made.execute(sql).fetchall() == [(value, 1)]


@pytest.mark.parametrize(
    "text",
    ["[" * 50_000, "{" * 50_000, '{"a":' * 5_000, "a: " * 5_000, "- " * 20_000, "from: x" + " " * MAX_CHARACTERS,
     "{from: sales, limit: " + "9" * 20_000 + "}", '{"from": "sales", "limit": ' + "9" * 20_000 + "}",
     "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]", "{? a : b}", "\x00", "\ufeff{", "%TAG ! x", "---\n---\n", "? ? ? ?"],
)  # fmt: skip
def test_texts_meant_to_hurt_are_refused_quickly(text: str) -> None:
    start = time.process_time()
    error = error_of(text)
    assert error.code in (
        "plan_too_large",
        "plan_syntax",
        "plan_type",
        "plan_missing_key",
        "plan_range",
        "plan_unknown_key",
    )
    assert time.process_time() - start < 5


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_a_plan_or_a_typed_error(text: str) -> None:
    try:
        read_plan(text)
    except PlanError as error:
        assert error.code.startswith("plan_")


@pytest.mark.parametrize("word", ["NO", "on", "yes", "12:30", "2020-01-01", "0o17", "1_000", "null_", "=", "<<"])
def test_words_of_yaml_stay_texts(word: str) -> None:
    plan = read_plan(f"from: sales\nwhere:\n- column: region\n  operator: is\n  value: {word}\n")
    assert plan.filters[0].values == (word,)  # type: ignore[union-attr]
