"""What is counted and measured: "different carriers", "average and highest fare", "number of trips".  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from . import lexicon, measures
from .parts import Meaning, Parts
from .plan import Filter, Function, Measure, Operator
from .quantiles import quantiles
from .remembering import remembered
from .schema import Column
from .words import is_plural

_OR: Final = ("nor", "or", ", or", "or the", "or in", "or from", "or at")


class Counted(NamedTuple):
    """What is counted, and among which rows."""

    end: int
    measure: Measure
    meaning: Meaning


class Measured(NamedTuple):
    end: int
    measures: tuple[Measure, ...]
    meaning: Meaning


class Counting(Parts):
    """Rules for what one number, or one number for each group, is."""

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
                own = any(self.norm(start) in lexicon.AGGREGATES for start in self.articles(joint))
                for last, column, cost in () if own else self.named(joint):
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
            for end, column, cost in self.named(start):
                if (own := called_by_function(column, self.norm(start))) is not None:
                    yield end, Measure(own, column.name), Meaning(cost=cost)
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
            if self.link.nouns() & lexicon.PEOPLE:
                for end, _ in self.phrase(start, lexicon.HEADCOUNT):
                    yield end, Measure("count"), Meaning(cost=1)

    def numbers_rows(self, column: Column) -> bool:
        """Whether a number column only numbers the rows: ``Listing #`` of listings."""
        return column.integer and self.table.unique(column) is True and self.link.is_noun(column.pieces)

    def _total_rows(self, at: int) -> Iterator[tuple[int, Meaning]]:
        """ "total flights" counts rows, unless that is also a column's name."""
        for end, meaning in self.rows(at):
            also_column = any(link.end == end and link.column.kind == "number" for link in self.link.columns(at))
            if not also_column and is_plural(self.norm(end - 1)):  # "total generation" is an amount
                yield end, meaning

    def _aggregate(self, at: int, function: Function, word: str) -> Iterator[tuple[int, Measure, Meaning]]:
        for start in self.skip(at, ("number of",)):
            for end, column, cost in self.named(start):
                if (cost >= 3 and column.pieces[-1] in ("id", "code")) or self.numbers_rows(column):
                    continue
                if fits(function, column, word):
                    for after in self.skip(end, ("value", "values")):
                        yield after, Measure(function, column.name), Meaning(cost=cost)


_NO_QUANTITIES: Final = frozenset({"id", "key", "uuid", "zip", "zipcode", "postcode", "phone"})
"""Heads of columns whose numbers only name something."""


def called_by_function(column: Column, word: str) -> Function | None:
    """The function of ``word`` where the column's own name starts with it: the "total cost" of several rows is the sum
    of a column ``total_cost``, and no list of it."""
    function = lexicon.AGGREGATES.get(word)
    own = lexicon.AGGREGATES.get(column.pieces[0]) if len(column.pieces) > 1 else None
    return function if function is not None and function == own and fits(function, column, word) else None


def fits(function: Function, column: Column, word: str = "") -> bool:
    """Whether the function makes sense for the column: no average of texts, no "latest" price."""
    if function in ("count", "count distinct"):
        return True
    if function in ("min", "max"):
        if column.kind == "date":
            return word not in lexicon.NOT_FOR_DATES
        return column.kind == "number" and (word not in lexicon.DATE_ONLY or column.is_year) and column.switch is None
    if column.pieces[-1] in _NO_QUANTITIES and len(column.pieces) > 1:
        return False
    return column.kind == "number" and not (function == "sum" and column.is_year)
