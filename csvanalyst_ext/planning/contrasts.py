"""Questions that set two numbers against each other: shares, differences, ratios, growth, correlation.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from . import lexicon
from .counting import fits
from .plan import Filter
from .queries import Meant
from .query import (
    Beside,
    Calc,
    Condition,
    Field,
    Having,
    Pair,
    Query,
    Test,
)
from .schema import Column
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
_MORE: Final = ("more", "higher", "larger", "greater", "bigger", "longer", "older", "heavier", "taller")
_LESS: Final = ("less", "fewer", "lower", "smaller", "shorter", "younger", "lighter")


class Contrasts(Trends):
    """The forms of ``trends``, and these."""

    def special(self, at: int, given: Mods) -> Iterator[Meant]:
        yield from self._correlation(at)
        yield from self._share(at)
        yield from self._difference(at)
        yield from self._how_much_more(at)
        yield from self._growth(at, given)
        yield from self._of_groups(at, given)
        yield from self._duplicates(at)

    # --- correlation -------------------------------------------------------------------------------

    def _correlation(self, at: int) -> Iterator[Meant]:
        for start, _ in self.phrase(at, ("correlation between", "correlation of", "pearson correlation of",
            "pearson correlation between",
                                         "correlation coefficient of", "correlation coefficient between",
                                             "the correlation between",
                                         "the correlation of", "relationship between",
                                             "how strongly correlated are", "how correlated are", "how strongly are",
                                             "correlate")):  # fmt: skip
            for article in self.articles(start):
                for end, table, one, cost in self.columns(article):
                    for joint, _ in self.phrase(end, ("and", "with", "and the", "and their")):
                        for last, other_table, other, more in self.columns(joint):
                            numbers = one.kind == other.kind == "number" and one.name != other.name
                            if other_table != table or not numbers:
                                continue
                            for named, mods in self._correlated(table, last):
                                if named == table and not (mods.dims or mods.rank or mods.sort or mods.having):
                                    calc = Calc("correlation", Field(one.name), other=Field(other.name))
                                    yield Meant(Query(table, (calc,), where=mods.where), cost + more + mods.cost)

    def _correlated(self, table: str, at: int) -> Iterator[tuple[str, Mods]]:
        strongly = any(True for start in range(at) for _ in self.phrase(start, ("how strongly are",)))
        for end in (e for e, _ in self.phrase(at, ("correlated", "related", "linked"))) if strongly else (at,):
            yield from self._tails(table, end)

    # --- shares ------------------------------------------------------------------------------------

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

    # --- differences and ratios ----------------------------------------------------------------------

    def _difference(self, at: int) -> Iterator[Meant]:
        for start, word in self.phrase(at, ("difference between", "the difference between", "difference in",
            "the difference in", "ratio of", "the ratio of", "ratio between", "the ratio between")):  # fmt: skip
            operator = "/" if "ratio" in word else "-"
            for article in self.articles(start):
                yield from self._of_two_functions(article, operator)
                for end, measure, cost in self.measured(article):
                    if measure.calc.field is not None:
                        for of, _ in self.phrase(
                            end, ("of", "for", "in", "of the", "between", "for the", "between the", "of a", "of an")
                        ):
                            yield from self._two_groups(
                                measure.table, replace(measure.calc), of, operator, cost, order=operator == "/"
                            )
            # "ratio of web orders to store orders"
            for first in self.nouns(start):
                if not first.where:
                    continue
                for joint, _ in self.phrase(first.end, ("to", "and", "to the", "and the", "over")):
                    for second in self.nouns(joint):
                        if second.table == first.table and second.where and second.end == self.size:
                            pair = Pair(operator, Calc("count", where=first.where), Calc("count", where=second.where))  # type: ignore[arg-type]
                            if (operator == "/") == (self.norm(first.end) != "and"):
                                yield Meant(Query(first.table, (pair,)), first.cost + second.cost)

    def _of_two_functions(self, at: int, operator: str) -> Iterator[Meant]:
        """ "The highest and lowest salary"."""
        for end, word in self.phrase(at, lexicon.AGGREGATES):
            for joint, _ in self.phrase(end, ("and", "and the", "to", "to the")):
                for last, measure, cost in self.measured(joint):
                    field = measure.calc.field
                    function = lexicon.AGGREGATES[word]
                    if field is None or function == measure.calc.function:
                        continue
                    column = self.graph.tables[measure.table].column(field.column)
                    if not fits(function, column, word) or column.kind != "number":
                        continue
                    for table, mods in self._tails(measure.table, last):
                        if table == measure.table and not (mods.dims or mods.rank or mods.sort or mods.having):
                            pair = Pair(operator, Calc(function, field), measure.calc)  # type: ignore[arg-type]
                            yield Meant(Query(table, (pair,), where=mods.where), cost + mods.cost)

    def _groups_of(self, table: str, at: int) -> Iterator[tuple[int, Test, int]]:
        """What names one group: "an Engineer", "Sales", "women in Sales" not."""
        for start in self.skip(
            at, ("a", "an", "the", "those of", "that of", "that in", "those in", "in", "for", "of", "that for", "on")
        ):
            for article in self.articles(start):
                for noun in (n for n in (*self.nouns(article), *self.value_nouns(article)) if n.table == table):
                    if (
                        len(noun.where) == 1
                        and isinstance(noun.where[0], Test)
                        and noun.where[0].filter.operator == "="
                    ):
                        yield noun.end, noun.where[0], noun.cost
                for path, name in self.graph.ups(table):
                    if path:
                        for end, filters, cost in self._simple(name, article):
                            if len(filters) == 1 and filters[0].operator == "=":
                                yield end, Test(filters[0], path), cost + 2

    def _two_groups(self, table: str, calc: Calc, at: int, operator: str, cost: int, *, order: bool) -> Iterator[Meant]:
        for end, one, first_cost in self._groups_of(table, at):
            for joint, _ in self.phrase(end, ("and", "to", "than", "exceed", "versus", "vs", "compared to",
                "and that of", "than that of", "exceed that of", "and the", "than in", "than for", "and of",
                "than the")):  # fmt: skip
                for last, other, more in self._groups_of(table, joint):
                    same_field = (one.path, one.filter.column) == (other.path, other.filter.column)
                    if not same_field or one == other:
                        continue
                    if last != self.size:
                        continue
                    left, right = replace(calc, where=(one,)), replace(calc, where=(other,))
                    yield Meant(Query(table, (Pair(operator, left, right),)), cost + first_cost + more)  # type: ignore[arg-type]

    def _how_much_more(self, at: int) -> Iterator[Meant]:
        """ "How many more web orders than store orders", "how much larger is the population of X than that of Y"."""
        for start, word in self.phrase(at, tuple(f"how many {w}" for w in ("more", "fewer"))):
            for first in self.nouns(start):
                for middle in self.skip(first.end, ("are there", "do we have", "were there")):
                    for joint, _ in self.phrase(middle, ("than",)):
                        for second in self.nouns(joint):
                            ended = self.size in self.skip(second.end, ("are there", "were there", "do we have"))
                            if second.table == first.table and first.where and second.where and ended:
                                one, other = Calc("count", where=first.where), Calc("count", where=second.where)
                                pair = Pair("-", one, other) if word.endswith("more") else Pair("-", other, one)
                                yield Meant(Query(first.table, (pair,)), first.cost + second.cost)
        for start, word in self.phrase(at, tuple(f"{how} {w} {is_} the" for how in ("how much",
            "by how much") for w in (*_MORE, *_LESS) for is_ in ("is", "was"))):  # fmt: skip
            less = any(f" {w} " in f" {word} " for w in _LESS)
            yield from self._compared(start, less)
        for start, _ in self.phrase(at, ("by how much does the", "by how much did the", "how much does the")):
            yield from self._compared(start, False)

    def _compared(self, at: int, less: bool) -> Iterator[Meant]:
        for end, measure, cost in self.measured(at):
            for of, _ in self.phrase(end, ("of", "for", "in", "of the", "in the")):
                for meant in self._two_groups(measure.table, measure.calc, of, "-", cost, order=True):
                    yield _turned(meant) if less else meant
        for end, table, column, cost in self.columns(at):
            if column.kind == "number" and column.switch is None:
                for of, _ in self.phrase(end, ("of", "for", "in", "of the", "in the")):
                    for meant in self._two_groups(table, Calc("max", Field(column.name)), of, "-", cost, order=True):
                        if self._one_row_each(meant.query):
                            yield _turned(meant) if less else meant

    def _one_row_each(self, query: Query) -> bool:
        """Whether each group is a single row, so that no function was needed."""
        pair = query.select[0]
        test = pair.left.where[0] if isinstance(pair, Pair) else None
        if not isinstance(test, Test) or test.path:
            return False
        table = self.graph.tables[query.root]
        return table.unique(table.column(test.filter.column)) is True

    # --- numbers of groups ------------------------------------------------------------------------------

    def _of_groups(self, at: int, given: Mods) -> Iterator[Meant]:
        """ "The average number of pets per student": a function over groups."""
        for start, word in self.phrase(at, ("average number of", "the average number of", "mean number of",
            "maximum number of", "highest number of", "minimum number of", "median number of",
            "largest number of", "the maximum number of", "the median number of")):  # fmt: skip
            function = lexicon.AGGREGATES.get(word.removeprefix("the ").split()[0])
            if function is None:
                continue
            for end, measure, cost in self.counted(start):
                if measure.calc.function != "count":
                    continue
                for table, mods in self._tails(measure.table, end):
                    total = given + mods
                    if len(total.dims) == 1 and not (total.rank or total.sort or total.having):
                        for meant in self._grouped(table, (measure,), total + Mods(cost=cost), ()):
                            yield replace(meant, query=replace(meant.query, outer=function))

    def _duplicates(self, at: int) -> Iterator[Meant]:
        for start, word in self.phrase(at, ("how many duplicate", "how many duplicated", "number of duplicate",
            "number of duplicated", "duplicate", "duplicated", "the duplicate", "the duplicated",
            "which duplicate", "show duplicate", "repeated", "the repeated")):  # fmt: skip
            count = word.startswith(("how", "number"))
            for end, table, column, cost in self.columns(start):
                for last in self.skip(end, ("values", "value")):
                    for tail in {last, *self._often(last)}:
                        for named, mods in self._tails(table, tail):
                            if named != table or mods.dims or mods.rank or mods.sort or mods.having:
                                continue
                            field = Field(column.name)
                            having = (Having(Calc("count"), ">", 1),)
                            where = (*mods.where, *((Test(_present(column)),) if column.nulls else ()))
                            select = (field,) if count else (field, Calc("count"))
                            query = Query(
                                table,
                                select,
                                where=where,
                                group=(field,),
                                having=having,
                                outer="count" if count else "",
                            )
                            yield Meant(query, cost + mods.cost)

    def _often(self, at: int) -> Iterator[int]:
        for end, _ in self.phrase(at, ("and how often they occur", "and how often they appear",
            "and how often each occurs", "and their counts", "and the number of times they occur",
            "and how many times they occur", "with their counts")):  # fmt: skip
            yield end


def _fixed(where: tuple[Condition, ...]) -> set[tuple[object, str]]:
    """The columns that must equal one value."""
    tests = (c for c in where if isinstance(c, Test))
    return {(t.path, t.filter.column) for t in tests if t.filter.operator == "=" and not t.filter.part}


def _present(column: Column) -> Filter:
    return Filter(column.name, "not null")


def _turned(meant: Meant) -> Meant:
    pair = meant.query.select[0]
    if not isinstance(pair, Pair):
        return meant
    return replace(meant, query=replace(meant.query, select=(Pair(pair.operator, pair.right, pair.left),)))
