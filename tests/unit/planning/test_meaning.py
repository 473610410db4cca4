"""What plans mean: each one read from YAML, resolved, compiled and run on small tables."""

from __future__ import annotations

from typing import Any

import pytest

from .data import day, rows_of

PLANS: list[tuple[str, str, list[tuple[Any, ...]]]] = [
    ("counting", "{from: sales, measures: [count]}", [(6,)]),
    ("counting values leaves out missing ones", "{from: sales, measures: {function: count, column: units}}", [(5,)]),
    ("different values", "{from: sales, measures: {function: count distinct, column: region}}", [(3,)]),
    ("a filter", "{from: sales, where: {column: units, operator: at least, value: 5}, measures: count}", [(3,)]),
    ("not leaves out missing", "{from: sales, where: {not: {column: units, operator: '=', value: 5}}, measures: count}",
     [(3,)]),
    ("or", """{from: sales, measures: count, where: {any: [{column: region, operator: is, value: east},
     {column: units, operator: more than, value: 6}]}}""", [(2,)]),
    ("above the average of all rows", """{from: sales, select: [units], order: units, 
     where: {left: units, operator: '>', right: {measure: {function: mean, column: units}}}}""",
     [(5,), (5,), (7,)]),
    ("two columns", "{from: sales, measures: count, where: {left: units, operator: more than, right: price}}", [(4,)]),
    ("text in any case", """{from: sales, measures: count, where:
     {column: product name, operator: contains, value: hARE, ignore_case: true}}""", [(1,)]),
    ("a hostile value", """{from: sales, measures: count, where: {column: product_name, operator: is, value: "O'Hare; --"}}""",
     [(1,)]),
    ("a day means all its hours", "{from: sales, measures: count, where: {column: at, operator: is, value: 2020-01-06}}",
     [(2,)]),
    ("a month by name", "{from: sales, measures: count, where: {column: sold_on, part: month, operator: is, value: Feb}}",
     [(2,)]),
    ("yes and no in words", "{from: sales, measures: count, where: {column: paid, operator: is, value: 'Yes'}}", [(3,)]),
    ("months keep their years apart", "{from: sales, group_by: {column: sold_on, bucket: quarter}, measures: count}",
     [(day("2020-01-01"), 3), (day("2020-04-01"), 1), (day("2021-01-01"), 1), (None, 1)]),
    ("parts put years together", "{from: sales, group_by: {column: sold_on, part: month}, measures: count}",
     [(1, 2), (2, 2), (4, 1), (None, 1)]),
    ("weekdays in their order", "{from: sales, group_by: {column: sold_on, part: weekday}, measures: count}",
     [("Monday", 2), ("Wednesday", 1), ("Friday", 1), ("Saturday", 1), (None, 1)]),
    ("hours", "{from: sales, group_by: {column: at, part: hour}, measures: count}",
     [(0, 1), (9, 2), (12, 1), (23, 1), (None, 1)]),
    ("having", "{from: sales, group_by: region, measures: count, having: {measure: count, operator: '>', value: 1}}",
     [("north", 2), ("south", 2)]),
    ("groups above the mean of groups",
     "{from: sales, group_by: region, having: {measure: {function: sum, column: units}, operator: '>', groups: mean}}",
     [("north",)]),
    ("a measure with rows of its own", """{from: sales, measures: {combine: percent, left: {function: count,
     where: {column: paid, operator: is, value: true}}, right: count}}""", [(50.0,)]),
    ("two groups in one row", """{from: sales, measures: {combine: '-',
     left: {function: sum, column: units, where: {column: region, operator: is, value: north}},
     right: {function: sum, column: units, where: {column: region, operator: is, value: south}}}}""", [(1,)]),
    ("shares", "{from: sales, group_by: region, measures: [{window: share, of: {function: sum, column: units}}]}",
     [("east", None), ("north", 8 / 22), ("south", 7 / 22), (None, 7 / 22)]),
    ("shares are of everything, also among the first", """{from: sales, group_by: region, first: 1,
     measures: {window: share, of: {function: sum, column: units}, name: s}, order: {by: s, descending: true}}""",
     [("north", 8 / 22)]),
    ("change needs the period before", """{from: sales, group_by: {column: sold_on, bucket: month},
     where: {column: sold_on, operator: not null}, measures: {window: change, of: {function: sum, column: units}}}""",
     [(day("2020-01-01"), None), (day("2020-02-01"), 4), (day("2020-04-01"), None), (day("2021-01-01"), None)]),
    ("running total", """{from: sales, group_by: {column: sold_on, bucket: year},
     measures: [count, {window: running total, of: count}]}""",
     [(day("2020-01-01"), 4, 4), (day("2021-01-01"), 1, 5), (None, 1, 6)]),
    ("rank", "{from: sales, group_by: region, measures: {window: rank, of: count}}",
     [("east", 3), ("north", 1), ("south", 1), (None, 3)]),
    ("first keeps ties", "{from: sales, select: [units], order: {by: price}, first: 2}", [(3,), (5,), (5,)]),
    ("the second highest", "{from: sales, select: [price], order: {by: price, descending: true}, place: 2}", [(3.0,)]),
    ("first within", "{from: sales, select: [region, units], order: {by: units, descending: true}, first: 1, within: region}",
     [("north", 5), ("south", 5), (None, 7)]),
    ("limit", "{from: sales, select: [units], order: [units], limit: 2}", [(2,), (3,)]),
    ("distinct", "{from: sales, select: [units], distinct: true, order: units}", [(2,), (3,), (5,), (7,), (None,)]),
    ("a join by a key that is found", "{from: sales, joins: [{table: customers}], group_by: name, measures: count}",
     [("Ada", 2), ("Bob", 2)]),
    ("a left join", "{from: sales, joins: [{table: customers, kind: left}], group_by: customers.name, measures: count}",
     [("Ada", 2), ("Bob", 2), (None, 2)]),
    ("no partner", "{from: customers, joins: [{table: sales, kind: anti}], select: [name]}", [("Cy",)]),
    ("a partner that counts", """{from: customers, select: [name], joins: [{table: sales, kind: semi,
     where: {column: units, operator: at most, value: 2}}]}""", [("Bob",)]),
    ("derived columns", """{from: sales, derive: [{name: worth, expression: {call: '*', of: [units, price]}},
     {name: big, expression: {case: [{when: {column: worth, operator: more than, value: 5}, then: {value: big}}],
      else: {value: small}}}], group_by: big, measures: [count, {function: sum, column: worth}]}""",
     [("big", 3, 53.0), ("small", 3, 4.5)]),
    ("days between", """{from: sales, derive: [{name: d, expression: {call: days between,
     of: [{value: "2020-01-01"}, sold_on]}}], measures: {function: max, column: d}}""", [(366.0,)]),
    ("bins", """{from: sales, derive: [{name: b, expression: {call: bin, of: [units, 5]}}], group_by: b, measures: count}""",
     [(0.0, 2), (5.0, 3), (None, 1)]),
    ("both", """{from: sales, select: [region], where: {column: units, operator: '=', value: 5}, sets: [{operator: intersect,
     plan: {from: sales, select: [region], where: {column: units, operator: '=', value: 3}}}]}""", [("north",)]),
    ("neither", """{from: customers, select: [customer_id], sets: [{operator: except,
     plan: {from: sales, select: [customer_id]}}]}""", [(3,)]),
    ("an inner plan", """{from: {from: sales, group_by: region, measures: [{function: count, name: n}]},
     measures: {function: mean, column: n}}""", [(1.5,)]),
    ("pivot shows missing groups too", "{from: sales, group_by: [region, {column: paid}], measures: count, pivot: paid}",
     [("east", None, 1, None), ("north", None, 1, 1), ("south", None, None, 2), (None, 1, None, None)]),
    ("quantile", "{from: sales, measures: {function: quantile, column: units, quantile: 0.25}}", [(3.0,)]),
    ("deviations", """{from: sales, where: {column: units, operator: between, values: [2, 3]},
     measures: [{function: stddev, column: units}, {function: stddev population, column: units}]}""", [(0.5**0.5, 0.5)]),
]  # fmt: skip


@pytest.mark.parametrize(("about", "plan", "expected"), PLANS, ids=[about for about, _, _ in PLANS])
def test_a_plan_gives(about: str, plan: str, expected: list[tuple[Any, ...]]) -> None:
    found = rows_of(plan)
    assert len(found) == len(expected), found
    for row, wanted in zip(found, expected, strict=True):
        assert list(row) == [pytest.approx(cell) if isinstance(cell, float) else cell for cell in wanted], found
