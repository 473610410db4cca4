"""The forms of questions that are understood.  Pure.

Each form yields readings; a reading accounts for every word of the question.  What has the same cost
and another plan is an ambiguity, and the caller asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from . import lexicon
from .conditions import Conditions, Lead
from .parts import Meaning, fits
from .plan import Dimension, Filter, Function, Measure, Order, Plan
from .schema import Column
from .words import is_plural

MAX_SELECT: Final = 6
_NONE: Final = Meaning()


@dataclass(frozen=True, slots=True)
class Reading:
    """A plan for the whole question, and what must hold for it.

    ``one_row_each``: the answer is only right if no two of the rows that pass the filters share a
    value of this column.  ``one_row``: the question speaks of a single row.  ``ask``: the question is understood
    but open; then the plan is not to be run.
    """

    plan: Plan
    cost: int
    one_row_each: str = ""
    one_row: bool = False
    ask: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Ranking:
    """What decides the first place: rows of a column, or a measure of groups.  ``bare`` says that the
    question named no function for a number column ("by sales", "the most sales")."""

    column: Column | None = None
    measure: Measure | None = None
    bare: bool = False
    meaning: Meaning = _NONE


class Questions(Conditions):
    """All forms, for one question and one table."""

    def readings(self) -> Iterator[Reading]:
        for start in self._openings(0):
            yield from self._core(start, _NONE)
        # "For each carrier, what is the average delay?"
        for start, _ in self.phrase(0, lexicon.GROUPING):
            for end, dimensions, cost in self.dimensions(start):
                after = self.one_of(end, ",") or end
                for opening in self._openings(after):
                    yield from self._core(opening, Meaning(dimensions=dimensions, cost=cost))
        # "In 2013, how many …", "Among women, what is …"
        for end, meaning in self.condition(0):
            if (after_comma := self.one_of(end, ",")) is not None and end > 1:
                for opening in self._openings(after_comma):
                    yield from self._core(opening, meaning)

    def _openings(self, at: int) -> Iterator[int]:
        yield at
        for end, _ in self.phrase(at, lexicon.OPENINGS):
            yield from self._openings(end)

    def _core(self, at: int, given: Meaning) -> Iterator[Reading]:
        yield from self._counting(at, given)
        yield from self._measuring(at, given)
        if given.dimensions:
            return
        yield from self._superlative(at, given)
        yield from self._top(at, given)
        yield from self._listing(at, given)
        yield from self._looking_up(at, given)

    # --- the rest of the sentence -----------------------------------------------------------------

    def rest(self, at: int, depth: int = 0) -> Iterator[Meaning]:
        """Everything from ``at`` to the end: conditions, groups, an order, and words that say nothing."""
        if at == self.size:
            yield _NONE
            return
        if depth > 6:
            return
        for end, _ in self.phrase(at, lexicon.TAILS):
            yield from self.rest(end, depth + 1)
        for start in self.skip(at, ("and", ",", ", and", "but")):
            for end, meaning in self._modifier(start):
                for more in self.rest(end, depth + 1):
                    if meaning.dimensions and more.dimensions:
                        continue
                    yield meaning + more

    def _modifier(self, at: int) -> Iterator[tuple[int, Meaning]]:
        yield from self.condition(at)
        yield from self._group(at)
        yield from self._mention(at)
        for start, _ in self.phrase(at, lexicon.SORTED_BY):
            for article in self.articles(start):
                for end, column, cost in self.named(article):
                    yield end, Meaning(order=(column.name, False), cost=cost)
                    for last, word in self.phrase(end, lexicon.DESCENDING):
                        yield last, Meaning(order=(column.name, lexicon.DESCENDING[word]), cost=cost)

    def _group(self, at: int) -> Iterator[tuple[int, Meaning]]:
        for lead, state in self.leads(at, Lead()):
            if state.preposition or state.negated or state.places or state.dated or state.have:
                continue
            for start, word in self.phrase(lead, lexicon.GROUPING):
                for end, dimensions, cost in self.dimensions(start):
                    column = self.table.column(dimensions[0].column)
                    opposite = {"from each": "to", "to each": "from"}.get(word)
                    if opposite is None or not set(column.pieces) & lexicon.DIRECTIONS[opposite]:
                        yield end, Meaning(dimensions=dimensions, cost=cost)
        for verb_column in self._dated_by(self.norm(at)) if self.norm(at) else ():
            yield from self._dated_group(at + 1, verb_column)
        if self.norm(at) in lexicon.COPULAS and self.norm(at + 1):
            for verb_column in self._dated_by(self.norm(at + 1)):
                yield from self._dated_group(at + 2, verb_column)
        for start, _ in self.phrase(at, lexicon.DOES_EACH):
            for end, dimensions, cost in self.dimensions(start):
                for last in self.skip(end, ("have", "has", "had", "make", "made", "get", "got", "contain", "include")):
                    yield last, Meaning(dimensions=dimensions, cost=cost)

    def _dated_group(self, at: int, column: Column) -> Iterator[tuple[int, Meaning]]:
        """ "hired per year", "released each month"."""
        for start, _ in self.phrase(at, lexicon.GROUPING):
            for end, word in self.phrase(start, lexicon.TIME_PARTS):
                if column.kind == "date":
                    for part in self._time_parts(word, column):
                        yield end, Meaning(dimensions=(Dimension(column.name, part),))
                elif column.is_year and word == "year":
                    yield end, Meaning(dimensions=(Dimension(column.name),))

    def _mention(self, at: int) -> Iterator[tuple[int, Meaning]]:
        """The table itself, or its rows without any condition: "of all flights", "in the data set"."""
        for start, lead in self.leads(at, Lead()):
            if lead.negated or lead.places or lead.dated:
                continue
            if not lead.preposition:
                if start == self.size and start > at and not lead.relative:
                    yield start, _NONE  # "… are there", "… do exist"
                continue
            if lead.preposition in ("of", "for", "in", "from", "among", "across", "within", "on"):
                for end, _ in self.phrase(start, lexicon.DATA):
                    yield end, _NONE
                for this in self.skip(start, ("this", "my")):
                    for end, _ in self.phrase(this, lexicon.DATA):
                        yield end, _NONE
                for end in self.link.table_name(start):
                    for last in self.skip(end, lexicon.DATA):
                        yield last, _NONE
                for end, cost in self.link.entity(start):
                    yield end, Meaning(cost=cost, rows=lead.preposition in ("of", "for"))
                    for last, _ in self.phrase(end, lexicon.DATA):
                        yield last, Meaning(cost=cost)

    # --- how many, how much -------------------------------------------------------------------------

    def _counting(self, at: int, given: Meaning) -> Iterator[Reading]:
        for start, _ in self.phrase(at, lexicon.HOW_MANY):
            for end, measure, meaning in self.counted(start):
                for rest in self.rest(end):
                    yield from self._grouped((measure,), given + meaning + rest)
            yield from self._open_count(start, given)

    def _open_count(self, at: int, given: Meaning) -> Iterator[Reading]:
        """ "How many seats": the sum of a number column, or how many different numbers?"""
        for end, column, cost in self.named(at):
            known = self.link.entity(at) or column.switch is not None or column.pieces[-1] == "id"
            if column.kind == "number" and not known and not (column.is_year or column.is_month or column.is_day):
                for rest in self.rest(end):
                    choices = (f"total {column.name}", f"number of different {column.name}", f"average {column.name}")
                    for reading in self._grouped((Measure("sum", column.name),), given + rest):
                        question = f'"How many {column.name}" can mean several things. Which do you mean?'
                        yield replace(reading, cost=reading.cost + cost, ask=question, choices=choices)

    def _measuring(self, at: int, given: Meaning) -> Iterator[Reading]:
        for end, measures, meaning in self.measures(at):
            for rest in self.rest(end):
                yield from self._grouped(measures, given + meaning + rest)
        # "flights per carrier"
        for end, meaning in self.rows(at):
            for rest in self.rest(end):
                if rest.dimensions or given.dimensions:
                    yield from self._grouped((Measure("count"),), given + meaning + rest)

    def _grouped(self, measures: Sequence[Measure], meaning: Meaning) -> Iterator[Reading]:
        if len(set(meaning.dimensions)) != len(meaning.dimensions):
            return
        if any(m.column == d.column and not d.part for m in measures for d in meaning.dimensions):
            return
        order = None
        if meaning.order is not None:
            column, descending = meaning.order
            if meaning.dimensions[:1] != (Dimension(column),) or descending:
                return
        plan = Plan(
            self.table.name,
            dimensions=meaning.dimensions,
            measures=tuple(measures),
            filters=meaning.filters,
            order=order,
        )
        reading = Reading(plan, meaning.cost)
        if [m.function for m in measures] == ["count distinct"] and not meaning.dimensions:
            reading = self._maybe_sum(reading, self.table.column(measures[0].column))
        yield reading

    # --- first places -------------------------------------------------------------------------------

    def _superlative(self, at: int, given: Meaning) -> Iterator[Reading]:
        """ "Which carrier has the highest average delay", "the city with the most customers"."""
        which = [(end, True) for end, _ in self.phrase(at, ("which", "what", "which of the"))]
        for start, asked in [*which, (at, False)]:
            for article in self.articles(start):
                yield from self._ranked_subject(article, given, asked)
        for start, _ in self.phrase(at, ("who",)):
            people = self._people()
            for end, plural in self._has(start):
                for column in people:
                    yield from self._ranked_by(end, given, Dimension(column.name), 0, 1, plural is True)
            for end, _ in self.phrase(start, ("is", "was", "is the", "was the")):
                for column in people:
                    yield from self._adjective_of_rows(end, given, (column,), 0)
                    yield from self._adjective_after(end, given, Dimension(column.name), 0)
        # "the name of the passenger with the highest fare", "the name of the oldest passenger"
        for end, columns, cost in self.column_list(at):
            for of, _ in self.phrase(end, ("of the", "of")):
                yield from self._adjective_of_rows(of, given, columns, cost, with_value=False)
                for rows, meaning in self.rows(of):
                    for has, _ in self._has(rows):
                        for last, ranking, descending in self._ranking(has):
                            for rest in self.rest(last):
                                total = given + meaning + rest + ranking.meaning
                                yield from self._first_rows(
                                    columns, ranking, descending, 1, total, cost, with_value=False
                                )

    def _ranked_subject(self, at: int, given: Meaning, asked: bool) -> Iterator[Reading]:
        for start, number in [(at, 0), *self.whole(at)]:
            for end, dimension, cost in self.grouped(start):
                plural = is_plural(self.norm(end - 1)) and not number
                for has, verb_plural in self._between(end):
                    many = plural if verb_plural is None else (verb_plural and not number)
                    yield from self._ranked_by(has, given, dimension, cost, number or 1, many)
                for inner, inside in self._inner(end):
                    for has, _ in self._has(inner):
                        yield from self._ranked_by(has, given + inside, dimension, cost, number or 1, plural)
                for verb in self.skip(end, ("is", "was", "are", "were", "is the", "was the", "that")):
                    for last, word in self.phrase(verb, lexicon.COMMON):
                        yield from self._most_rows(last, given, dimension, cost, number or 1, lexicon.COMMON[word], plural)
                    for last, word in self.phrase(verb, lexicon.OCCURS_MOST):
                        down = lexicon.OCCURS_MOST[word]
                        yield from self._most_rows(last, given, dimension, cost, number or 1, down, plural)
                    yield from self._adjective_after(verb, given, dimension, cost)
            for end, meaning in self.rows(start):
                for has, _ in self._has(end):
                    for last, ranking, descending in self._ranking(has):
                        for rest in self.rest(last):
                            total = given + meaning + rest + ranking.meaning
                            many = is_plural(self.norm(end - 1)) and not number
                            yield from self._first_rows(self.labels(), ranking, descending, number or 1, total, 0, many)
            # "the most common carrier", "3 most common carriers"
            for end, word in self.phrase(start, lexicon.COMMON):
                for last, dimension, cost in self.grouped(end):
                    many = is_plural(self.norm(last - 1)) and not number
                    down = lexicon.COMMON[word]
                    yield from self._most_rows(last, given, dimension, cost, number or 1, down, many)
            if asked or not number:
                yield from self._adjective_of_rows(start, given, self.labels(), 0)

    def _between(self, at: int) -> Iterator[tuple[int, bool | None]]:
        yield from self._has(at)

    def _inner(self, at: int) -> Iterator[tuple[int, Meaning]]:
        """One condition between the subject and its verb: "which carrier in 2013 had …"."""
        for end, meaning in self.condition(at):
            if end > at + 1:
                yield end, meaning

    def _has(self, at: int) -> Iterator[tuple[int, bool | None]]:
        """The verb before a superlative; whether it says that the subject is plural."""
        for start in self.skip(at, ("that", "which", "who")):
            for end, word in self.phrase(start, ("has", "have", "had", "with", "having", "shows", "got", "gets", "have had",
                                                 "has had", "recorded", "received", "saw")):  # fmt: skip
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
        self, at: int, given: Meaning, dimension: Dimension, cost: int, number: int, many: bool
    ) -> Iterator[Reading]:
        for end, ranking, descending in self._ranking(at):
            for rest in self.rest(end):
                total = given + rest + ranking.meaning
                yield from self._first_groups(dimension, ranking, descending, number, total, cost, many)

    def _most_rows(
        self, at: int, given: Meaning, dimension: Dimension, cost: int, number: int, descending: bool, many: bool
    ) -> Iterator[Reading]:
        for rest in self.rest(at):
            ranking = _Ranking(measure=Measure("count"))
            yield from self._first_groups(dimension, ranking, descending, number, given + rest, cost, many)

    def _first_groups(
        self,
        dimension: Dimension,
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
        subject = self.table.column(dimension.column)
        measure, column = ranking.measure, ranking.column
        each = ""
        additive = column is not None and column.pieces[-1] in lexicon.ADDITIVE
        single = not dimension.part and self.table.unique(subject) is True
        if column is not None and (column.name == subject.name or dimension.part and not ranking.bare):
            return
        if measure is None and column is not None and ranking.bare and additive and not single:
            measure = Measure("sum", column.name)
        if measure is not None and measure.column == subject.name:
            return
        if measure is not None:
            plan = Plan(
                self.table.name,
                dimensions=(dimension,),
                measures=(measure,),
                filters=meaning.filters,
                order=Order(descending, measure=0),
                first=number,
            )
        elif column is not None:
            plan = Plan(
                self.table.name,
                select=(subject.name, column.name),
                filters=meaning.filters,
                order=Order(descending, column=column.name),
                first=number,
            )
            if not single and (ranking.bare or number > 1 or additive):
                each = subject.name
        reading = Reading(plan, cost, one_row_each=each)
        yield _ask_how_many(reading, subject.name) if many else reading

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
        if column is None or meaning.dimensions or meaning.order:
            return
        names = [c.name for c in columns]
        if with_value and names:
            names.append(column.name)
        select = tuple(dict.fromkeys(names))
        order = Order(descending, column=column.name)
        plan = Plan(self.table.name, select=select, filters=meaning.filters, order=order, first=number)
        reading = Reading(plan, cost + meaning.cost)
        yield _ask_how_many(reading, "rows") if many else reading

    def _adjective_of_rows(
        self, at: int, given: Meaning, columns: Sequence[Column], cost: int, *, with_value: bool = True
    ) -> Iterator[Reading]:
        """ "the oldest passenger", "3 cheapest products"."""
        for article in self.skip(at, ("the",)):
            for start, number in [(article, 0), *self.whole(article)]:
                for end, word in self.phrase(start, lexicon.ADJECTIVES):
                    descending, names = lexicon.ADJECTIVES[word]
                    for last, meaning in self.rows(end):
                        many = is_plural(self.norm(last - 1)) and not number
                        for column in self.columns_called(names):
                            for rest in self.rest(last):
                                total = given + meaning + rest + Meaning(cost=1)
                                ranking = _Ranking(column)
                                yield from self._first_rows(
                                    columns, ranking, descending, number or 1, total, cost, many, with_value=with_value
                                )

    def _adjective_after(self, at: int, given: Meaning, dimension: Dimension, cost: int) -> Iterator[Reading]:
        """ "which product is the cheapest"."""
        for end, word in self.phrase(at, lexicon.ADJECTIVES):
            descending, names = lexicon.ADJECTIVES[word]
            for column in self.columns_called(names):
                for rest in self.rest(end):
                    total = given + rest + Meaning(cost=1)
                    yield from self._first_groups(dimension, _Ranking(column), descending, 1, total, cost)

    def _top(self, at: int, given: Meaning) -> Iterator[Reading]:
        """ "top 5 carriers by average delay", "the 3 highest fares", "5 largest cities by population"."""
        for start in self.articles(at):
            for middle, word in self.phrase(start, ("top", "bottom")):
                for subject, number in self.whole(middle):
                    yield from self._top_subject(subject, given, number, word == "top")
                    for end, common in self.phrase(subject, lexicon.COMMON):
                        for last, dimension, cost in self.grouped(end):
                            down = lexicon.COMMON[common]
                            if word == "top":
                                yield from self._most_rows(last, given, dimension, cost, number, down, False)
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
        for end, dimension, cost in self.grouped(at):
            for inner, inside in [(end, _NONE), *self._inner(end)]:
                for last, ranking in self._by(inner):
                    for rest in self.rest(last):
                        total = given + inside + rest + ranking.meaning
                        yield from self._first_groups(dimension, ranking, descending, number, total, cost)
                for has, _ in self._has(inner) if not values else ():
                    for last, ranking, down in self._ranking(has):
                        if down == descending or not descending:
                            for rest in self.rest(last):
                                total = given + inside + rest + ranking.meaning
                                yield from self._first_groups(dimension, ranking, down, number, total, cost)
        for end, meaning in self.rows(at):
            for inner, inside in [(end, _NONE), *self._inner(end)]:
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

    # --- lists and look-ups -------------------------------------------------------------------------

    def column_list(self, at: int) -> Iterator[tuple[int, tuple[Column, ...], int]]:
        """One to six columns: "name, age and fare"."""
        for start in self.articles(at):
            for end, column, cost in self.named(start):
                for last in self.skip(end, ("values", "value")):
                    yield last, (column,), cost
                    for joint, _ in self.phrase(last, ("and", ",", ", and", "and the", ", the")):
                        for final, others, more in self.column_list(joint):
                            if column not in others and len(others) < MAX_SELECT:
                                yield final, (column, *others), cost + more

    def labels(self) -> tuple[Column, ...]:
        """The column that names a row, if there is exactly one such: unique text, called after the rows
        or "name".  Otherwise none, and whole rows are shown."""
        nouns = {noun for words, _ in self.link._nouns for noun in words}
        found = [
            column
            for column in self.table.columns
            if column.kind == "text"
            and (column.pieces[-1] == "name" or any(column.pieces == (form,) for noun in nouns for form in _forms(noun)))
            and self.table.unique(column) is not False
        ]
        return (found[0],) if len(found) == 1 else ()

    def _people(self) -> tuple[Column, ...]:
        found = [
            column
            for column in self.table.columns
            if column.kind == "text"
            and (column.pieces[-1] in lexicon.WHO)
            and not (len(column.pieces) > 1 and column.pieces[0] in ("first", "last", "middle", "given", "family", "sur"))
        ]
        return tuple(found) if len(found) == 1 else ()

    def _listing(self, at: int, given: Meaning) -> Iterator[Reading]:
        yield from self._listed_rows(at, given, spoken=False)
        for start, _ in self.phrase(at, lexicon.LIST):
            for article in self.articles(start):
                yield from self._listed_columns(article, given, explicit=False)
                for after, _ in self.phrase(article, lexicon.DISTINCT):
                    for of in self.skip(after, ("values of", "values in", "values for")):
                        yield from self._listed_columns(of, given, explicit=True)
                yield from self._listed_rows(article, given)

    def _listed_columns(self, at: int, given: Meaning, *, explicit: bool) -> Iterator[Reading]:
        rows = {end for end, _ in self.rows(at)}
        for end, columns, cost in self.column_list(at):
            if end in rows and columns[0].kind == "number":
                continue
            for rest in self.rest(end):
                total = given + rest
                plural = is_plural(self.norm(end - 1)) or len(columns) > 1 or explicit or total.rows
                if total.dimensions or not plural and not total.filters:
                    continue
                names = tuple(column.name for column in columns)
                single = len(columns) == 1 and (columns[0].kind != "number" or columns[0].is_year)
                distinct = explicit or (single and not total.rows)
                order = Order(total.order[1], column=total.order[0]) if total.order else None
                if distinct and order and order.column not in names:
                    continue
                plan = Plan(self.table.name, select=names, distinct=distinct, filters=total.filters, order=order)
                reading = Reading(plan, cost + total.cost)
                yield self._maybe_sum(reading, columns[0]) if distinct else reading

    def _maybe_sum(self, reading: Reading, subject: Column) -> Reading:
        """ "Which regions have more than 100 sales": in one row, or in all of their rows together?"""
        for filter_ in reading.plan.filters:
            column = self.table.column(filter_.column)
            if column.kind == "number" and column.pieces[-1] in lexicon.ADDITIVE:
                if self.table.unique(subject) is not True:
                    return replace(reading, one_row_each=subject.name)
        return reading

    def _listed_rows(self, at: int, given: Meaning, *, spoken: bool = True) -> Iterator[Reading]:
        """ "List all flights from JFK"; without a verb only with a condition: "flights over 4000 miles"."""
        limits = [(at, 0)]
        for start in self.skip(at, ("first",)):
            limits += list(self.whole(start))
        for start, limit in limits:
            for end, meaning in self.rows(start):
                if not is_plural(self.norm(end - 1)) and limit != 1:
                    continue
                for rest in self.rest(end):
                    total = given + meaning + rest
                    if total.dimensions or not (spoken or (total.filters and not limit)):
                        continue
                    order = Order(total.order[1], column=total.order[0]) if total.order else None
                    plan = Plan(self.table.name, filters=total.filters, order=order, limit=limit or None)
                    yield Reading(plan, total.cost)

    def _looking_up(self, at: int, given: Meaning) -> Iterator[Reading]:
        """ "What is the population of France", "France's population"."""
        singular = at == 0 or self.norm(at - 1) in ("is", "was", "me", "for", "show", "give", "find", "get")
        for end, columns, cost in self.column_list(at) if singular else ():
            if is_plural(self.norm(end - 1)) and not any(c.pieces[-1] == self.norm(end - 1) for c in columns):
                continue
            for rest in self.rest(end):
                total = given + rest
                if total.filters and not total.dimensions and not total.order:
                    yield from self._looked_up(columns, total, cost)
        for link in self.link.values(at):
            if not link.named and (genitive := self.one_of(link.end, "'s")) is not None:
                meaning = given + Meaning((Filter(link.column.name, "=", (link.value,)),), cost=link.cost)
                for end, columns, cost in self.column_list(genitive):
                    for rest in self.rest(end):
                        if not rest.dimensions and not rest.order:
                            yield from self._looked_up(columns, meaning + rest, cost)

    def _looked_up(self, columns: Sequence[Column], meaning: Meaning, cost: int) -> Iterator[Reading]:
        names = tuple(column.name for column in columns)
        if not any(f.operator == "=" for f in meaning.filters) or {f.column for f in meaning.filters} & set(names):
            return
        plan = Plan(self.table.name, select=names, filters=meaning.filters)
        yield Reading(plan, cost + meaning.cost, one_row=True)


def _ask_how_many(reading: Reading, subject: str) -> Reading:
    question = f"How many of the first places do you want to see? The question names no number of {subject}."
    return replace(reading, ask=question, choices=("the first one", "the top 5", "the top 10"))


def _forms(noun: str) -> frozenset[str]:
    from .words import forms

    return forms(noun)


def aggregates() -> tuple[Function, ...]:
    """Functions to offer when a question named none."""
    return ("sum", "mean", "max")
