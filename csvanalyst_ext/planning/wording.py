"""Conditions and measures of a plan as English phrases.  Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, assert_never

from .expressions import expression
from .labels import dimension_label, measure_label
from .plan import (
    AllOf,
    Among,
    AnyOf,
    Combination,
    Compare,
    Condition,
    Dimension,
    Filter,
    GroupFilter,
    Measure,
    Measured,
    Not,
    Plan,
    Ref,
    Scalar,
)

_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_WORDS: Final = {
    "=": "is", "<>": "is not", "<": "is less than", ">": "is more than", "<=": "is at most", ">=": "is at least",
    "starts with": "starts with", "ends with": "ends with", "contains": "contains",
}  # fmt: skip
_DATE_WORDS: Final = {"<": "is before", ">": "is after", "<=": "is on or before", ">=": "is on or after"}


def condition(node: Condition) -> str:
    """One condition in words."""
    match node:
        case Filter():
            return _filter(node)
        case Compare():
            left = node.left.column if isinstance(node.left, Ref) else expression(node.left)
            if isinstance(node.right, Measure):
                right = f"the {measured(node.right)}"
            else:
                right = node.right.column if isinstance(node.right, Ref) else expression(node.right)
            return f"{left} {_WORDS[node.operator]} {right}"
        case GroupFilter():
            values = [value(v, "") for v in node.values]
            if node.groups:
                return f"{measured(node.measure)} {_WORDS[node.operator]} the {node.groups} of all groups"
            return f"{measured(node.measure)} {_tested(node.operator, values)}"
        case Among():
            return _among(node)
        case AllOf():
            return conditions(node.conditions)
        case AnyOf():
            return "(" + " or ".join(condition(one) for one in node.conditions) + ")"
        case Not():
            return f"not ({condition(node.condition)})"
        case _:
            assert_never(node)


def conditions(nodes: Sequence[Condition]) -> str:
    return joined([condition(node) for node in nodes])


def _among(node: Among) -> str:
    inner = node.plan
    rows = f"row of {inner.table}"
    shown = [f for f in inner.filters if not (isinstance(f, Filter) and f.operator == "not null")]
    text = f" where {conditions(shown)}" if shown else ""
    if inner.having:
        number = joined([condition(one).removeprefix("number of rows ") for one in inner.having])
        negation = "not " if node.negated else ""
        return f"the number of {rows.replace('row', 'rows', 1)}{text} {number.replace('is ', f'is {negation}', 1)}"
    return f"there is {'no' if node.negated else 'a'} {rows}{text}"


def measured(node: Measured) -> str:
    """What a measure is, after "the": "number of rows", "average age"."""
    if isinstance(node, Measure) and node.function == "count" and not node.column and not node.name:
        return "number of rows" + (f" where {conditions(node.filters)}" if node.filters else "")
    if isinstance(node, Measure) and node.function == "count distinct" and not node.filters:
        return f"number of different {node.column}"
    if isinstance(node, Measure) and node.filters:
        return f"{measure_label(replace(node, filters=()))} where {conditions(node.filters)}"
    return measure_label(node)


def _filter(node: Filter) -> str:
    name = dimension_label(Dimension(node.column, node.part)) if node.part not in ("", "date") else node.column
    values = [value(one, node.part) for one in node.values]
    if node.operator in _DATE_WORDS and isinstance(node.values[0], dt.date):
        return f"{name} {_DATE_WORDS[node.operator]} {values[0]}"
    fold = " (in any case)" if node.fold else ""
    return f"{name} {_tested(node.operator, values)}{fold}"


def _tested(operator: str, values: Sequence[str]) -> str:
    match operator:
        case "null":
            return "is missing"
        case "not null":
            return "is not missing"
        case "between":
            return f"is from {values[0]} to {values[1]}"
        case "in":
            return f"is {' or '.join(values)}"
        case "not in":
            return f"is neither {' nor '.join(values)}"
        case _:
            return f"{_WORDS[operator]} {values[0]}"


def value(one: Scalar, part: str) -> str:
    if part == "month" and isinstance(one, int):
        return _MONTHS[one - 1]
    if isinstance(one, bool):
        return "true" if one else "false"
    if isinstance(one, dt.date):
        return one.isoformat()
    return f'"{one}"' if isinstance(one, str) else str(one)


def joined(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def nodes(node: Condition) -> Iterator[Condition]:
    """The condition and all conditions in it, but for those of inner plans."""
    yield node
    inner: tuple[Condition, ...] = ()
    match node:
        case AllOf() | AnyOf():
            inner = node.conditions
        case Not():
            inner = (node.condition,)
        case GroupFilter():
            inner = node.measure.filters if isinstance(node.measure, Measure) else ()
        case Compare():
            inner = node.right.filters if isinstance(node.right, Measure) else ()
    for one in inner:
        yield from nodes(one)


def filters_of(plan: Plan) -> list[Filter]:
    """Every plain condition of the plan and of the plans in its conditions."""
    outer = [*plan.filters, *plan.having]
    for measure in plan.measures:
        parts = (measure.left, measure.right) if isinstance(measure, Combination) else (measure,)
        outer += [one for part in parts if isinstance(part, Measure) for one in part.filters]
    found: list[Filter] = []
    for node in (inner for one in outer for inner in nodes(one)):
        if isinstance(node, Filter):
            found.append(node)
        elif isinstance(node, Among):
            found += filters_of(node.plan)
    return found + (filters_of(plan.source) if plan.source is not None else [])
