"""Conditions on the rows that a noun speaks of, also against an average or another column.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from . import lexicon, relations
from .nouns import Nouns
from .plan import Comparator, Filter
from .query import (
    Against,
    Condition,
    Field,
    Test,
    Versus,
)
from .schema import Column

MOST_DEPTH: Final = 2


_SMALLER: Final = ("fewer", "less", "lower", "smaller", "shorter", "cheaper", "lighter")
_GREATER: Final = tuple(
    f"{a}{word}"
    for a in ("", "a ")
    for word in ("higher", "larger", "greater", "bigger", "longer", "heavier", "more", *_SMALLER)
)
_EARLIER_LATER: Final[dict[str, Comparator]] = {"later than": ">", "after": ">", "earlier than": "<", "before": "<"}


class Comparing(Nouns):
    """Rules for conditions on rows and on what they refer to."""

    def conditions(self, table: str, at: int, depth: int) -> list[tuple[int, tuple[Condition, ...], int]]:
        return self._once(("conditions", table, at, depth), lambda: self._conditions(table, at, depth))  # type: ignore[return-value]

    def _conditions(self, table: str, at: int, depth: int) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        for path, name in self.graph.ups(table):
            for end, filters, cost in self._simple(name, at):
                if path and (self._adjective_at(at, end) or any(self.norm(i) == "to" for i in range(at, end))):
                    continue
                doubt = self._roles(path) + self._apposed(name, at, end, filters)
                yield end, tuple(Test(f, path) for f in filters), cost + 2 * len(path) + doubt
        yield from self._with_verb(table, at)
        yield from self._versus(table, at)
        yield from self._against(table, at)
        yield from self._text_of_name(table, at)
        if depth < MOST_DEPTH:
            yield from self._related(table, at, depth)

    def _with_verb(self, table: str, at: int) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        """ "Channels that use the English language": a verb before a value whose column is said too."""
        for start, lead in relations.leads(self, at):
            if not lead.verb or lead.preposition or lead.negated:
                continue
            for article in self.articles(start):
                for end, filters, cost in self._simple(table, article):
                    said = any(
                        link.end == end for at_ in range(article, end) for link in self.scopes[table].link.columns(at_)
                    )
                    if said and len(filters) == 1 and filters[0].operator == "=" and end > article + 1:
                        yield end, (Test(filters[0]),), cost + 1

    def _simple(self, name: str, at: int) -> list[tuple[int, tuple[Filter, ...], int]]:
        def found() -> Iterator[tuple[int, tuple[Filter, ...], int]]:
            for end, meaning in self.scopes[name].condition(at):
                if end > at and meaning.filters and not meaning.dimensions:
                    yield end, meaning.filters, meaning.cost

        return self._once(("simple", name, at), found)  # type: ignore[return-value]

    def _apposed(self, name: str, at: int, end: int, filters: tuple[Filter, ...]) -> int:
        """A bare value after a noun names it, where a name holds it: "airline JetBlue"."""
        bare = (
            len(filters) == 1
            and filters[0].operator == "="
            and any(link.end == end for link in self.scopes[name].link.values(at))
        )
        return int(
            bare
            and all(c.name != filters[0].column for c in self.scopes[name].labels())
            and (name, filters[0].column) not in self.labels(name)
        )

    def _adjective_at(self, at: int, end: int) -> bool:
        """ "Older than 20" is about the rows themselves, not about what they refer to."""
        return any(
            True for place in range(at, end) for _ in self.phrase(place, (*lexicon.COMPARATIVES, *lexicon.VERB_COLUMNS))
        )

    def _versus(self, table: str, at: int) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        """ "Whose age is above the average", "older than the average", "above average price"."""
        scope = self.scopes[table]
        if self._after_value(table, at):
            return  # "kestrels heavier than the average": of all birds, or of kestrels?
        for start in relations.fillers(self, at):
            named: list[tuple[int, Column, int, Comparator]] = []
            for end, column, cost in scope.numbers(start):
                for verb in self.skip(end, ("is", "are", "was", "were", "that is", "which is")):
                    named += [
                        (last, column, cost, lexicon.COMPARISONS[word])
                        for last, word in self.phrase(verb, lexicon.COMPARISONS)
                    ]
            for end, word in self.phrase(start, lexicon.COMPARATIVES):
                operator, names = lexicon.COMPARATIVES[word]
                named += [(end, column, 1, operator) for column in scope.columns_called(names)]
            for end, word in self.phrase(start, lexicon.VERB_COLUMNS):
                for column in scope.columns_called(lexicon.VERB_COLUMNS[word]):
                    named += [(e, column, 1, lexicon.COMPARISONS[w]) for e, w in self.phrase(end, lexicon.COMPARISONS)]
            for end, column, cost, operator in named:
                for article in self.articles(end):
                    for last, word in self.phrase(article, lexicon.AGGREGATES):
                        function = lexicon.AGGREGATES[word]
                        if function == "sum" or operator in ("=", "<>"):
                            continue
                        for final, where, more in self._same_again(table, last, column):
                            yield final, (Versus(Field(column.name), operator, function, where),), cost + more
            for end, word in self.phrase(start, _GREATER):  # "a higher price than the average"
                operator = "<" if word.split()[-1] in _SMALLER else ">"
                for last, column, cost in scope.numbers(end):
                    for than, _ in self.phrase(last, ("than", "than the", "than that of the", "than the overall")):
                        for final, aggregate in self.phrase(than, ("average", "mean", "median")):
                            function = "median" if aggregate == "median" else "mean"
                            for closing, where, more in self._same_again(table, final, column):
                                yield closing, (Versus(Field(column.name), operator, function, where),), cost + more
            # "above average age", "a higher than average salary"
            for end, word in self.phrase(start, ("above", "over", "more than", "higher than", "greater than",
                "below", "under", "less than", "lower than")):  # fmt: skip
                for article in self.articles(end):
                    for last, aggregate in self.phrase(article, ("average", "mean", "median", "the average")):
                        for final, column, cost in scope.numbers(last):
                            operator = lexicon.COMPARISONS[word]
                            function = "median" if aggregate == "median" else "mean"
                            yield final, (Versus(Field(column.name), operator, function),), cost

    def _after_value(self, table: str, at: int) -> bool:
        """Whether only a value before ``at`` says which rows are meant."""
        places = range(max(0, at - 4), at)
        if any(noun.end == at and noun.table == table for place in places for noun in self.nouns(place)):
            return False
        return any(noun.end == at and noun.table == table for place in places for noun in self.value_nouns(place))

    def _same_again(self, table: str, at: int, column: Column) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        """After "the average": the column again, "of all …" or nothing."""
        ends = [at]
        for start in self.skip(at, ("of", "of the", "of all", "for all", "for")):
            for end, other, _ in self.scopes[table].named(start):
                if other.name == column.name:
                    ends.append(end)
            ends += [end for name, end, _ in self.entities(start) if name == table and start == at]
        for end in ends:
            yield end, (), 0
            for start, _ in self.phrase(end, ("of", "of all", "of the", "among", "among all", "for all",
                "across all", "of all the")):  # fmt: skip
                for noun in self.nouns(start):
                    if noun.table == table:
                        yield noun.end, noun.where, noun.cost

    def _text_of_name(self, table: str, at: int) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        """ "Products that contain the word chair": the name does."""
        label = self.labels(table)
        keys = self.graph.key(table)
        if len(label) == 1 and label[0][1] not in keys and self.graph.tables[table].column(label[0][1]).kind == "text":
            for start in self.skip(at, ("that", "which", "whose name", "that do", "who")):
                for end, filter_ in self.text_test(start, label[0][1]):
                    yield end, (Test(filter_),), 2

    def text_test(self, at: int, column: str) -> Iterator[tuple[int, Filter]]:
        for start, word in self.phrase(at, lexicon.TEXT_TESTS):
            for text in self.skip(
                start,
                ("the letter", "the word", "the letters", "the text", "the string", "the substring", "the phrase"),
            ):
                if text < self.size and self.tokens[text].kind in ("quoted", "word", "number"):
                    token = self.tokens[text]
                    yield text + 1, Filter(column, lexicon.TEXT_TESTS[word], (token.text,), fold=token.kind != "quoted")

    def _against(self, table: str, at: int) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        """ "More away goals than home goals", "arrival delay greater than departure delay"."""
        scope = self.scopes[table]
        for start in relations.fillers(self, at):
            for end, word in self.phrase(
                start,
                (
                    "more",
                    "fewer",
                    "less",
                    "a higher",
                    "a lower",
                    "a greater",
                    "higher",
                    "greater",
                    "lower",
                    "larger",
                    "a larger",
                    "a smaller",
                ),
            ):
                operator: Comparator = "<" if word.split()[-1] in ("fewer", "less", "lower", "smaller") else ">"
                for last, column, cost in scope.numbers(end):
                    for than, _ in self.phrase(last, ("than", "than the", "than its", "than their")):
                        for final, other, more in scope.numbers(than):
                            if other.name != column.name:
                                yield final, (Against(Field(column.name), operator, Field(other.name)),), cost + more
                        for final, number in self.any.amount(than, column):
                            yield final, (Test(Filter(column.name, operator, (number,))),), cost
            for end, column, cost in scope.named(start):
                if column.kind not in ("number", "date"):
                    continue
                for verb in self.skip(end, ("is", "are", "was", "were", "that is")):
                    tests = [(e, lexicon.COMPARISONS[w]) for e, w in self.phrase(verb, lexicon.COMPARISONS)]
                    tests += [(e, _EARLIER_LATER[w]) for e, w in self.phrase(verb, _EARLIER_LATER)]
                    if verb < self.size and self.tokens[verb].kind == "operator":
                        tests.append((verb + 1, lexicon.SIGNS[self.norm(verb)]))
                    for last, test in tests:
                        for article in self.articles(last):
                            for final, other, more in scope.named(article):
                                if other.name != column.name and other.kind == column.kind:
                                    yield (
                                        final,
                                        (Against(Field(column.name), test, Field(other.name)),),
                                        cost + more,
                                    )

    def _related(self, table: str, at: int, depth: int) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        """Conditions over references; see ``ties``."""
        raise NotImplementedError
