"""Columns, conditions and measures of a plan as DuckDB SQL.  Pure; ``compile`` makes statements of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

from .labels import labels, split
from .plan import (
    AllOf,
    Among,
    AnyOf,
    Bucket,
    Call,
    Case,
    Combination,
    Compare,
    Condition,
    Dimension,
    Expression,
    Filter,
    GroupFilter,
    Measure,
    Not,
    Part,
    Plan,
    Ref,
    Scalar,
    Value,
)  # fmt: skip
from .quoting import identifier, literal

_AGGREGATES: Final = {
    "sum": "sum", "mean": "avg", "min": "min", "max": "max",
    "stddev": "stddev_samp", "stddev population": "stddev_pop",
}  # fmt: skip
_TEXT_TESTS: Final = {"starts with": "starts_with", "ends with": "ends_with", "contains": "contains"}
_PARTS: Final[Mapping[str, str]] = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "week", "day": "day", "weekday": "dayname",
    "hour": "hour",
}  # fmt: skip
_FUNCTIONS: Final[Mapping[str, str]] = {
    **_PARTS,
    **{name: name for name in ("abs", "round", "floor", "ceil", "lower", "upper", "trim", "length", "coalesce")},
}
_SECONDS: Final = {"days between": 86_400, "hours between": 3_600, "minutes between": 60}


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean at one place: the sources that names are qualified with (none when they are bare),
    the derived columns, and the FROM clause for a number of all rows.  ``made`` are the groups and
    measures that an inner query has computed already, by the name of its column; ``sorts`` what its groups are
    sorted by; ``inner`` makes SQL of a plan in a condition."""

    sources: tuple[str, ...] = ()
    derived: Mapping[str, Expression] = field(default_factory=dict)
    origin: str = ""
    made: Mapping[Dimension | Measure | Combination, str] = field(default_factory=dict)
    sorts: Mapping[Dimension, str] = field(default_factory=dict)
    inner: Callable[[Plan], list[str]] | None = None

    def column(self, name: str) -> str:
        if name in self.derived:
            return _bracketed(self.derived[name], self)
        source, column = split(name, self.sources)
        return f"{identifier(source)}.{identifier(column)}" if source else identifier(name)


PLAIN: Final = Scope()


# --- expressions ----------------------------------------------------------------------------------


def expression(node: Expression, scope: Scope = PLAIN) -> str:
    match node:
        case Ref():
            return scope.column(node.column)
        case Value():
            return literal(node.value)
        case Case():
            branches = " ".join(
                f"WHEN {condition(branch.when, scope)} THEN {expression(branch.then, scope)}"
                for branch in node.branches
            )
            otherwise = "" if node.otherwise is None else f" ELSE {expression(node.otherwise, scope)}"
            return f"CASE {branches}{otherwise} END"
        case Call():
            return _call(node, scope)
        case _:
            assert_never(node)


def _bracketed(node: Expression, scope: Scope) -> str:
    """An expression that can stand beside any operator."""
    if isinstance(node, Ref) and node.column in scope.derived:
        return _bracketed(scope.derived[node.column], scope)
    text = expression(node, scope)
    binary = isinstance(node, Call) and (node.function in ("+", "-", "*", "/", "%", "bin", *_SECONDS))
    return f"({text})" if binary or isinstance(node, Case) else text


def _call(node: Call, scope: Scope) -> str:
    name, arguments = node.function, [_bracketed(argument, scope) for argument in node.arguments]
    match name:
        case "+" | "-" | "*":
            return f" {name} ".join(arguments)
        case "/" | "%":
            return f"{arguments[0]} {name} nullif({arguments[1]}, 0)"
        case "bin":
            return f"floor({arguments[0]} / {arguments[1]}) * {arguments[1]}"
        case "concat":
            return " || ".join(f"CAST({argument} AS VARCHAR)" for argument in arguments)
        case "date":
            return f"CAST({arguments[0]} AS DATE)"
        case "start of day" | "start of week" | "start of month" | "start of quarter" | "start of year":
            return _bucket(arguments[0], name.removeprefix("start of "))
        case "days between" | "hours between" | "minutes between":
            start, end = (f"CAST({argument} AS TIMESTAMP)" for argument in arguments)
            return f"date_diff('microsecond', {start}, {end}) / {_SECONDS[name]}e6"
        case _:
            return f"{_FUNCTIONS[name]}({', '.join(arguments)})"


def part_of(column: str, part: Part) -> str:
    """A part of a date; ``column`` is SQL."""
    if part == "":
        return column
    return f"CAST({column} AS DATE)" if part == "date" else f"{_PARTS[part]}({column})"


def _bucket(column: str, bucket: str) -> str:
    if bucket == "day":
        return f"CAST({column} AS DATE)"
    truncated = f"date_trunc('{bucket}', {column})"
    return truncated if bucket == "hour" else f"CAST({truncated} AS DATE)"


def dimension_sql(dimension: Dimension, scope: Scope) -> str:
    if dimension in scope.made:
        return identifier(scope.made[dimension])
    column, bucket = scope.column(dimension.column), dimension.bucket
    return _bucket(column, bucket) if bucket else part_of(column, dimension.part)


def sort_key(dimension: Dimension, scope: Scope) -> str:
    """What the groups of ``dimension`` are sorted by: Monday comes before Friday."""
    if dimension in scope.sorts:
        return identifier(scope.sorts[dimension])
    if dimension.part == "weekday":
        return f"isodow({scope.column(dimension.column)})"
    return dimension_sql(dimension, scope)


_STEPS: Final[Mapping[Bucket, str]] = {
    "hour": "1 HOUR", "day": "1 DAY", "week": "7 DAY", "month": "1 MONTH", "quarter": "3 MONTH", "year": "1 YEAR",
}  # fmt: skip


def previous_period(dimension: Dimension, key: str) -> str:
    """The period before ``key`` (SQL), or nothing when the dimension does not say which that is."""
    if dimension.bucket or dimension.part == "date":
        return f"{key} - INTERVAL {_STEPS[dimension.bucket or 'day']}"
    return f"{key} - 1" if dimension.part not in ("", "weekday") else ""


# --- conditions -----------------------------------------------------------------------------------


def condition(node: Condition, scope: Scope = PLAIN) -> str:
    """One condition as SQL."""
    match node:
        case Filter():
            return _test(part_of(scope.column(node.column), node.part), node.operator, node.values, node.fold)
        case Compare():
            right = (
                _of_all_rows(node.right, scope) if isinstance(node.right, Measure) else _bracketed(node.right, scope)
            )
            return f"{_bracketed(node.left, scope)} {node.operator} {right}"
        case GroupFilter():
            measure = measure_sql(node.measure, scope)
            if node.groups:
                function = {"mean": "avg", "median": "median"}[node.groups]
                return f"{measure} {node.operator} {function}({measure}) OVER ()"
            return _test(measure, node.operator, node.values, False)
        case Among():
            return _among(node, scope)
        case AllOf():
            return " AND ".join(_inner(one, scope) for one in node.conditions) or "true"
        case AnyOf():
            return " OR ".join(_inner(one, scope) for one in node.conditions) or "false"
        case Not():
            return f"NOT ({condition(node.condition, scope)})"
        case _:
            assert_never(node)


def _among(node: Among, scope: Scope) -> str:
    if scope.inner is None:
        raise ValueError("a condition on another plan has no place here")
    columns = ", ".join(scope.column(name) for name in node.columns)
    left = f"({columns})" if len(node.columns) > 1 else columns
    inner = scope.inner(node.plan)
    if node.negated:
        # One missing value there would leave every row open, and so out.
        known = " AND ".join(f"{identifier(name)} IS NOT NULL" for name in labels(node.plan))
        inner = ["SELECT * FROM (", *(f"  {line}" for line in inner), f") WHERE {known or 'true'}"]
    lines = "\n".join(f"  {line}" for line in inner)
    return f"{left} {'NOT ' if node.negated else ''}IN (\n{lines}\n)"


def _inner(node: Condition, scope: Scope) -> str:
    text = condition(node, scope)
    return f"({text})" if isinstance(node, AllOf | AnyOf) else text


def conjunction(conditions: Iterable[Condition], scope: Scope) -> list[str]:
    """The texts that are to be joined by AND, each one once."""
    found = [f"({condition(c, scope)})" if isinstance(c, AnyOf) else condition(c, scope) for c in conditions]
    return list(dict.fromkeys(found))


def _test(tested: str, operator: str, values: tuple[Scalar, ...], fold: bool) -> str:
    if operator in ("null", "not null"):
        return f"{tested} IS {operator.upper()}"
    texts = [literal(value) for value in values]
    if fold:
        tested, texts = f"lower({tested})", [_folded(value) for value in values]
    if operator == "between":
        return f"{tested} BETWEEN {texts[0]} AND {texts[1]}"
    if operator in ("in", "not in"):
        return f"{tested} {operator.upper()} ({', '.join(texts)})"
    if operator in _TEXT_TESTS:
        return f"{_TEXT_TESTS[operator]}({tested}, {texts[0]})"
    if isinstance(values[0], bool) and operator in ("=", "<>"):
        return tested if values[0] == (operator == "=") else f"NOT {tested}"
    return f"{tested} {operator} {texts[0]}"


def _folded(value: Scalar) -> str:
    """In lower case as the engine sees it, which for some letters is not as Python does."""
    text = str(value)
    return literal(text.lower()) if text.isascii() else f"lower({literal(text)})"


def _of_all_rows(measure: Measure, scope: Scope) -> str:
    chosen = conjunction(measure.filters, scope)
    where = f" WHERE {' AND '.join(chosen)}" if chosen else ""
    number = measure_sql(Measure(measure.function, measure.column, measure.other, measure.quantile), scope)
    return f"(SELECT {number} FROM {scope.origin}{where})"  # noqa: S608


# --- measures -------------------------------------------------------------------------------------


def measure_sql(measure: Measure | Combination, scope: Scope = PLAIN) -> str:
    if measure in scope.made:
        return identifier(scope.made[measure])
    if isinstance(measure, Combination):
        left, right = measure_sql(measure.left, scope), measure_sql(measure.right, scope)
        if measure.operator == "percent":
            return f"(100.0 * {left} / nullif({right}, 0))"
        if measure.operator == "/":
            return f"({left} / nullif({right}, 0))"
        return f"({left} {measure.operator} {right})"
    chosen = conjunction(measure.filters, scope)
    text = _aggregate(measure, scope) + (f" FILTER (WHERE {' AND '.join(chosen)})" if chosen else "")
    # The correlation of a constant is not a number, and so it is no value.
    return f"nullif({text}, 'nan'::DOUBLE)" if measure.function == "correlation" else text


def _aggregate(measure: Measure, scope: Scope) -> str:
    column = scope.column(measure.column) if measure.column else "*"
    match measure.function:  # between two DECIMALs DuckDB would round to their digits
        case "count":
            return f"count({column})"
        case "count distinct":
            return f"count(DISTINCT {column})"
        case "quantile":
            return f"quantile_cont({column}::DOUBLE, {literal(0.5 if measure.quantile is None else measure.quantile)})"
        case "median":
            return f"median({column}::DOUBLE)"
        case "correlation":
            return f"corr({column}, {scope.column(measure.other)})"
        case function:
            return f"{_AGGREGATES[function]}({column})"
