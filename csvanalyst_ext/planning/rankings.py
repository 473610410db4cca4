"""Questions for first places: "which carrier has the most flights", "top 5 cities by population".  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from . import lexicon
from .counting import fits
from .naming import core
from .parts import Meaning
from .plan import Dimension, Measure, Order, Plan
from .schema import Column
from .sentences import NOTHING, Reading, Sentences, ask_how_many, without_fixed_year
from .words import is_plural, surely_plural

_WHEN: Final = tuple(f"{preposition} {which}" for preposition in ("in", "on", "at") for which in ("which", "what"))


@dataclass(frozen=True, slots=True)
class _Ranking:
    """What decides the first place: rows of a column, or a measure of groups.  ``bare`` says that the
    question named no function for a number column ("by sales", "the most sales")."""

    column: Column | None = None
    measure: Measure | None = None
    bare: bool = False
    adjective: bool = False
    meaning: Meaning = NOTHING


class Rankings(Sentences):
    """Rules for first places."""

    def superlative(self, at: int, given: Meaning) -> Iterator[Reading]:
        """ "Which carrier has the highest average delay", "the city with the most customers"."""
        which = [(end, True) for end, _ in self.phrase(at, ("which", "what", "which of the", *_WHEN))]
        for start, asked in [*which, (at, False)]:
            for article in self.articles(start):
                yield from self._ranked_subject(article, given, asked)
        for start, _ in self.phrase(at, ("who",)):
            people = self.people()
            for end, plural in self._has(start):
                for column in people:
                    yield from self._ranked_by(end, given, (Dimension(column.name),), 0, 1, plural is True)
            for end, _ in self.phrase(start, ("is", "was", "is the", "was the")):
                for column in people:
                    yield from self._adjective_of_rows(end, given, (column,), 0)
                    yield from self._adjective_after(end, given, (Dimension(column.name),), 0)
        # "the name of the passenger with the highest fare", "the titles of the 5 movies with …"
        for end, columns, cost in self.column_list(at):
            for of, _ in self.phrase(end, ("of the", "of")):
                yield from self._adjective_of_rows(of, given, columns, cost, with_value=False)
                for spot, number in [(of, 1), *self.whole(of)]:
                    for rows, meaning in self.rows(spot):
                        for has, _ in self._has(rows):
                            for last, ranking, descending in self._ranking(has):
                                for rest in self.rest(last):
                                    total = given + meaning + rest + ranking.meaning
                                    many = surely_plural(self.norm(rows - 1)) and spot == of
                                    yield from self._first_rows(
                                        columns, ranking, descending, number, total, cost, many, with_value=False
                                    )

    def _ranked_subject(self, at: int, given: Meaning, asked: bool) -> Iterator[Reading]:
        for start, number in [(at, 0), *self.whole(at)]:
            for end, dimensions, cost in self.grouped(start):
                plural = surely_plural(self.norm(end - 1)) and not number
                for has, verb_plural in self._has(end):
                    many = plural if verb_plural is None else (verb_plural and not number)
                    yield from self._ranked_by(has, given, dimensions, cost, number or 1, many)
                for inner, inside in self._inner(end):
                    for has, _ in self._has(inner) if not inside.rows else ():
                        yield from self._ranked_by(has, given + inside, dimensions, cost, number or 1, plural)
                for verb in self.skip(end, ("is", "was", "are", "were", "is the", "was the", "that")):
                    for last, word in self.phrase(verb, lexicon.COMMON):
                        yield from self._most_rows(
                            last, given, dimensions, cost, number or 1, lexicon.COMMON[word], plural
                        )
                    if self.makes_rows(self.norm(verb)):
                        for last, word in self.phrase(verb + 1, lexicon.OFTEN):
                            down = lexicon.OFTEN[word]
                            yield from self._most_rows(last, given, dimensions, cost, number or 1, down, plural)
                    for last, word in self.phrase(verb, lexicon.OCCURS_MOST):
                        down = lexicon.OCCURS_MOST[word]
                        yield from self._most_rows(last, given, dimensions, cost, number or 1, down, plural)
                    yield from self._adjective_after(verb, given, dimensions, cost)
            for end, meaning in self.plain_rows(start):
                for has, _ in self._has(end):
                    for last, ranking, descending in self._ranking(has):
                        for rest in self.rest(last):
                            total = given + meaning + rest + ranking.meaning
                            many = surely_plural(self.norm(end - 1)) and not number
                            yield from self._first_rows(self.labels(), ranking, descending, number or 1, total, 0, many)
            # "the most common carrier", "3 most common carriers"
            for end, word in self.phrase(start, lexicon.COMMON):
                for last, dimensions, cost in self.grouped(end):
                    many = surely_plural(self.norm(last - 1)) and not number
                    down = lexicon.COMMON[word]
                    yield from self._most_rows(last, given, dimensions, cost, number or 1, down, many)
            if asked or not number:
                yield from self._adjective_of_rows(start, given, self.labels(), 0)

    def _inner(self, at: int) -> Iterator[tuple[int, Meaning]]:
        """One condition between the subject and its verb: "which carrier in 2013 had …"."""
        for end, meaning in self.condition(at):
            if end > at + 1:
                yield end, meaning

    def _has(self, at: int) -> Iterator[tuple[int, bool | None]]:
        """The verb before a superlative; whether it says that the subject is plural."""
        for start in self.skip(at, ("that", "which", "who")):
            for end, word in self.phrase(start, ("has", "have", "had", "with", "having", "shows", "got", "gets",
            "have had", "were there", "was there", "are there", "did we have", "do we have",
                                                 "has had", "recorded", "received", "saw", "placed", "made",
                                                 "scored", "reported", "produced")):  # fmt: skip
                plural = {"has": False, "have": True}.get(word)
                for last in self.skip(end, ("the", "their", "its", "a")):
                    yield last, plural

    def _ranking(self, at: int) -> Iterator[tuple[int, _Ranking, bool]]:
        """ "highest fare", "lowest average fare", "most flights", "highest number of flights"."""
        for start in self.skip(at, ("the",)):
            for end, word in self.phrase(start, lexicon.SUPERLATIVES):
                descending = lexicon.SUPERLATIVES[word]
                for last, measure, meaning in self._any_measure(end):
                    yield last, _Ranking(measure=measure, meaning=meaning), descending
                for last, column, cost in self._value_of(end):
                    yield last, _Ranking(column, meaning=Meaning(cost=cost)), descending
            for end, word in self.phrase(start, lexicon.MOST):
                descending = lexicon.MOST[word]
                for number in self.skip(end, ("number of",)):
                    for counted in self.counted(number):
                        if counted.measure.function == "count" and not is_plural(self.norm(counted.end - 1)):
                            continue  # "the most electricity" is an amount, not a number of rows
                        yield counted.end, _Ranking(measure=counted.measure, meaning=counted.meaning), descending
                    rows = {last for last, _ in self.rows(number)}
                    for last, column, cost in self.numbers(number):
                        if last in rows:
                            continue  # "the most flights" is not the highest flight number
                        if fits("sum", column) and column.switch is None and not column.is_month and not column.is_day:
                            yield last, _Ranking(column, bare=True, meaning=Meaning(cost=cost)), descending

    def _value_of(self, at: int) -> Iterator[tuple[int, Column, int]]:
        for end, column, cost in (*self.numbers(at), *self._dates(at)):
            if column.switch is None:
                for last in self.skip(end, ("value", "values")):
                    yield last, column, cost

    def _dates(self, at: int) -> Iterator[tuple[int, Column, int]]:
        return (found for found in self.named(at) if found[1].kind == "date")

    def _any_measure(self, at: int) -> Iterator[tuple[int, Measure, Meaning]]:
        for end, measure, meaning in self.measure(at):
            if measure.function not in ("min", "max"):
                yield end, measure, meaning

    def _ranked_by(
        self, at: int, given: Meaning, dimensions: tuple[Dimension, ...], cost: int, number: int, many: bool
    ) -> Iterator[Reading]:
        for end, ranking, descending in self._ranking(at):
            for rest in self.rest(end):
                total = given + rest + ranking.meaning
                yield from self._first_groups(dimensions, ranking, descending, number, total, cost, many)

    def _most_rows(
        self,
        at: int,
        given: Meaning,
        dimensions: tuple[Dimension, ...],
        cost: int,
        number: int,
        descending: bool,
        many: bool,
    ) -> Iterator[Reading]:
        for rest in self.rest(at):
            ranking = _Ranking(measure=Measure("count"))
            yield from self._first_groups(dimensions, ranking, descending, number, given + rest, cost, many)

    def _first_groups(
        self,
        dimensions: tuple[Dimension, ...],
        ranking: _Ranking,
        descending: bool,
        number: int,
        meaning: Meaning,
        cost: int,
        many: bool = False,
    ) -> Iterator[Reading]:
        """The first places of a column's values."""
        if meaning.dimensions or meaning.order:
            return
        cost += meaning.cost
        meaning = without_fixed_year(replace(meaning, dimensions=dimensions))
        dimensions = meaning.dimensions
        dimension = dimensions[0]
        subject = self.table.column(dimension.column)
        measure, column = ranking.measure, ranking.column
        each = ""
        parts = len(dimensions) > 1 or dimension.part != ""
        additive = column is not None and column.pieces[-1] in lexicon.ADDITIVE
        single = not parts and self.table.unique(subject) is True
        if column is not None and column.name == subject.name:
            return
        if measure is None and column is not None and ranking.bare and additive and not single:
            measure = Measure("sum", column.name)
        if measure is not None and measure.column == subject.name:
            return
        if measure is not None:
            plan = Plan(
                self.table.name,
                dimensions=dimensions,
                measures=(measure,),
                filters=meaning.filters,
                order=Order(descending, measure=0),
                first=number,
            )
        elif column is not None and not parts:
            plan = Plan(
                self.table.name,
                select=(subject.name, column.name),
                filters=meaning.filters,
                order=Order(descending, column=column.name),
                first=number,
            )
            if not single and (ranking.bare or ranking.adjective or number > 1 or additive):
                each = subject.name
        else:
            return
        reading = Reading(plan, cost, one_row_each=each)
        yield ask_how_many(reading, subject.name) if many else reading

    def _first_rows(
        self,
        columns: Sequence[Column],
        ranking: _Ranking,
        descending: bool,
        number: int,
        meaning: Meaning,
        cost: int,
        many: bool = False,
        *,
        with_value: bool = True,
    ) -> Iterator[Reading]:
        """The first places among the rows themselves."""
        column = ranking.column
        if column is None or meaning.order or any(d.part or d.bucket for d in meaning.dimensions):
            return
        within = tuple(d.column for d in meaning.dimensions)
        if within and (column.name in within or any(self.table.unique(self.table.column(d)) is True for d in within)):
            return
        names = [*within, *(c.name for c in columns)] if columns else []
        if with_value and names:
            names.append(column.name)
        select = tuple(dict.fromkeys(names))
        order = Order(descending, column=column.name)
        plan = Plan(self.table.name, select=select, filters=meaning.filters, order=order, first=number)
        plan = replace(plan, within=within)
        reading = Reading(plan, cost + meaning.cost)
        yield ask_how_many(reading, "rows") if many and not within else reading

    def _adjective_of_rows(
        self, at: int, given: Meaning, columns: Sequence[Column], cost: int, *, with_value: bool = True
    ) -> Iterator[Reading]:
        """ "the oldest passenger", "3 cheapest products"."""
        for article in self.skip(at, ("the",)):
            for start, number in [(article, 0), *self.whole(article)]:
                for end, word in self.phrase(start, lexicon.ADJECTIVES):
                    bare = [(last, meaning + Meaning(cost=2)) for last, meaning in self.adjective(end)]
                    for last, meaning in (*self.rows(end), *bare):  # "the cheapest entire home"
                        many = surely_plural(self.norm(last - 1)) and not number
                        for column, descending in self._ranked_columns(word):
                            for rest in self.rest(last):
                                total = given + meaning + rest + Meaning(cost=1)
                                ranking = _Ranking(column)
                                yield from self._first_rows(
                                    columns, ranking, descending, number or 1, total, cost, many, with_value=with_value
                                )

    def _ranked_columns(self, adjective: str) -> list[tuple[Column, bool]]:
        """The columns that an adjective may speak of, and whether it means their highest value."""
        descending, names = lexicon.ADJECTIVES[adjective]
        found = [(column, descending) for column in self.columns_called(names)]
        if not found and adjective in lexicon.QUICK:
            times = [c for c in self.table.columns if c.kind == "number" and core(c)[-1] in ("time", "duration")]
            found = [(column, not descending) for column in times if len(times) == 1]
        if not found and adjective in lexicon.DATE_ONLY:
            dates = [column for column in self.table.columns if column.kind == "date"]
            found = [(column, descending) for column in dates if len(dates) == 1]
        return found

    def _adjective_after(
        self, at: int, given: Meaning, dimensions: tuple[Dimension, ...], cost: int
    ) -> Iterator[Reading]:
        """ "which product is the cheapest"."""
        for end, word in self.phrase(at, lexicon.ADJECTIVES):
            for column, descending in self._ranked_columns(word):
                for rest in self.rest(end):
                    total = given + rest + Meaning(cost=1)
                    yield from self._first_groups(
                        dimensions, _Ranking(column, adjective=True), descending, 1, total, cost
                    )

    def top(self, at: int, given: Meaning) -> Iterator[Reading]:
        """ "top 5 carriers by average delay", "the 3 highest fares", "5 largest cities by population"."""
        for start in self.articles(at):
            for middle, word in self.phrase(start, ("top", "bottom")):
                for subject, number in self.whole(middle):
                    yield from self._top_subject(subject, given, number, word == "top")
                    for end, common in self.phrase(subject, lexicon.COMMON):
                        for last, dimensions, cost in self.grouped(end):
                            down = lexicon.COMMON[common]
                            if word == "top":
                                yield from self._most_rows(last, given, dimensions, cost, number, down, False)
                    for end, superlative in self.phrase(subject, lexicon.SUPERLATIVES):
                        if word == "top" and lexicon.SUPERLATIVES[superlative]:
                            yield from self._top_values(end, given, number, True)
            for subject, number in self.whole(start):
                for end, word in self.phrase(subject, lexicon.SUPERLATIVES):
                    yield from self._top_subject(end, given, number, lexicon.SUPERLATIVES[word], values=True)
            for end, word in self.phrase(start, lexicon.SUPERLATIVES):
                for subject, number in self.whole(end):
                    yield from self._top_subject(subject, given, number, lexicon.SUPERLATIVES[word], values=True)

    def _top_values(self, at: int, given: Meaning, number: int, descending: bool) -> Iterator[Reading]:
        for last, column, cost in self._value_of(at):
            for rest in self.rest(last):
                ranking = _Ranking(column)
                yield from self._first_rows((column,), ranking, descending, number, given + rest, cost)

    def _top_subject(
        self, at: int, given: Meaning, number: int, descending: bool, values: bool = False
    ) -> Iterator[Reading]:
        if values:
            yield from self._top_values(at, given, number, descending)
        for end, dimensions, cost in self.grouped(at):
            for inner, inside in [(end, NOTHING), *self._inner(end)]:
                for last, ranking in self._by(inner):
                    for rest in self.rest(last):
                        total = given + inside + rest + ranking.meaning
                        yield from self._first_groups(dimensions, ranking, descending, number, total, cost)
                for has, _ in self._has(inner) if not values else ():
                    for last, ranking, down in self._ranking(has):
                        if down == descending or not descending:
                            for rest in self.rest(last):
                                total = given + inside + rest + ranking.meaning
                                yield from self._first_groups(dimensions, ranking, down, number, total, cost)
        for end, meaning in self.plain_rows(at):
            for inner, inside in [(end, NOTHING), *self._inner(end)]:
                for last, ranking in self._by(inner):
                    for rest in self.rest(last):
                        total = given + meaning + inside + rest + ranking.meaning
                        yield from self._first_rows(self.labels(), ranking, descending, number, total, 0)

    def _by(self, at: int) -> Iterator[tuple[int, _Ranking]]:
        for start, _ in self.phrase(at, lexicon.RANKED_BY):
            for article in self.articles(start):
                for end, measure, meaning in self.measure(article):
                    yield end, _Ranking(measure=measure, meaning=meaning)
                for end, meaning in self.rows(article):
                    yield end, _Ranking(measure=Measure("count"), meaning=meaning)
                for end, _ in self.phrase(article, ("count", "row count", "frequency", "number")):
                    yield end, _Ranking(measure=Measure("count"))
                for end, column, cost in (*self.numbers(article), *self._dates(article)):
                    if column.switch is None:
                        yield end, _Ranking(column, bare=column.kind == "number", meaning=Meaning(cost=cost))
