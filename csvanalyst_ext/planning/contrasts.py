"""Questions that set two numbers against each other: differences, ratios, correlation.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from . import lexicon
from .counting import fits
from .queries import Meant
from .query import (
    Calc,
    Field,
    Pair,
    Query,
    Test,
)
from .shares import Shares
from .spoken import Mods

_MORE: Final = ("more", "higher", "larger", "greater", "bigger", "longer", "older", "heavier", "taller")
_LESS: Final = ("less", "fewer", "lower", "smaller", "shorter", "younger", "lighter")


_WERE_THERE: Final = ("were there", "are there", "did we have", "do we have", "did we get", "were", "are")
_CORRELATION: Final = tuple(
    f"{the}{word} {of}".strip()
    for the in ("", "the ", "pearson ", "is there a ", "is there any ")
    for word in ("correlation", "correlation coefficient", "relationship")
    for of in ("between", "of", "between the")
    if (word, of) != ("relationship", "of")
)
_IS_IT: Final = (
    "is", "are", "does", "do", "how does", "how do", "how strongly does", "how strongly do", "how is",
    "how strongly is",
    "how strongly are", "how correlated is", "how well does",
)  # fmt: skip
_CORRELATED_WITH: Final = tuple(
    f"{word} {to}{the}" for word in ("correlated", "correlate", "correlates", "related") for to in ("with", "to")
    for the in ("", " the")
)  # fmt: skip
_WITH: Final = ("and", "with", "and the", "and their")


class Contrasts(Shares):
    """The forms of ``shares``, and these."""

    def special(self, at: int, given: Mods) -> Iterator[Meant]:
        yield from super().special(at, given)
        yield from self._correlation(at)
        yield from self._difference(at)
        yield from self._ratio_of_values(at)
        yield from self._how_many_more(at)
        yield from self._how_much_more(at)
        yield from self._of_groups(at, given)

    # --- correlation -------------------------------------------------------------------------------

    def _correlation(self, at: int) -> Iterator[Meant]:
        for start, _ in self.phrase(at, _CORRELATION):
            yield from self._two_columns(start, _WITH, ())
        for start, _ in self.phrase(at, ("how strongly correlated are", "how correlated are")):
            yield from self._two_columns(start, _WITH, ())
        for start, _ in self.phrase(at, _IS_IT):
            yield from self._two_columns(start, _CORRELATED_WITH, ())
            yield from self._two_columns(start, _WITH, ("correlated", "related", "linked", "correlate"))

    def _two_columns(self, at: int, joints: tuple[str, ...], ends: tuple[str, ...]) -> Iterator[Meant]:
        """Two number columns of one table, joined by ``joints`` and followed by one of ``ends``, if there are any."""
        for article in self.articles(at):
            for end, table, one, cost in self.columns(article):
                for joint, _ in self.phrase(end, joints):
                    for last, other_table, other, more in self.columns(joint):
                        if other_table != table or not one.kind == other.kind == "number" or one.name == other.name:
                            continue
                        for final in (e for e, _ in self.phrase(last, ends)) if ends else (last,):
                            for named, mods in self._tails(table, final):
                                if named == table and not (mods.dims or mods.rank or mods.sort or mods.having):
                                    calc = Calc("correlation", Field(one.name), other=Field(other.name))
                                    yield Meant(Query(table, (calc,), where=mods.where), cost + more + mods.cost)

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

    def _ratio_of_values(self, at: int) -> Iterator[Meant]:
        """ "Ratio of delivered to lost shipments": two values of one column before the noun."""
        for start, _ in self.phrase(at, ("ratio of", "the ratio of", "ratio between", "the ratio between")):
            for table in self.scopes:
                for first, one in self._adjectives(table, start):
                    for joint, _ in self.phrase(first, ("to", "and", "versus", "vs", "over")):
                        for end, other in self._adjectives(table, joint):  # "men to women"
                            if end == self.size and other != one and other.filter.column == one.filter.column:
                                pair = Pair("/", Calc("count", where=(one,)), Calc("count", where=(other,)))
                                yield Meant(Query(table, (pair,)), 2)
                        for noun in self.nouns(joint):
                            if noun.table != table or len(noun.where) != 1 or not isinstance(noun.where[0], Test):
                                continue
                            other = noun.where[0]
                            if other.path or other.filter.column != one.filter.column or other == one:
                                continue
                            for end, mods in self.mods(table, noun.end, 1):
                                if end == self.size and not mods.rank:
                                    pair = Pair("/", Calc("count", where=(one,)), Calc("count", where=(other,)))
                                    yield Meant(Query(table, (pair,), where=mods.where), noun.cost + mods.cost)

    def _adjectives(self, table: str, at: int) -> Iterator[tuple[int, Test]]:
        for article in self.articles(at):
            for end, meaning in self.scopes[table].adjective(article):
                if len(meaning.filters) == 1 and meaning.filters[0].operator == "=":
                    yield end, Test(meaning.filters[0])

    def _how_many_more(self, at: int) -> Iterator[Meant]:
        """ "How many more orders were there in 2023 than in 2022"."""
        for start, word in self.phrase(at, tuple(f"how many {w}" for w in ("more", "fewer", "less"))):
            for noun in self.nouns(start):
                for middle in self.skip(noun.end, _WERE_THERE):
                    for end, one, cost in self._alone(noun.table, middle):
                        for than, _ in self.phrase(end, ("than",)):
                            for last, other, more in self._alone(noun.table, than):
                                same_column = (one.path, one.filter.column) == (other.path, other.filter.column)
                                if last == self.size and same_column and one != other:
                                    first, second = (Calc("count", where=(*noun.where, test)) for test in (one, other))
                                    pair = Pair("-", first, second)
                                    meant = Meant(Query(noun.table, (pair,)), noun.cost + cost + more)
                                    yield meant if word.endswith("more") else _turned(meant)

    def _alone(self, table: str, at: int) -> Iterator[tuple[int, Test, int]]:
        """One condition that fixes one value."""
        for end, where, cost in self.conditions(table, at, 1):
            if len(where) == 1 and isinstance(where[0], Test) and where[0].filter.operator == "=":
                yield end, where[0], cost

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


def _turned(meant: Meant) -> Meant:
    pair = meant.query.select[0]
    if not isinstance(pair, Pair):
        return meant
    return replace(meant, query=replace(meant.query, select=(Pair(pair.operator, pair.right, pair.left),)))
