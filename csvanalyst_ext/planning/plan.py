"""A query plan: what a question means, as data.  Pure; nothing here knows SQL, JSON or English.

Names of columns: in a plan over one source a name is the column's own, whole name.  In a plan with
joins a column is always written ``source.column``, where the source is the table's name or its alias
in the join.  A derived column goes by its bare name everywhere.  ``resolve`` makes names of this form
from what a person or a model wrote; ``compile`` takes them as they are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

VERSION: Final = 1
"""Of the plans that this package writes.  A change that an older reader would take wrongly raises it."""

Scalar = bool | int | float | str | dt.date
"""A ``datetime`` is a ``date`` too."""

Part = Literal["", "date", "year", "quarter", "month", "week", "day", "weekday", "hour"]
"""What is taken of a date: nothing (the column itself), its day, or a part.  All but ``date`` and
``year`` say nothing about the year: ``month`` is 1 to 12, ``week`` is ISO's, ``day`` is of the month,
``weekday`` is the English name.  For months that keep their years apart see ``Bucket``."""

Bucket = Literal["", "hour", "day", "week", "month", "quarter", "year"]
"""A period of time, years kept apart, shown by its first day (``hour``: by its first moment)."""

Function = Literal[
    "count", "count distinct", "sum", "mean", "median", "quantile", "min", "max",
    "stddev", "stddev population", "correlation", "measure",
]  # fmt: skip
"""``measure`` is one that the dictionary names, its name in the place of a column; ``resolve`` puts its formula there.
``count`` without a column counts rows, with one its values; ``stddev`` is the sample's (n - 1);
``quantile`` interpolates between neighbours."""

Operator = Literal[
    "=", "<>", "<", "<=", ">", ">=", "between", "in", "not in",
    "starts with", "ends with", "contains", "null", "not null",
]  # fmt: skip
Comparator = Literal["=", "<>", "<", "<=", ">", ">="]

CallName = Literal[
    "+", "-", "*", "/", "%", "abs", "round", "floor", "ceil", "bin",
    "lower", "upper", "trim", "length", "concat", "coalesce",
    "date", "year", "quarter", "month", "week", "day", "weekday", "hour",
    "start of day", "start of week", "start of month", "start of quarter", "start of year",
    "days between", "hours between", "minutes between",
]  # fmt: skip
"""``/`` is true division and gives nothing where the divisor is 0.  ``bin`` takes a number and a width
and gives the lower edge of its bin.  ``… between`` takes start and end and counts passed units, with fractions."""


# --- expressions, for derived columns and comparisons ------------------------------------------


@dataclass(frozen=True, slots=True)
class Ref:
    """A column, or a derived column that stands earlier in the plan."""

    column: str


@dataclass(frozen=True, slots=True)
class Value:
    value: Scalar


@dataclass(frozen=True, slots=True)
class Call:
    function: CallName
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    when: Condition
    then: Expression


@dataclass(frozen=True, slots=True)
class Case:
    """The first branch whose condition holds; else ``otherwise``, or nothing."""

    branches: tuple[Branch, ...]
    otherwise: Expression | None = None


Expression = Ref | Value | Call | Case


def columns_of(node: Expression) -> Iterator[str]:
    """The columns that an expression gives or computes with; not those of conditions in it."""
    match node:
        case Ref():
            yield node.column
        case Call():
            for one in node.arguments:
                yield from columns_of(one)
        case Case():
            for branch in node.branches:
                yield from columns_of(branch.then)
            if node.otherwise is not None:
                yield from columns_of(node.otherwise)
        case Value():
            pass


@dataclass(frozen=True, slots=True)
class Derived:
    """A column made of others, for filters, groups, measures, order and output."""

    name: str
    expression: Expression


# --- conditions -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filter:
    """One column against values.

    ``values`` has two for ``between`` (both included), any number for ``in`` and ``not in``, none for
    the tests for null, else one.  ``part`` takes a part of a date column: then values are numbers, or
    dates for ``date``.  ``fold`` ignores case.  A missing value meets no condition but ``null``.
    """

    column: str
    operator: Operator
    values: tuple[Scalar, ...] = ()
    part: Part = ""
    fold: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """Two expressions, or an expression and one number of all the rows ("above the average").

    A ``Measure`` on the right is taken over the plan's sources **before** its filters; the measure's
    own ``filters`` narrow it.
    """

    left: Expression
    operator: Comparator
    right: Expression | Measure


@dataclass(frozen=True, slots=True)
class GroupFilter:
    """A measure of a group against values, or against the mean or median of that measure over all
    groups.  Only in ``having``; not for a ``Window``."""

    measure: Measure | Combination
    operator: Operator
    values: tuple[Scalar, ...] = ()
    groups: Literal["", "mean", "median"] = ""


@dataclass(frozen=True, slots=True)
class AllOf:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Rows for which the condition is false; where a missing value leaves it open, the row is out."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Among:
    """Rows whose ``columns`` have values that a row of ``plan`` has too, pairwise with its columns; with
    ``negated``, rows for which no row of ``plan`` has them.  Rows with a missing value are out either way."""

    columns: tuple[str, ...]
    plan: Plan
    negated: bool = False


Condition = Filter | Compare | GroupFilter | Among | AllOf | AnyOf | Not


# --- groups and measures --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dimension:
    """What rows are grouped by.  At most one of ``part`` and ``bucket``.  ``name`` is the name in the
    result, empty for the usual one."""

    column: str
    part: Part = ""
    bucket: Bucket = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number for each group.

    ``column`` is empty for a ``count`` of rows.  ``other`` is the second column of ``correlation``,
    ``quantile`` the place from 0 to 1 of ``quantile``.  ``filters`` are conditions on the rows that
    this measure alone looks at: how two groups of rows are set against each other in one row.
    """

    function: Function
    column: str = ""
    other: str = ""
    quantile: float | None = None
    filters: tuple[Condition, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Combination:
    """Two measures of the same group: their difference, ratio, or the left in percent of the right.
    Nothing where the right one of ``/`` or ``percent`` is 0."""

    operator: Literal["-", "+", "*", "/", "percent"]
    left: Measure
    right: Measure
    name: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """A measure of a group seen beside the other groups.

    - ``share``: its part of the sum over all groups, from 0 to 1;
    - ``running total``: the sum up to and with this group, along ``along``;
    - ``change`` and ``growth``: against the group of the previous period along ``along``, as a
      difference and as a part of the previous value (0.1 is ten per cent more).  With a bucket, or the
      part ``year``, a period that is missing in the data leaves nothing to compare with;
    - ``rank``: the place by this measure, 1 for the highest (``descending``), ties share a place.

    ``along`` is a dimension (by ``dimension_label``), empty for the first; ``within`` are dimensions in
    each of which it starts anew.
    """

    function: Literal["share", "running total", "change", "growth", "rank"]
    measure: Measure | Combination
    along: str = ""
    within: tuple[str, ...] = ()
    descending: bool = True
    name: str = ""


Measured = Measure | Combination | Window


# --- the plan -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Join:
    """Another table.  ``on`` are pairs of a column so far (``source.column``) and a column of this table
    (its bare name); empty means that the key is to be discovered, which ``resolve`` does.

    ``semi`` and ``anti`` keep rows that have a partner, or none, and add no columns.  ``filters`` choose
    the rows of this table that count as partners; they name its columns ``source.column``.
    """

    table: str
    on: tuple[tuple[str, str], ...] = ()
    kind: Literal["inner", "left", "semi", "anti"] = "inner"
    alias: str = ""
    filters: tuple[Condition, ...] = ()

    @property
    def source(self) -> str:
        return self.alias or self.table


@dataclass(frozen=True, slots=True)
class Order:
    """By measure ``measure`` (its position), or by ``column``: in a grouped plan a dimension (by
    ``dimension_label``), else a column.  Missing values come last either way."""

    descending: bool = False
    measure: int | None = None
    column: str = ""


@dataclass(frozen=True, slots=True)
class SetOperation:
    """``intersect``: rows of both; ``except``: rows of the first only; ``union``: rows of either.  Each
    row once.  Both sides have the same number of columns."""

    operator: Literal["intersect", "except", "union"]
    plan: Plan


@dataclass(frozen=True, slots=True)
class Plan:
    """One table (perhaps joined with others), or another plan as ``source``; and one of these shapes:

    - ``measures`` or ``having``, perhaps by ``dimensions``, or ``dimensions`` alone: one row, or one for each group;
    - ``select``: rows with these columns (all columns of ``table`` and all derived ones when it is empty),
      ``distinct`` or not.

    ``first`` keeps the first places of ``order``, **with all ties**: rows that share the last place
    are all kept, and rows without a value of what is ordered by have no place.  ``place`` keeps exactly
    that place ("the second highest" is 2), where equal values share a place and the next has the next.
    Both hold for each value of ``within`` (columns, or dimensions by label).  ``limit`` keeps that many rows, for
    questions that ask for some rows and no order.  ``then`` sorts further and decides no place.

    ``pivot`` is the dimension (by label) whose values become columns.  ``sets`` are applied in order
    after the rest; then ``order`` goes by output columns, and ``first``, ``place`` and ``pivot`` are not there.
    """

    table: str = ""
    select: tuple[str, ...] = ()
    distinct: bool = False
    dimensions: tuple[Dimension, ...] = ()
    measures: tuple[Measured, ...] = ()
    filters: tuple[Condition, ...] = ()
    order: Order | None = None
    first: int | None = None
    limit: int | None = None
    joins: tuple[Join, ...] = ()
    derived: tuple[Derived, ...] = ()
    having: tuple[Condition, ...] = ()
    then: tuple[Order, ...] = ()
    place: int | None = None
    within: tuple[str, ...] = ()
    pivot: str = ""
    sets: tuple[SetOperation, ...] = ()
    source: Plan | None = None
    version: int = VERSION

    @property
    def grouped(self) -> bool:
        return bool(self.measures or self.dimensions or self.having)


def simple(conditions: tuple[Condition, ...]) -> tuple[Filter, ...]:
    """Those conditions that hold one column against values."""
    return tuple(condition for condition in conditions if isinstance(condition, Filter))


def conjuncts(condition: Condition) -> Iterator[Condition]:
    """The conditions that must all hold for ``condition``."""
    if isinstance(condition, AllOf):
        for inner in condition.conditions:
            yield from conjuncts(inner)
    else:
        yield condition
