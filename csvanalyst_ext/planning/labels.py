"""How the columns of a plan's result are called.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from .plan import Combination, Dimension, Join, Measure, Measured, Plan, Window

_MEASURES: Final = {
    "sum": "total", "mean": "average", "median": "median", "min": "lowest", "max": "highest",
    "stddev": "standard deviation of", "stddev population": "population standard deviation of",
}  # fmt: skip
_COMBINED: Final = {"-": "minus", "+": "plus", "*": "times", "/": "per", "percent": "in percent of"}
SOURCE: Final = "source"
"""What an inner plan is called where the plan gives it no name."""

Naming = Callable[[str], str]


def measure_label(measure: Measured, naming: Naming = str) -> str:
    """The name of a measure's column in the result."""
    if measure.name:
        return measure.name
    if isinstance(measure, Combination):
        left, right = measure_label(measure.left, naming), measure_label(measure.right, naming)
        return f"{left} {_COMBINED[measure.operator]} {right}"
    if isinstance(measure, Window):
        joint = "by" if measure.function == "rank" else "of"
        return f"{measure.function} {joint} {measure_label(measure.measure, naming)}"
    return _plain(measure, naming) + (" (some rows)" if measure.filters else "")


def _plain(measure: Measure, naming: Naming) -> str:
    column = naming(measure.column)
    match measure.function:
        case "count":
            return f"number of {column}" if column else "rows"
        case "measure":
            return column
        case "count distinct":
            return f"different {column}"
        case "quantile":
            return f"{_percentile(measure.quantile or 0.0)} of {column}"
        case "correlation":
            return f"correlation of {column} and {naming(measure.other)}"
        case function:
            return f"{_MEASURES[function]} {column}"


def dimension_label(dimension: Dimension, naming: Naming = str) -> str:
    """The name of a group's column in the result; other parts of a plan name the dimension by it."""
    if dimension.name:
        return dimension.name
    column, period = naming(dimension.column), dimension.bucket or dimension.part
    return column if not period else f"{period} of {column}"


def sources(plan: Plan) -> tuple[str, ...]:
    """What columns can be qualified with, in the order of the joins."""
    return (plan.table or SOURCE, *(join.source for join in plan.joins))


def split(name: str, known: Sequence[str]) -> tuple[str, str]:
    """A qualified name as source and column; the source is empty when none of ``known`` fits."""
    fitting = [source for source in known if name.startswith(f"{source}.")]
    source = max(fitting, key=len, default="")
    return source, name[len(source) + 1 :] if source else name


def labels(plan: Plan) -> tuple[str, ...]:
    """The names of the result's columns, each one once; empty when the plan shows all columns there are
    or pivots.  Without a need the source is left out of a name."""
    full = _labels(plan, str)
    if plan.joins:
        known = [derived.name for derived in plan.derived]
        short = _labels(plan, lambda name: name if name in known else split(name, sources(plan))[1])
        seen = Counter(map(str.casefold, short))
        full = [s if seen[s.casefold()] == 1 else f for s, f in zip(short, full, strict=True)]
    taken: set[str] = set()
    for place, label in enumerate(full):
        number, unique = 1, label
        while unique.casefold() in taken:
            number += 1
            unique = f"{label} ({number})"
        full[place] = unique
        taken.add(unique.casefold())
    return tuple(full)


def _labels(plan: Plan, naming: Naming) -> list[str]:
    if plan.pivot:
        return []
    if plan.grouped:
        return [
            *(dimension_label(dimension, naming) for dimension in plan.dimensions),
            *(measure_label(measure, naming) for measure in plan.measures),
        ]
    return [naming(name) for name in plan.select]


def joined_columns(joins: Sequence[Join]) -> tuple[Join, ...]:
    """Those joins whose columns are there afterwards."""
    return tuple(join for join in joins if join.kind in ("inner", "left"))


def _percentile(quantile: float) -> str:
    """``90th percentile`` of 0.9; a quantile between two percentiles by its number."""
    percent = round(100 * quantile, 9)
    if not percent.is_integer():
        return f"quantile {quantile:g}"
    number = int(percent)
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending} percentile"
