"""Small pieces of grammar shared by all rules: fixed phrases, numbers, columns, dimensions.

Pure.  A rule takes a position and yields every way in which it can go on: where it ends, what it
means and what it costs.  The first rule that fits is never taken as the right one; whoever calls
gets all of them and compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from . import lexicon
from .link import Linker
from .naming import has_unit, scale
from .plan import Dimension, Filter
from .remembering import remembered
from .schema import Column, Table
from .words import Token, akin

_MOST_PHRASE: Final = 7


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a piece of the question adds to the plan.  ``order`` is a column and whether it descends;
    ``rows`` says that the rows themselves were named: "of all flights"."""

    filters: tuple[Filter, ...] = ()
    dimensions: tuple[Dimension, ...] = ()
    cost: int = 0
    order: tuple[str, bool] | None = None
    rows: bool = False

    def __add__(self, other: Meaning) -> Meaning:
        return Meaning(
            self.filters + other.filters,
            self.dimensions + other.dimensions,
            self.cost + other.cost,
            self.order or other.order,
            self.rows or other.rows,
        )


@cache
def _set_of(phrases: tuple[str, ...]) -> frozenset[str]:
    return frozenset(phrases)


class Parts:
    """The rules that the others are made of, for one question and one table."""

    def __init__(self, table: Table, words: tuple[Token, ...]) -> None:
        self.table = table
        self.tokens = words
        self.link = Linker(table, words)
        self.size = len(words)
        self._texts: dict[int, list[tuple[int, str]]] = {}
        self.memo: dict[tuple[str, int], list[Any]] = {}

    # --- fixed words ----------------------------------------------------------------------------

    def norm(self, at: int) -> str:
        """The word at ``at``; empty after the end and for a quoted text, which is never grammar."""
        return self.tokens[at].norm if 0 <= at < self.size and self.tokens[at].kind != "quoted" else ""

    def phrase(self, at: int, phrases: Iterable[str]) -> Iterator[tuple[int, str]]:
        """Every one of ``phrases`` that stands at ``at``."""
        wanted = phrases if isinstance(phrases, dict | frozenset | set) else _set_of(tuple(phrases))
        for end, text in self._texts_from(at):
            if text in wanted:
                yield end, text

    def _texts_from(self, at: int) -> list[tuple[int, str]]:
        """The words from ``at`` on, put together: one, two, up to seven."""
        if at not in self._texts:
            found: list[tuple[int, str]] = []
            text = ""
            for end in range(at + 1, min(self.size, at + _MOST_PHRASE) + 1):
                word = self.norm(end - 1)
                if not word:
                    break
                text = f"{text} {word}" if text else word
                found.append((end, text))
            self._texts[at] = found
        return self._texts[at]

    def skip(self, at: int, phrases: Iterable[str]) -> Iterator[int]:
        """``at`` itself, and after each of ``phrases`` that stands there."""
        yield at
        for end, _ in self.phrase(at, phrases):
            yield end

    def articles(self, at: int) -> Iterator[int]:
        return self.skip(at, lexicon.ARTICLES)

    def one_of(self, at: int, *words: str) -> int | None:
        """After the word at ``at`` if it is one of ``words``."""
        return at + 1 if self.norm(at) in words else None

    # --- numbers --------------------------------------------------------------------------------

    def number(self, at: int) -> Iterator[tuple[int, int | float]]:
        if at < self.size and (value := self.tokens[at].number) is not None:
            scale = {"thousand": 10**3, "million": 10**6, "billion": 10**9}.get(self.norm(at + 1))
            if scale is None:
                yield at + 1, value
            else:
                scaled = value * scale
                yield at + 2, int(scaled) if float(scaled).is_integer() else scaled

    def amount(self, at: int, column: Column) -> Iterator[tuple[int, int | float]]:
        """A number that may carry the unit of ``column``; any other unit is not understood."""
        for end, value in self.number(at):
            factor = scale(column)
            if factor != 1:  # "over 50 million" in a column of millions
                said = end > at + 1
                if said or not _far_above(value, column):
                    yield end, value / factor if said else value
                continue
            yield end, value
            for after, _ in self.phrase(end, _unit_words(column.said_unit)) if column.said_unit else ():
                yield after, value
            unit = column.pieces[-1]
            if has_unit(column) or len(column.pieces) == 1 or unit == "age":
                for after, _ in self.phrase(end, lexicon.UNITS.get(unit, ())):
                    yield after, value

    def whole(self, at: int) -> Iterator[tuple[int, int]]:
        for end, value in self.number(at):
            if isinstance(value, int) and 1 <= value <= 10_000:
                yield end, value

    # --- columns --------------------------------------------------------------------------------

    @remembered
    def named(self, at: int) -> Iterator[tuple[int, Column, int]]:
        """A column by name, perhaps followed by the word "column"."""
        for link in self.link.columns(at):
            yield link
            if (end := self.one_of(link.end, "column", "field", "columns")) is not None:
                yield end, link.column, link.cost
            if (
                link.column.kind == "number"
                and (end := self.one_of(link.end, "score", "scores", "figure", "figures")) is not None
            ):
                yield end, link.column, link.cost + 1

    @remembered
    def numbers(self, at: int) -> Iterator[tuple[int, Column, int]]:
        """A number column by name.  An identifier is meant only where it is called one: "more than five
        employees" is not about ``employee_id``."""
        for end, column, cost in self.named(at):
            if column.kind == "number" and not (cost >= 3 and column.pieces[-1] in ("id", "code")):
                yield end, column, cost

    @remembered
    def grouped(self, at: int) -> Iterator[tuple[int, tuple[Dimension, ...], int]]:
        """What to group by: a column, or a part of a date column (with its year, if that is meant)."""
        for start in self.articles(at):
            for after in self.skip(start, (*lexicon.DISTINCT, "number of")):
                for end, column, cost in self.named(after):
                    if self.norm(after - 1) == "of" and after > start and column.kind != "number":
                        continue
                    if column.kind == "other" or (cost >= 3 and self.table.unique(column) is not False):
                        continue  # "per order" is no group where each row is an order
                    yield end, (Dimension(column.name),), cost + self._doubtful_name(column, cost)
            yield from self._time_dimension(start)

    def _doubtful_name(self, column: Column, cost: int) -> int:
        """A customer may be meant by name or by number; where these differ, neither is nearer."""
        if cost != 1 or column.pieces[-1] != "name":
            return 0
        sibling = next((c for c in self.table.columns if c.pieces == (*column.pieces[:-1], "id")), None)
        return 2 if sibling is not None and sibling.distinct != column.distinct else 0

    def _time_dimension(self, at: int) -> Iterator[tuple[int, tuple[Dimension, ...], int]]:
        dates = [column for column in self.table.columns if column.kind == "date"]
        for column in dates:  # "hire year" of hire_date
            front = column.pieces[:-1]
            if front and tuple(self.norm(at + i) for i in range(len(front))) == front:
                for end, word in self.phrase(at + len(front), lexicon.TIME_PARTS):
                    yield from ((end, parts, 1) for parts in self.time_parts(word, column))
        for end, word in self.phrase(at, lexicon.TIME_PARTS):
            hour = next((c for c in self.table.columns if c.pieces == ("hour",)), None)
            if word.startswith("hour") and hour is not None:
                yield end, (Dimension(hour.name),), 0
                continue
            found: list[tuple[int, Column, int]] = [(end, column, 1 + self.far_date(column)) for column in dates]
            if (of := self.one_of(end, "of")) is not None:
                for start in self.articles(of):
                    found += [(e, c, cost) for e, c, cost in self.named(start) if c.kind == "date"]
            for after, column, cost in found:
                yield from ((after, parts, cost) for parts in self.time_parts(word, column))

    def far_date(self, column: Column) -> int:
        """The date of a loan is sooner ``loaned_on`` than ``returned_on``."""
        nouns = self.link.nouns()
        dates = [c for c in self.table.columns if c.kind == "date"]
        near = [c for c in dates if any(akin(p, noun) for p in c.pieces for noun in nouns)]
        return int(len(near) == 1 and column != near[0])

    def main_date(self) -> Column | None:
        """The date column, or the one that is called after what the rows are: ``ordered_on`` of orders."""
        dates = [c for c in self.table.columns if c.kind == "date"]
        near = [c for c in dates if not self.far_date(c)]
        return near[0] if len(near) == 1 else None

    def time_parts(self, word: str, column: Column) -> Iterator[tuple[Dimension, ...]]:
        """A month of one year and that of all years are the same where there is one year."""
        readings = lexicon.TIME_PARTS[word]
        one_year = column.years is not None and column.years[0] == column.years[1]
        for parts in readings[:1] if one_year else readings:
            whole = column.type.upper() == "DATE"  # the day of a date is the date
            if len(parts) == 2 and parts[0] == "year":
                yield (Dimension(column.name, bucket=parts[1]),)  # type: ignore[arg-type]
            else:
                yield tuple(Dimension(column.name, "" if whole and part == "date" else part) for part in parts)

    @remembered
    def dimensions(self, at: int) -> Iterator[tuple[int, tuple[Dimension, ...], int]]:
        """One to three dimensions, joined by "and" or commas."""
        for end, first, cost in self.grouped(at):
            yield end, first, cost
            for after in self._joints(
                end, ("and", ", and", ",", "and by", "and per", "and for each", ", by", "and each")
            ):
                for last, others, more in self.dimensions(after):
                    if not set(first) & set(others) and len(others) < 3:
                        yield last, (*first, *others), cost + more

    def _joints(self, at: int, joints: Iterable[str]) -> Iterator[int]:
        return (end for end, _ in self.phrase(at, joints))


def _unit_words(unit: str) -> tuple[str, ...]:
    """What a unit of a dictionary may be called after a number."""
    lower = unit.lower()
    return lexicon.UNITS.get(lower, (lower, lower.removesuffix("s")))


def _far_above(value: float, column: Column) -> bool:
    """Whether a number can hardly be one of the column's own scale."""
    try:
        return abs(value) > 10 * max(abs(float(column.minimum or "x")), abs(float(column.maximum or "x")))
    except ValueError:
        return True
