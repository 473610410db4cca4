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
    "distinct dates": "date", "years": "year", "different years": "year", "distinct years": "year",
}  # fmt: skip
_THERE: Final = (
    *(f"{verb} {who}" for verb in ("were", "are", "was", "is") for who in ("there", "there any")),
    *("did we have", "do we have", "did we have any", "did", "were", "was", "are", "is", "do", "does"),
)


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
                        for final, mods in self.mods(table, last, 0):
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
                    whole = column.kind != "date" or (part == "date" and column.type.upper() == "DATE")
                    field = Field(column.name, (), "" if whole else part)
                    for where, cost in self._happened(table, start):
                        query = Query(table, (field,), where=where, group=(field,), outer="count")
                        yield Meant(query, cost)

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
