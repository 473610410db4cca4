"""Questions about how often things occur: "the second most frequent customer", "on how many days …".  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from . import lexicon, relations
from .counting import fits
from .plan import Part
from .quality import Quality
from .queries import Meant
from .query import Calc, Condition, Field, Pair, Query
from .schema import Column
from .spoken import Measure, Mods, Rank

_SPANS: Final[dict[str, Part]] = {
    "days": "date", "different days": "date", "distinct days": "date", "dates": "date", "different dates": "date",
    "distinct dates": "date", "months": "month", "different months": "month", "distinct months": "month",
    "quarters": "quarter", "weeks": "week", "years": "year", "different years": "year", "distinct years": "year",
}  # fmt: skip
_THERE: Final = (
    *(f"{verb} {who}" for verb in ("were", "are", "was", "is") for who in ("there", "there any")),
    *("did we have", "do we have", "did we have any", "did", "were", "was", "are", "is", "do", "does"),
)


_HERE: Final = (
    "",
    " in the data",
    " in the dataset",
    " in the table",
    " in the data set",
    " in this data",
    " data for",
)
_COVERED: Final = (
    *(f"{verb}{here}" for verb in ("are there", "do we have", "are covered", "are recorded") for here in _HERE),
    *(f"does {what} {verb}" for what in ("the data", "the dataset", "the table", "this data", "it", "the data set")
      for verb in ("cover", "span", "contain", "include")),
    "of data are there", "of data do we have", "of data", "are in the data", "are in the dataset",
)  # fmt: skip


class Occurrences(Quality):
    """The forms of ``quality``, and these."""

    def special(self, at: int, given: Mods) -> Iterator[Meant]:
        yield from super().special(at, given)
        yield from self._frequent(at)
        yield from self._spans(at)
        yield from self._between_quartiles(at)

    def _frequent(self, at: int) -> Iterator[Meant]:
        """ "The second most frequent customer", "the 3 most common products"."""
        for article in self.skip(at, ("the",)):
            for spot, nth in relations.ordinals(self, article):
                for end, word in self.phrase(spot, lexicon.COMMON):
                    for last, table, column, cost in self.columns(end):
                        if column.kind == "other":
                            continue
                        tails = [*self.mods(table, last, 0)]
                        for of, _ in self.phrase(last, ("of", "among", "across")):  # cities, not the status "City"
                            tails += [(p.end, p.mods) for p in self.noun_phrase(of, 0) if p.table == table]
                        for final, mods in tails:
                            if final == self.size and not (mods.rank or mods.dims or mods.sort or mods.having):
                                rank = Rank(Measure(table, Calc("count")), table, lexicon.COMMON[word], 1, nth)
                                total = mods + Mods(cost=cost)
                                yield from self._ranked_groups(table, ((table, column.name),), total, rank, named=False)

    def _spans(self, at: int) -> Iterator[Meant]:
        """ "On how many days were there orders", "in how many years was the rain above 10"."""
        for lead in self.skip(at, ("on", "in", "during")):
            for start, word in self.phrase(lead, tuple(f"how many {span}" for span in _SPANS)):
                part = _SPANS[word.removeprefix("how many ")]
                for table in self.graph.tables:
                    column = self._calendar(table, part)
                    if column is None:
                        continue
                    field = _unit_of(column, part)
                    for end in self._covered(start):
                        if end == self.size and lead == at:
                            yield Meant(Query(table, (field,), group=(field,), outer="count"), 1)
                    for where, cost in self._happened(table, start):
                        query = Query(table, (field,), where=where, group=(field,), outer="count")
                        yield Meant(query, cost)

            for start, word in self.phrase(lead, tuple(f"how many {span}" for span in _SPANS)):
                part = _SPANS[word.removeprefix("how many ")]
                for of, _ in self.phrase(start, ("of", "of the")):
                    for end, table, column, cost in self.columns(of):
                        if column.kind == "date" and self.size in self._covered(end):
                            field = _unit_of(column, part)
                            yield Meant(Query(table, (field,), group=(field,), outer="count"), cost)

    def _covered(self, at: int) -> Iterator[int]:
        """ "Are there in the data", "does the data cover"."""
        yield from (end for end, _ in self.phrase(at, _COVERED))

    def _calendar(self, table: str, part: Part) -> Column | None:
        """The one column that says on which day or in which year a row happened."""
        columns = self.graph.tables[table].columns
        date = self.scopes[table].main_date()
        years = [c for c in columns if c.is_year]
        if part == "year" and len(years) == 1 and date is None:
            return years[0]
        return date if not (part == "year" and years) else None

    def _happened(self, table: str, at: int) -> Iterator[tuple[tuple[Condition, ...], int]]:
        """What is said of the rows: "were there orders over 10", "were lamps ordered", "was the wind below 3"."""
        for start, word in self.phrase(at, _THERE):
            for phrase in self.noun_phrase(start, 0, values=True):
                mods = phrase.mods
                if phrase.table != table or mods.rank or mods.dims or mods.sort or mods.having or mods.limit:
                    continue
                for end, said in relations.leads(self, phrase.end):
                    more = said.negated or said.relative or said.preposition or said.have
                    if end == self.size and not more and (not said.verb or self._says_nothing(table, said.verb)):
                        yield mods.where, mods.cost
            for article in self.skip(start, ("the",)) if word in ("was", "were", "is", "are") else ():
                yield from self._held(table, article)
        for start in self.skip(at, ("with",)):
            yield from self._held(table, start)

    def _held(self, table: str, at: int) -> Iterator[tuple[tuple[Condition, ...], int]]:
        for end, mods in self.mods(table, at, 0):
            if end == self.size and mods.where and not (mods.rank or mods.dims or mods.sort or mods.having):
                yield mods.where, mods.cost + 1

    def _between_quartiles(self, at: int) -> Iterator[Meant]:
        for start, _ in self.phrase(at, ("interquartile range of", "the interquartile range of", "iqr of")):
            for article in self.articles(start):
                for end, table, column, cost in self.columns(article):
                    if not fits("quantile", column):
                        continue
                    for last, mods in self.mods(table, end, 0):
                        if last == self.size and not (mods.rank or mods.dims or mods.sort or mods.having):
                            upper, lower = (Calc("quantile", Field(column.name), quantile=q) for q in (0.75, 0.25))
                            yield Meant(Query(table, (Pair("-", upper, lower),), where=mods.where), cost + mods.cost)


def _unit_of(column: Column, part: Part) -> Field:
    """A day, month or year of the column: months and weeks each of their own year."""
    if column.kind != "date" or (part == "date" and column.type.upper() == "DATE"):
        return Field(column.name)
    if part in ("month", "quarter", "week"):
        return Field(column.name, bucket=part)
    return Field(column.name, part=part)
