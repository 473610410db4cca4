"""A query plan: what a question means, as data.  Pure; nothing here knows SQL or English."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

Scalar = bool | int | float | str | dt.date
Part = Literal["", "date", "year", "quarter", "month", "weekday"]
"""What is taken of a date: nothing (the column itself), its day, or a part.  ``quarter``, ``month`` and
``weekday`` say nothing about the year; a month of a certain year has two dimensions."""

Function = Literal["count", "count distinct", "sum", "mean", "median", "min", "max"]
Operator = Literal[
    "=", "<>", "<", "<=", ">", ">=", "between", "in", "not in",
    "starts with", "ends with", "contains", "null", "not null",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filter:
    """``values`` has two for ``between`` (both included), any number for ``in`` and ``not in``, none for
    the tests for null, else one.  ``part`` takes a part of a date column: then values are numbers, or
    dates for ``date``.  ``fold`` ignores case in the text operators."""

    column: str
    operator: Operator
    values: tuple[Scalar, ...] = ()
    part: Part = ""
    fold: bool = False


@dataclass(frozen=True, slots=True)
class Dimension:
    column: str
    part: Part = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """``column`` is empty exactly for ``count``, which counts rows."""

    function: Function
    column: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """By measure ``measure`` (its position) of a grouped plan, or by ``column`` of a plan without."""

    descending: bool = False
    measure: int | None = None
    column: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """One table, and one of these shapes:

    - ``measures``, perhaps by ``dimensions``: one row, or one for each group;
    - ``select``: rows with these columns (all columns when it is empty), ``distinct`` or not.

    ``first`` keeps the first places of ``order``, **with all ties**: rows that share the last place
    are all kept, and rows without a value of what is ordered by have no place.  ``limit`` keeps that
    many rows, for questions that ask for some rows and no order.
    """

    table: str
    select: tuple[str, ...] = ()
    distinct: bool = False
    dimensions: tuple[Dimension, ...] = ()
    measures: tuple[Measure, ...] = ()
    filters: tuple[Filter, ...] = ()
    order: Order | None = None
    first: int | None = None
    limit: int | None = None
