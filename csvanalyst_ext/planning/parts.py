"""Small pieces of grammar shared by all rules: fixed phrases, numbers, measures, dimensions, row nouns.

Pure.  A rule takes a position and yields every way in which it can go on: where it ends, what it
means and what it costs.  The first rule that fits is never taken as the right one; whoever calls
gets all of them and compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, NamedTuple

from . import lexicon, measures
from .link import Linker, has_unit, scale
from .plan import Dimension, Filter, Function, Measure, Operator
from .quantiles import quantiles
from .remembering import remembered
from .schema import Column, Table
from .words import Token, is_plural, stems

_MOST_PHRASE: Final = 7
_OR: Final = ("or", ", or", "or the", "or in", "or from", "or at")


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


class Counted(NamedTuple):
    """What is counted, and among which rows."""

    end: int
    measure: Measure
    meaning: Meaning


class Measured(NamedTuple):
    end: int
    measures: tuple[Measure, ...]
    meaning: Meaning


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
            for after, _ in self.phrase(end, _unit_words(column.unit)) if column.unit else ():
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
        near = [c for c in self.table.columns if c.kind == "date" and any(stems(p) & nouns for p in c.pieces)]
        return int(len(near) == 1 and column != near[0])

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

    # --- what is counted ------------------------------------------------------------------------

    @remembered
    def rows(self, at: int) -> Iterator[tuple[int, Meaning]]:
        """A noun for the rows, with adjectives that are values of the data: "female passengers"."""
        for end, cost in self.link.entity(at):
            yield end, Meaning(cost=cost, rows=True)
        for end, meaning in self.adjective(at):
            for last, rest in self.rows(end):
                yield last, meaning + rest

    def value_list(self, at: int) -> Iterator[tuple[int, Column, tuple[str, ...], int, bool]]:
        """One value, or several of one column joined by "or".  The last item says that the values count
        only beside the column's name."""
        for start in self.skip(at, ("either", "the")):
            for link in self.link.values(start):
                yield link.end, link.column, (link.value,), link.cost, link.named
                for joint, _ in self.phrase(link.end, (*_OR, ",")):
                    comma = self.norm(joint - 1) == ","
                    for end, column, others, cost, named in self.value_list(joint):
                        if column.name != link.column.name or link.value in others or (comma and len(others) == 1):
                            continue
                        yield end, column, (link.value, *others), link.cost + cost, link.named or named

    @remembered
    def adjective(self, at: int) -> Iterator[tuple[int, Meaning]]:
        """A value in front of the noun, or the name of a yes/no column."""
        for end, column, values, cost, named in self.value_list(at):
            if not named:
                operator: Operator = "=" if len(values) == 1 else "in"
                yield end, Meaning((Filter(column.name, operator, values),), cost=cost)
        negated = self.one_of(at, "non", "not")
        for start, no in ((at, False), *(((negated, True),) if negated is not None else ())):
            for column_link in self.link.columns(start):
                switch = column_link.column.switch
                if switch is not None and switch[no] is not None:
                    filter_ = Filter(column_link.column.name, "=", (switch[no],))
                    yield column_link.end, Meaning((filter_,), cost=column_link.cost)

    @remembered
    def counted(self, at: int) -> Iterator[Counted]:
        """What stands after "how many"."""
        for start in self.articles(at):
            yield from self._counted(start)

    def _counted(self, at: int) -> Iterator[Counted]:
        rows = Measure("count")
        for end, meaning in self.rows(at):
            yield Counted(end, rows, meaning + Meaning(cost=self._also_column(at, end)))
        for start, _ in self.phrase(at, lexicon.DISTINCT):
            for after in self.skip(start, ("values of", "values in", "values for")):
                for end, column, cost in self._countable(after):
                    if column.kind != "other":
                        for last in self.skip(end, ("values", "value")):
                            yield Counted(last, Measure("count distinct", column.name), Meaning(cost=cost))
        for end, column, cost in self._countable(at):
            calendar = column.is_year or column.is_month or column.is_day
            if column.switch is not None:
                # "how many smokers": the rows that say yes.
                if is_plural(self.norm(end - 1)) and column.switch[0] is not None:
                    filter_ = Filter(column.name, "=", (column.switch[0],))
                    yield Counted(end, rows, Meaning((filter_,), cost=cost))
            elif column.kind in ("text", "date") or calendar or column.pieces[-1:] == ("id",):
                yield Counted(end, Measure("count distinct", column.name), Meaning(cost=cost + 1))
        for link in self.link.values(at):
            if not link.named:  # "how many females"
                yield Counted(link.end, rows, Meaning((Filter(link.column.name, "=", (link.value,)),), cost=link.cost))
        for start, _ in self.phrase(at, ("missing", "null", "missing values in", "missing values of",
        "missing values for",
                                         "null values in", "null values of", "nulls in", "nulls are in",
                                         "missing values are in",
                                         "null values are in", "missing values are there in")):  # fmt: skip
            for article in self.articles(start):
                for end, column, cost in self.named(article):
                    for after in self.skip(end, ("values", "value", "entries")):
                        yield Counted(after, rows, Meaning((Filter(column.name, "null"),), cost=cost))
        for end, column, cost in self.named(at):
            for after, _ in self.phrase(end, ("values are missing", "values are null", "are missing", "are null")):
                yield Counted(after, rows, Meaning((Filter(column.name, "null"),), cost=cost))

    def _also_column(self, at: int, end: int) -> int:
        """In a table "countries" with a column "country", where a country has many rows, "how many
        countries" is open: then neither reading is nearer."""
        return int(
            any(
                link.end == end and link.column.kind == "text" and self.table.unique(link.column) is False
                for link in self.link.columns(at)
            )
        )

    def _countable(self, at: int) -> Iterator[tuple[int, Column, int]]:
        """Columns by name; for a noun such as "customers", ``customer_id`` before ``customer_name``."""
        by_id = {link.end: link for link in self.link.identifiers(at)}
        yield from by_id.values()
        for end, column, cost in self.named(at):
            if end in by_id and cost:
                continue
            yield end, column, cost

    # --- measures -------------------------------------------------------------------------------

    def measures(self, at: int) -> Iterator[Measured]:
        """One to three measures: "average and highest fare", "number of trips and total fare"."""
        for end, first, meaning in self.measure(at):
            yield Measured(end, (first,), meaning)
            for joint in self._joints(end, ("and", ", and", ",", "and the", "as well as")):
                for last, others, more in self.measures(joint):
                    if first not in others and len(others) < 3 and not (meaning.filters or more.filters):
                        yield Measured(last, (first, *others), meaning + more)
                # The same function of another column: "average length and depth".
                for last, column, cost in self.named(joint):
                    other = Measure(first.function, column.name)
                    if first.column and other != first and first.function != "sum" and fits(first.function, column):
                        yield Measured(last, (first, other), meaning + Meaning(cost=cost))
        for start, word in self.phrase(at, lexicon.AGGREGATES):
            # Several functions of one column: "minimum and maximum fare".
            for joint in self._joints(start, ("and", ", and", ",", "and the")):
                for last, others, more in self.measures(joint):
                    if not others[0].column or any(other.column != others[0].column for other in others):
                        continue
                    function, shared = lexicon.AGGREGATES[word], self.table.column(others[0].column)
                    if fits(function, shared, word) and len(others) < 3:
                        yield Measured(last, (Measure(function, shared.name), *others), more)

    def measure(self, at: int) -> Iterator[tuple[int, Measure, Meaning]]:
        for start in self.articles(at):
            for end, named in measures.spoken(self, start, self.table):
                yield end, named, Meaning()
            for end, word in self.phrase(start, lexicon.AGGREGATES):
                function = lexicon.AGGREGATES[word]
                for of in self.skip(end, ("of", "of the", "of all", "for", "value of", "of all the", "value for")):
                    for article in self.articles(of):
                        yield from self._aggregate(article, function, word)
                if word == "total":
                    for last, counted_rows in self._total_rows(end):
                        yield last, Measure("count"), counted_rows
            for end, quantile in quantiles(self, start):
                for of in self.skip(end, ("of", "of the", "of all", "for", "in")):
                    for last, named, meaning in self._aggregate(of, "quantile", ""):
                        yield last, replace(named, quantile=quantile), meaning
            for end, _ in self.phrase(start, lexicon.COUNT_OF):
                yield from self.counted(end)

    def _total_rows(self, at: int) -> Iterator[tuple[int, Meaning]]:
        """ "total flights" counts rows, unless that is also a column's name."""
        for end, meaning in self.rows(at):
            if not any(link.end == end and link.column.kind == "number" for link in self.link.columns(at)):
                yield end, meaning

    def _aggregate(self, at: int, function: Function, word: str) -> Iterator[tuple[int, Measure, Meaning]]:
        for start in self.skip(at, ("number of",)):
            for end, column, cost in self.named(start):
                if cost >= 3 and column.pieces[-1] in ("id", "code"):
                    continue
                if fits(function, column, word):
                    for after in self.skip(end, ("value", "values")):
                        yield after, Measure(function, column.name), Meaning(cost=cost)


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


def fits(function: Function, column: Column, word: str = "") -> bool:
    """Whether the function makes sense for the column: no average of texts, no "latest" price."""
    if function in ("count", "count distinct"):
        return True
    if function in ("min", "max"):
        if column.kind == "date":
            return word not in lexicon.NOT_FOR_DATES
        return column.kind == "number" and (word not in lexicon.DATE_ONLY or column.is_year) and column.switch is None
    return column.kind == "number" and not (function == "sum" and column.is_year)
