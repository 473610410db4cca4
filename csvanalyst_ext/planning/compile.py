"""A plan as DuckDB SQL that a person likes to read.  Pure.

All identifiers are quoted and all texts escaped: no name or value can change the statement's shape.
"""

from __future__ import annotations

import datetime as dt

from .plan import Dimension, Filter, Measure, Order, Part, Plan, Scalar

_FUNCTIONS = {"sum": "sum", "mean": "avg", "median": "median", "min": "min", "max": "max"}
_LABELS = {"sum": "total", "mean": "average", "median": "median", "min": "lowest", "max": "highest"}


def compile_plan(plan: Plan) -> str:
    """The statement for ``plan``, several lines, without a semicolon."""
    return "\n".join(_grouped(plan) if plan.measures else _rows(plan))


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


def measure_label(measure: Measure) -> str:
    """The name of a measure's column in the result."""
    if measure.function == "count":
        return "rows"
    if measure.function == "count distinct":
        return f"different {measure.column}"
    return f"{_LABELS[measure.function]} {measure.column}"


def dimension_label(dimension: Dimension) -> str:
    return dimension.column if not dimension.part else f"{dimension.part} of {dimension.column}"


def _grouped(plan: Plan) -> list[str]:
    filters = list(plan.filters)
    if plan.first is not None:
        # The group of the missing values takes no place among the first.
        filters += [Filter(d.column, "not null") for d in plan.dimensions]
    keys = [_part(d.column, d.part) for d in plan.dimensions]
    columns = [
        key if not d.part else f"{key} AS {identifier(dimension_label(d))}"
        for key, d in zip(keys, plan.dimensions, strict=True)
    ]
    columns += [f"{_measure(m)} AS {identifier(measure_label(m))}" for m in plan.measures]
    lines = [f"SELECT {', '.join(columns)}", f"FROM {identifier(plan.table)}", *_where(filters)]
    if keys:
        lines.append(f"GROUP BY {', '.join(keys)}")
    ordered = _measure(plan.measures[plan.order.measure]) if plan.order and plan.order.measure is not None else ""
    if ordered and plan.order:
        if plan.first is not None:
            lines.append(f"QUALIFY {ordered} IS NOT NULL")
            lines.append(f"  AND {_rank(ordered, plan.order)} <= {plan.first}")
        lines.append(f"ORDER BY {', '.join([ordered + _direction(plan.order), *keys])}")
    elif keys:
        lines.append(f"ORDER BY {', '.join(keys)}")
    return lines


def _rows(plan: Plan) -> list[str]:
    columns = ", ".join(map(identifier, plan.select)) or "*"
    filters = list(plan.filters)
    ordered = identifier(plan.order.column) if plan.order else ""
    if plan.order and plan.first is not None:
        filters.append(Filter(plan.order.column, "not null"))
    distinct = "DISTINCT " if plan.distinct else ""
    lines = [f"SELECT {distinct}{columns}", f"FROM {identifier(plan.table)}", *_where(filters)]
    # Where the values themselves are all that is shown, ties make no difference.
    only_values = plan.order is not None and plan.select == (plan.order.column,)
    if plan.order and plan.first is not None and not only_values:
        lines.append(f"QUALIFY {_rank(ordered, plan.order)} <= {plan.first}")
    if plan.order:
        rest = [identifier(name) for name in plan.select if name != plan.order.column]
        lines.append(f"ORDER BY {', '.join([ordered + _direction(plan.order), *rest])}")
    elif plan.distinct:
        lines.append(f"ORDER BY {columns}")
    most = plan.first if only_values else plan.limit
    if most is not None:
        lines.append(f"LIMIT {most}")
    return lines


def _rank(ordered: str, order: Order) -> str:
    return f"rank() OVER (ORDER BY {ordered}{_direction(order)})"


def _direction(order: Order) -> str:
    return " DESC NULLS LAST" if order.descending else " NULLS LAST"


def _measure(measure: Measure) -> str:
    if measure.function == "count":
        return "count(*)"
    if measure.function == "count distinct":
        return f"count(DISTINCT {identifier(measure.column)})"
    return f"{_FUNCTIONS[measure.function]}({identifier(measure.column)})"


def _where(filters: list[Filter]) -> list[str]:
    unique = list(dict.fromkeys(map(condition, filters)))
    return [f"{'WHERE' if number == 0 else '  AND'} {text}" for number, text in enumerate(unique)]


def condition(filter_: Filter) -> str:
    """One condition as SQL."""
    column = _part(filter_.column, filter_.part)
    operator, values = filter_.operator, [literal(value) for value in filter_.values]
    if operator in ("null", "not null"):
        return f"{column} IS {operator.upper()}"
    if operator == "between":
        return f"{column} BETWEEN {values[0]} AND {values[1]}"
    if operator in ("in", "not in"):
        return f"{column} {operator.upper()} ({', '.join(values)})"
    if operator in ("starts with", "ends with", "contains"):
        function = {"starts with": "starts_with", "ends with": "ends_with", "contains": "contains"}[operator]
        text = str(filter_.values[0])
        if filter_.fold:
            return f"{function}(lower({column}), {literal(text.lower())})"
        return f"{function}({column}, {literal(text)})"
    if filter_.values[0] is True or filter_.values[0] is False:
        wanted = (filter_.values[0] is True) == (operator == "=")
        return column if wanted else f"NOT {column}"
    return f"{column} {operator} {values[0]}"


def _part(column: str, part: Part) -> str:
    name = identifier(column)
    if part == "":
        return name
    if part == "date":
        return f"CAST({name} AS DATE)"
    return f"{'dayname' if part == 'weekday' else part}({name})"
