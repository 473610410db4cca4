"""Questions for parts of a whole: "what percentage of students are female", "share of total sales by region".  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from . import lexicon, relations
from .counting import fits
from .queries import Meant
from .query import Beside, Calc, Condition, Field, Pair, Query, Test
from .spoken import Dim, Measure, Mods
from .trends import Trends

_SHARE: Final = tuple(
    f"{word} of"
    for word in (
        "percentage",
        "percent",
        "share",
        "proportion",
        "fraction",
        "%",
        "the percentage",
        "the share",
        "the proportion",
    )
)
_VERBS: Final = ("is", "are", "was", "were", "have", "has", "had", "come", "comes", "came", "do", "does", "did", "live",
                 "lives", "work", "works", "that", "who", "which", "got", "ended", "cost", "costs")  # fmt: skip
_ADVERBS: Final = frozenset({"still", "currently", "now", "actually", "also", "already"})


class Shares(Trends):
    """The forms of ``trends``, and these."""

    def special(self, at: int, given: Mods) -> Iterator[Meant]:
        yield from super().special(at, given)
        yield from self._growth(at, given)
        yield from self._stepwise(at, given)
        yield from self._share(at)
        yield from self._share_of_distinct(at)
        yield from self._each_ones_share(at)

    def _share(self, at: int) -> Iterator[Meant]:
        for start, _ in self.phrase(at, _SHARE):
            for noun in (*self.nouns(start), *self.value_nouns(start)):
                yield from self._share_of_rows(noun.table, noun.end, noun.where, noun.cost)
                if noun.where:
                    continue
                for end, dims, cost in self._each(noun.end):
                    if end == self.size:
                        measure = Measure(noun.table, Calc("count"))
                        for meant in self._grouped(noun.table, (measure,), Mods(dims=dims, cost=noun.cost + cost), ()):
                            yield replace(meant, query=self._shared(meant.query))
            # "share of total sales by region"
            for total in self.skip(start, ("total", "the total", "all", "the", "overall")):
                for end, table, column, cost in self.columns(total):
                    named = self.graph.tables[table].unique(column) is True and column.integer
                    named = named or (cost >= 3 and column.pieces[-1] in ("id", "code"))
                    if column.kind != "number" or not fits("sum", column) or column.switch is not None or named:
                        continue
                    measure = Measure(table, Calc("sum", Field(column.name)))
                    for last, dims, more in self._each(end):
                        if last == self.size:
                            for meant in self._grouped(table, (measure,), Mods(dims=dims, cost=cost + more), ()):
                                yield replace(meant, query=self._shared(meant.query))
                    for verb in self._predicates(end):
                        for last, mods in self.mods(table, verb, 1):
                            if last == self.size and mods.where and not mods.rank:
                                part = Calc("sum", Field(column.name), mods.where)
                                pair = Pair("percent", part, Calc("sum", Field(column.name)))
                                yield Meant(Query(table, (pair,)), cost + mods.cost)

    def _share_of_distinct(self, at: int) -> Iterator[Meant]:
        """ "What share of the distinct cities received steel": of the values of a column, those of some rows."""
        for start, _ in self.phrase(at, _SHARE):
            for article in self.articles(start):
                for distinct, _ in self.phrase(article, lexicon.DISTINCT):
                    for end, table, column, cost in self.columns(distinct):
                        verbs = {end, *self._predicates(end)}
                        verbs |= {end + 1} if self.norm(end) in relations.VERBS else set()
                        for verb in verbs:
                            for last, mods in self.mods(table, verb, 1):
                                if last != self.size or not mods.where or mods.rank or column.kind == "other":
                                    continue
                                field = Field(column.name)
                                part = Calc("count distinct", field, mods.where)
                                pair = Pair("percent", part, Calc("count distinct", field))
                                yield Meant(Query(table, (pair,)), cost + mods.cost)

    def _each_ones_share(self, at: int) -> Iterator[Meant]:
        """ "Each region's share of total sales"."""
        for start, _ in self.phrase(at, ("each", "every")):
            for end, dims, cost in self.dims(start):
                for share in (e for genitive, _ in self.phrase(end, ("'s",)) for e, _ in self.phrase(genitive, _SHARE)):
                    for last, measure, more in self.measured(share):
                        if last == self.size and measure.calc.function == "sum":
                            mods = Mods(dims=dims, cost=cost + more)
                            for meant in self._grouped(measure.table, (measure,), mods, ()):
                                yield replace(meant, query=self._shared(meant.query))

    def _each(self, at: int) -> Iterator[tuple[int, tuple[Dim, ...], int]]:
        for comma in self.skip(at, (",", "in percent", "in percent ,")):
            for start, _ in self.phrase(comma, (*lexicon.GROUPING, *lexicon.DOES_EACH, "comes from each",
                "come from each", "are in each", "is in each", "belong to each", "does each")):  # fmt: skip
                for end, dims, cost in self.dims(start):
                    for last in self.skip(
                        end, ("have", "has", "bring", "make up", "account for", "contribute", "represent")
                    ):
                        yield last, dims, cost

    def _shared(self, query: Query) -> Query:
        return replace(query, select=tuple(Beside("share", e) if isinstance(e, Calc) else e for e in query.select))

    def _predicates(self, at: int) -> Iterator[int]:
        yield at
        if self.norm(at) in _VERBS:
            yield at + 1
        for place in (at, at + 1):
            if self.norm(place) in _ADVERBS:
                yield place + 1

    def _share_of_rows(self, table: str, at: int, base: tuple[Condition, ...], cost: int) -> Iterator[Meant]:
        """ "Of students from France are male": what stands before the verb says of what the share is."""
        for end, mods in self.mods(table, at, 1):
            if mods.rank or (end == at and self.norm(end) not in _VERBS and end != at):
                continue
            verb = self.norm(end) in _VERBS or self.norm(end) in _ADVERBS
            if not verb and end > at:
                continue
            for start in {end, *self._predicates(end)}:
                for last, tested in self.mods(table, start, 1):
                    yield from self._share_in_each(table, last, (*base, *mods.where), tested, cost + mods.cost)
                    if last == self.size and tested.where and not tested.rank and (verb or end == at):
                        whole = (*base, *mods.where)
                        if _fixed(whole) & _fixed(tested.where):
                            continue  # "municipalities" are not those of the kind "municipality" that are towns
                        pair = Pair("percent", Calc("count", where=tested.where), Calc("count"))
                        # "Orders in 2022 were shipped": what stands before the main verb is the whole.
                        doubt = 0 if verb and end == at else 2
                        if verb and end > at:
                            doubt = int(self.norm(at) in _VERBS or self.norm(end) in lexicon.RELATIVES)
                        yield Meant(Query(table, (pair,), where=whole), cost + mods.cost + tested.cost + doubt)

    def _share_in_each(
        self, table: str, at: int, whole: tuple[Condition, ...], tested: Mods, cost: int
    ) -> Iterator[Meant]:
        """ "Of students who passed by school": the share within each group."""
        if not tested.where or tested.rank or tested.dims or _fixed(whole) & _fixed(tested.where):
            return
        for end, dims, more in self._each(at):
            if end == self.size:
                mods = Mods(whole, dims=dims, cost=cost + tested.cost + more)
                for meant in self._grouped(table, (Measure(table, Calc("count")),), mods, ()):
                    part = Calc("count", where=tested.where)
                    select = tuple(Pair("percent", part, e) if isinstance(e, Calc) else e for e in meant.query.select)
                    if meant.query.root == table and Calc("count") in meant.query.select:
                        yield replace(meant, query=replace(meant.query, select=select))


def _fixed(where: tuple[Condition, ...]) -> set[tuple[object, str]]:
    """The columns that must equal one value."""
    tests = (c for c in where if isinstance(c, Test))
    return {(t.path, t.filter.column) for t in tests if t.filter.operator == "=" and not t.filter.part}
