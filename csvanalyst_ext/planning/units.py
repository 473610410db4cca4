"""Units of columns, and answers in another unit of the same quantity.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from . import lexicon
from .naming import core
from .outcomes import Understood
from .plan import Call, Derived, Measure, Ref, Value
from .schema import Column, Table

_QUANTITIES: Final[tuple[Mapping[str, float], ...]] = (
    {"ms": 0.001, "s": 1, "min": 60, "hr": 3600, "day": 86400, "week": 604800},
    {"mm": 0.001, "cm": 0.01, "m": 1, "km": 1000, "in": 0.0254, "ft": 0.3048, "mi": 1609.344},
    {"g": 1, "kg": 1000, "lb": 453.59237},
    {"ml": 0.001, "cl": 0.01, "l": 1},
    {"kwh": 1, "mwh": 1000, "gwh": 1e6, "twh": 1e9},
)
"""How much of the first unit each is: international units, and the pound and the inch as defined in 1959."""
_SPELT: Final = {
    spelling: unit
    for sizes in _QUANTITIES
    for unit in sizes
    for spelling in (*lexicon.UNITS.get(unit, (unit,)), unit)
} | {"days": "day", "week": "week", "weeks": "week"}  # fmt: skip
_PROPORTIONAL: Final = frozenset({"sum", "mean", "median", "quantile", "min", "max", "stddev", "stddev population"})


def unit_of(column: Column) -> str:
    """The unit that a number column is in, by its declared unit or the end of its name; empty when nothing says it."""
    if column.kind != "number":
        return ""
    tail = column.pieces[len(core(column)) :]
    said = column.said_unit.lower() or (tail[0] if len(tail) == 1 else "")
    return _SPELT.get(said, "")


def of_unit(table: Table, word: str) -> list[Column]:
    """The columns in the unit that ``word`` names."""
    unit = _SPELT.get(word, "")
    return [column for column in table.columns if unit_of(column) == unit] if unit else []


def converted(meant: Understood, wanted: str) -> Understood | None:
    """The same in another unit: every measure of the plan, all of one column; ``None`` when that cannot be."""
    plan, target = meant.plan, _SPELT.get(wanted, "")
    measures = [m for m in plan.measures if isinstance(m, Measure) and m.function in _PROPORTIONAL]
    if not target or not measures or len(measures) < len(plan.measures) or plan.joins or plan.source or plan.having:
        return None
    names = {m.column for m in measures}
    column = next((c for table in meant.tables for c in table.columns if {c.name} == names), None)
    factor = _factor(unit_of(column), target) if column is not None else None
    if column is None or factor is None or plan.derived:
        return None
    if factor == 1:
        return meant
    name = " ".join((*core(column), "in", wanted))
    size = Value(_whole(factor)) if factor > 1 else Value(_whole(1 / factor))
    made = Derived(name, Call("*" if factor > 1 else "/", (Ref(column.name), size)))
    inside = tuple(replace(m, column=name) for m in measures)
    said = f"{column.name} is in {unit_of(column)}: it was {'multiplied' if factor > 1 else 'divided'} by {size.value}."
    return replace(meant, plan=replace(plan, derived=(made,), measures=inside), note=said)


def _factor(unit: str, target: str) -> float | None:
    sizes = next((sizes for sizes in _QUANTITIES if unit in sizes and target in sizes), None)
    return None if sizes is None else sizes[unit] / sizes[target]


def _whole(number: float) -> int | float:
    near = round(number)
    return near if abs(number - near) < 1e-9 * max(1, abs(number)) else number
