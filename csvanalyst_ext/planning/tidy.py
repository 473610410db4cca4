"""Conditions in one order, each once, without contradictions.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .graph import Path
from .plan import Filter
from .query import (
    AnyOf,
    Condition,
    NotAll,
    Related,
    Test,
)


def tidy(where: Sequence[Condition]) -> tuple[Condition, ...] | None:
    """The conditions in one order, each once; ``None`` when they contradict each other."""
    found: dict[Condition, None] = {}
    for condition in where:
        match condition:
            case AnyOf():
                options = [tidy(option) for option in condition.options]
                if any(option is None for option in options):
                    return None
                found[_joined([o for o in options if o is not None])] = None
            case Related() | NotAll():
                inner = tidy(condition.where)
                if inner is None:
                    return None
                found[replace(condition, where=inner)] = None
            case _:
                found[condition] = None
    fixed: dict[tuple[Path, str, str], Filter] = {}
    tests = [c for c in found if isinstance(c, Test)]
    for test in tests:
        place = (test.path, test.filter.column, test.filter.part)
        if test.filter.operator in ("=", "in") and fixed.setdefault(place, test.filter) != test.filter:
            return None
    for test in tests:
        place = (test.path, test.filter.column, test.filter.part)
        if place in fixed and test.filter != fixed[place]:
            return None
    return tuple(sorted(found, key=repr))


def _joined(options: Sequence[tuple[Condition, ...]]) -> Condition:
    """ "A or B" of one column is a list of values."""
    values: list[object] = []
    for option in options:
        test = option[0] if len(option) == 1 else None
        first = options[0][0]
        if not isinstance(test, Test) or not isinstance(first, Test) or test.filter.operator not in ("=", "in"):
            return AnyOf(tuple(options))
        if (test.path, test.filter.column, test.filter.part) != (first.path, first.filter.column, first.filter.part):
            return AnyOf(tuple(options))
        values += [v for v in test.filter.values if v not in values]
    first = options[0][0]
    if not isinstance(first, Test):
        return AnyOf(tuple(options))
    return Test(replace(first.filter, operator="in", values=tuple(values)), first.path)  # type: ignore[arg-type]
