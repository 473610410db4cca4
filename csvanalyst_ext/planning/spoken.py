"""What is said in a question over several tables: nouns, groups, measures, first places.  Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from .graph import Path
from .plan import Comparator
from .query import Against, AnyOf, Calc, Condition, Field, Known, NotAll, Related, Test, Versus

MEASURED: Final = "*"
"""In place of the column of an order: what is measured."""


class Noun(NamedTuple):
    """A noun with the adjectives before it: the rows of ``table`` that fulfil ``where``."""

    end: int
    table: str
    where: tuple[Condition, ...]
    cost: int
    plural: bool


@dataclass(frozen=True, slots=True)
class Dim:
    """What to group by: a table's rows (no ``fields``) or fields of ``table``."""

    table: str
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """A calculation on ``table``: a count of its rows that fulfil ``where``, or of a column."""

    table: str
    calc: Calc
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Rank:
    """The first places by a column of ``table`` (a ``Field``) or by a measure over
    groups.  ``nth`` is that place alone."""

    by: Field | Measure
    table: str
    descending: bool
    number: int = 1
    nth: int | None = None
    many: bool = False


@dataclass(frozen=True, slots=True)
class Mods:
    """What follows a noun."""

    where: tuple[Condition, ...] = ()
    dims: tuple[Dim, ...] = ()
    rank: Rank | None = None
    sort: tuple[tuple[Measure | tuple[str, Field], bool], ...] = ()
    limit: int | None = None
    having: tuple[tuple[Measure, Comparator, int | float], ...] = ()
    cost: int = 0

    def __add__(self, other: Mods) -> Mods:
        return Mods(
            self.where + other.where, self.dims + other.dims, self.rank or other.rank, self.sort + other.sort,
            self.limit or other.limit, self.having + other.having, self.cost + other.cost,
        )  # fmt: skip


class Phrase(NamedTuple):
    """A noun with all that belongs to it."""

    end: int
    table: str
    mods: Mods
    plural: bool


NO_MODS: Final = Mods()


def shift(condition: Condition, path: Path) -> Condition:
    """The same condition said of the row from which ``path`` leads (up) to the row it is about."""
    if not path:
        return condition
    match condition:
        case Test() | Known():
            return replace(condition, path=path + condition.path)
        case Related():
            return replace(condition, path=path + condition.path)
        case Versus():
            return replace(condition, field=replace(condition.field, path=path + condition.field.path))
        case Against():
            left, right = (replace(f, path=path + f.path) for f in (condition.left, condition.right))
            return Against(left, condition.operator, right)
        case AnyOf():
            return AnyOf(tuple(tuple(shift(c, path) for c in option) for option in condition.options))
        case NotAll():
            return NotAll(tuple(shift(c, path) for c in condition.where))
