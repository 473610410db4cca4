"""Columns of a result that hold the same measure at different times: ``sales_2022`` and ``sales_2023``.

Runs on the host; pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from .results import Column

_YEAR: Final = re.compile(r"(?<!\d)(1[5-9]\d\d|20\d\d|21\d\d)(?!\d)")
_MARKED: Final = re.compile(r"(?i)[^.;,()\d]{0,20}?\b(?:in|for|during|of)\s+[*_]*(\d{4})\b(?![,.]?\d)")
_AGAINST: Final = frozenset({"from", "than", "versus", "vs", "against", "to", "by"})


def year_of(column: Column) -> int | None:
    """The year in a column's name, where it has just one."""
    found = _YEAR.findall(column.name)
    return int(found[0]) if len(found) == 1 else None


def later(one: Column, two: Column) -> bool | None:
    """Whether ``one`` is ``two`` at a later time; ``None`` where they are not one measure at two times."""
    a, b = year_of(one), year_of(two)
    if a is None or b is None or a == b or _YEAR.sub("", one.name) != _YEAR.sub("", two.name):
        return None
    return a > b


def pairs(columns: Sequence[Column]) -> list[tuple[Column, Column]]:
    """Each measure at a later and an earlier time."""
    return [(one, two) for one in columns for two in columns if later(one, two)]


def year_meant(sentence: str, before: str, after: str) -> int | None:
    """The year that a number is said to be of: "5 TWh in 2022", or the only year of its sentence."""
    marked = _MARKED.match(after)
    if marked:
        return int(marked[1])
    if before in _AGAINST:
        return None
    years = set(_YEAR.findall(sentence))
    return int(years.pop()) if len(years) == 1 else None
