"""What a question over several tables means: one root table, ways from it to others, and conditions.  Pure.

Every field is a column of the root or of a table that the root refers to; whatever lies the other way (a
student's pets) is spoken of only in ``Related`` conditions, so that no row is ever counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .graph import Path
from .plan import Bucket, Comparator, Filter, Function, Operator, Part


@dataclass(frozen=True, slots=True)
class Field:
    column: str
    path: Path = ()
    part: Part = ""
    bucket: Bucket = ""


@dataclass(frozen=True, slots=True)
class Calc:
    """``field`` is ``None`` exactly for ``count``, which counts rows.  ``where`` narrows the rows of this one
    calculation; ``other`` is the second field of a correlation."""

    function: Function
    field: Field | None = None
    where: tuple[Condition, ...] = ()
    other: Field | None = None
    quantile: float | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two calculations as one number.  ``growth`` is how many percent the left is above the right."""

    operator: Literal["-", "/", "percent", "growth"]
    left: Calc
    right: Calc


@dataclass(frozen=True, slots=True)
class Beside:
    """A calculation of a group beside those of other groups: its percentage of their sum, or its change
    (as a difference, or in percent) against the group before."""

    function: Literal["share", "change", "growth", "running total"]
    calc: Calc


@dataclass(frozen=True, slots=True)
class Test:
    filter: Filter
    path: Path = ()


@dataclass(frozen=True, slots=True)
class Related:
    """How many rows at the end of ``path`` fulfil ``where``, compared with ``number``."""

    path: Path
    where: tuple[Condition, ...] = ()
    operator: Operator = ">="
    number: int = 1


@dataclass(frozen=True, slots=True)
class Versus:
    """A field against a function of it over all rows of its table that fulfil ``where``."""

    field: Field
    operator: Comparator
    function: Function
    where: tuple[Condition, ...] = ()
    over: Field | None = None


@dataclass(frozen=True, slots=True)
class AnyOf:
    options: tuple[tuple[Condition, ...], ...]


@dataclass(frozen=True, slots=True)
class NotAll:
    """Not all of these hold."""

    where: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """There is a row at the end of ``path``, which goes up: references may be missing or lead nowhere."""

    path: Path


@dataclass(frozen=True, slots=True)
class Against:
    """One field against another of the same row."""

    left: Field
    operator: Comparator
    right: Field


Condition = Test | Related | Known | Versus | Against | AnyOf | NotAll
Expression = Field | Calc | Pair | Beside


@dataclass(frozen=True, slots=True)
class Having:
    calc: Calc
    operator: Operator
    number: int | float = 1


@dataclass(frozen=True, slots=True)
class Sort:
    """``first`` keeps that many places, with all ties; ``nth`` keeps just that place."""

    by: Expression
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    root: str
    select: tuple[Expression, ...] = ()
    distinct: bool = False
    where: tuple[Condition, ...] = ()
    group: tuple[Field, ...] = ()
    having: tuple[Having, ...] = ()
    sort: tuple[Sort, ...] = ()
    first: int | None = None
    nth: int | None = None
    limit: int | None = None
    outer: Function | Literal[""] = ""
    """A function over the groups: of their measure, or the number of groups."""
