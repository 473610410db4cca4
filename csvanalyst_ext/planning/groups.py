"""Measures, groups and conditions on groups.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from . import lexicon, measures, relations
from .counting import called_by_function, fits
from .plan import Comparator, Filter
from .quantiles import quantiles
from .query import Calc, Condition, Field, Test
from .spoken import Dim, Measure, Mods
from .ties import UNIVERSAL, Ties
from .words import stems

_AND: Final = ("and", "and a", "and an")
_TAKEN_BACK: Final = lexicon.words("return cancel refund reject request")
_WITHOUT: Final = ("but not", "but no", "but not a", "but not an", "but never", "and not", "but never a")


class Groups(Ties):
    """Rules for what is measured, for each what, and for which groups."""

    def measured(self, at: int) -> list[tuple[int, Measure, int]]:
        """A function of a column, or a number of rows: "average age", "number of concerts in 2014"."""
        return self._once(("measured", at), lambda: self._measured(at))  # type: ignore[return-value]

    def _measured(self, at: int) -> Iterator[tuple[int, Measure, int]]:
        for start in self.articles(at):
            for name, table in self.graph.tables.items():  # measures that the dictionary names
                for end, named in measures.spoken(self, start, table):
                    yield end, Measure(name, Calc("measure", Field(named.column))), 0
            for end, name, column, cost in self.columns(start):
                if (own := called_by_function(column, self.norm(start))) is not None:
                    yield end, Measure(name, Calc(own, Field(column.name))), cost
            for end, word in self.phrase(start, lexicon.AGGREGATES):
                function = lexicon.AGGREGATES[word]
                for of in self.skip(end, ("of", "of the", "of all", "value of", "of their", "number of")):
                    for last, name, column, cost in self.columns(of):
                        keyed = cost >= 3 and column.pieces[-1] in ("id", "code")
                        if fits(function, column, word) and not (keyed or self.scopes[name].numbers_rows(column)):
                            yield last, Measure(name, Calc(function, Field(column.name))), cost
            for end, quantile in quantiles(self, start):
                for of in self.skip(end, ("of", "of the", "of all", "value of", "for", "in")):
                    for last, name, column, cost in self.columns(of):
                        if fits("quantile", column) and column.switch is None:
                            yield last, Measure(name, Calc("quantile", Field(column.name), quantile=quantile)), cost
            for end, _ in self.phrase(start, lexicon.COUNT_OF):
                yield from self.counted(end)
            for end, _ in self.phrase(start, lexicon.HEADCOUNT):
                for name, scope in self.scopes.items():
                    if scope.link.nouns() & lexicon.PEOPLE:
                        yield end, Measure(name, Calc("count")), 1

    def counted(self, at: int) -> list[tuple[int, Measure, int]]:
        return self._once(("counted", at), lambda: self._counted(at))  # type: ignore[return-value]

    def _counted(self, at: int) -> Iterator[tuple[int, Measure, int]]:
        for noun in self.nouns(at):
            yield noun.end, Measure(noun.table, Calc("count"), noun.where), noun.cost
        for article in self.articles(at):
            for start, _ in self.phrase(article, lexicon.DISTINCT):
                for of in self.skip(start, ("values of", "kinds of", "types of")):
                    for end, name, column, cost in self.columns(of):
                        if column.kind != "other":
                            yield end, Measure(name, Calc("count distinct", Field(column.name))), cost
                    for noun in self.nouns(of):
                        yield noun.end, Measure(noun.table, Calc("count"), noun.where), noun.cost

    def dims(self, at: int, *, strict: bool = False) -> list[tuple[int, tuple[Dim, ...], int]]:
        return self._once(("dims", at, strict), lambda: self._dims(at))  # type: ignore[return-value]

    def _dims(self, at: int) -> Iterator[tuple[int, tuple[Dim, ...], int]]:
        for end, dim, cost in self._dim(at):
            yield end, (dim,), cost
            for joint, _ in self.phrase(end, ("and", ",", ", and", "and each", "and by", "and for each", "and per")):
                for last, others, more in self.dims(joint):
                    if dim not in others and len(others) < 3:
                        yield last, (dim, *others), cost + more

    def _dim(self, at: int) -> Iterator[tuple[int, Dim, int]]:
        for start in self.skip(at, ("the", "different", "distinct", "of the", "the different")):
            for name, end, cost in self.entities(start):
                if self.norm(end - 1) not in lexicon.ROWS:
                    yield end, Dim(name), cost
            for name, scope in self.scopes.items():
                for end, dimensions, cost in scope.grouped(start):
                    first = scope.table.column(dimensions[0].column)
                    cost += self._stands_for_row(name, first, end)
                    yield end, Dim(name, tuple(Field(d.column, (), d.part, d.bucket) for d in dimensions)), cost
            for end, name, column, cost in self.columns(start):
                if column.kind in ("text", "date", "number", "boolean"):
                    yield end, Dim(name, (Field(column.name),)), cost

    def _groups(self, table: str, at: int) -> Iterator[tuple[int, Mods]]:
        for lead in self.skip(at, ("are", "is", "were", "was", "are there", "that are", "who are", "come")):
            for start, word in self.phrase(lead, lexicon.GROUPING):
                for end, dims, cost in self.dims(start, strict=word in ("by", "each")):
                    yield end, Mods(dims=dims, cost=cost)
        for start, _ in self.phrase(at, lexicon.DOES_EACH):
            for end, dims, cost in self.dims(start):
                ends = {e for e, lead in relations.leads(self, end) if not lead.negated and not lead.relative}
                for last in {end, *ends}:
                    yield last, Mods(dims=dims, cost=cost)
        # "fees paid per state", "quantity ordered by segment"
        if self.norm(at) in relations.VERBS or self.norm(at) in (
            "paid",
            "earned",
            "charged",
            "spent",
            "generated",
            "raised",
            "measured",
            "made",
        ):
            for by, _ in self.phrase(at + 1, lexicon.GROUPING):
                for end, dims, cost in self.dims(by):
                    yield end, Mods(dims=dims, cost=cost + 1)
        # "owned by each student", "held in each stadium"
        for after, said in relations.leads(self, at):
            if said.verb and not said.negated:
                for each, _ in self.phrase(after, ("each", "every", "each of the", "different", "all the different")):
                    for end, dims, cost in self.dims(each):
                        yield end, Mods(dims=dims, cost=cost)

    def _dated(self, table: str, at: int) -> Iterator[tuple[int, Mods]]:
        """ "Created per week", "were hired each year"."""
        scope = self.scopes[table]
        for verb in self.skip(at, ("was", "were", "are", "is", "have been", "has been")):
            for column in scope.dated_by(self.norm(verb)) if self.norm(verb) else ():
                for end, meaning in scope._dated_group(verb + 1, column):
                    fields = tuple(Field(d.column, (), d.part, d.bucket) for d in meaning.dimensions)
                    yield end, Mods(dims=(Dim(table, fields),))

    def _did_both(self, table: str, at: int) -> Iterator[tuple[int, Mods]]:
        """ "(Which goods) did both A and B carry": rows of a group of each, by what a row refers to."""
        for start, _ in self.phrase(at, ("did both", "do both", "have both", "were both")):
            for first, one in self._said_of(table, start):
                for joint, _ in self.phrase(first, ("and",)):
                    for second, other in self._said_of(table, joint):
                        if one == other or (one.path, one.filter.column) != (other.path, other.filter.column):
                            continue
                        for end, lead in relations.leads(self, second):
                            if lead.verb and not (lead.negated or lead.relative or self._undone(table, lead.verb)):
                                kinds: tuple[tuple[Measure, Comparator, int | float], ...] = tuple(
                                    (Measure(table, Calc("count"), (test,)), ">=", 1) for test in (one, other)
                                )
                                yield end, Mods(having=kinds, cost=2)

    def _said_of(self, table: str, at: int) -> Iterator[tuple[int, Test]]:
        for article in self.articles(at):
            for path, name in self.graph.ups(table):
                for link in self.scopes[name].link.values(article):
                    if not link.named:
                        yield link.end, Test(Filter(link.column.name, "=", (link.value,)), path)

    def _both(self, table: str, at: int, depth: int) -> Iterator[tuple[int, Mods]]:
        """ "Who bought both a lamp and a chair", "but not a chair": rows of a group of each kind, or of one alone."""
        for start, lead in (*relations.leads(self, at), *self._row_verbs(table, at)):
            if lead.empty or lead.negated or self._undone(table, lead.verb):
                continue
            yield from self._both_numbers(table, start)
            own = {start, *(end for name, end, _ in self.entities(start) if name == table)}
            for both in (b for s in own for b in self.skip(s, ("both", "both in", "in both", "both a", "both an"))):
                if self.norm(both - 1) not in ("both", "in", "a", "an") and both != start:
                    continue
                for first, one in self._kind(table, both, depth):
                    joints = _WITHOUT if both == start else (*_AND, "and in")
                    for joint, _ in self.phrase(first, joints):
                        for second in self.skip(joint, ("in",)):
                            for end, other in self._kind(table, second, depth):
                                if one == other or one.filter.column != other.filter.column:
                                    continue
                                bound: tuple[Comparator, int] = ("=", 0) if both == start else (">=", 1)
                                kinds: tuple[tuple[Measure, Comparator, int | float], ...] = (
                                    (Measure(table, Calc("count"), (one,)), ">=", 1),
                                    (Measure(table, Calc("count"), (other,)), *bound),
                                )
                                ends = {end, *(e for name, e, _ in self.entities(end) if name == table)}
                                for last in ends if both > start else {end}:
                                    yield last, Mods(having=kinds)

    def _row_verbs(self, table: str, at: int) -> Iterator[tuple[int, relations.Lead]]:
        """ "Inspected in" of inspections."""
        for start in self.skip(at, ("were", "was", "are", "is", "that were", "which were", "that are", "who were")):
            verb = self.norm(start)
            if verb and self.scopes[table].makes_rows(verb):
                for end in self.skip(start + 1, ("in", "at", "on", "for", "with", "by", "from", "to")):
                    yield end, relations.Lead(verb=verb, preposition=self.norm(end - 1) if end > start + 1 else "")

    def _both_numbers(self, table: str, at: int) -> Iterator[tuple[int, Mods]]:
        """ "Gave both 1 and 5 stars": two numbers of one column, which is said once."""
        for both, _ in self.phrase(at, ("both",)):
            for first, one in self.any.number(both):
                for joint, _ in self.phrase(first, ("and",)):
                    for second, other in self.any.number(joint):
                        for end, column, cost in self.scopes[table].numbers(second):
                            tests = (Test(Filter(column.name, "=", (number,))) for number in (one, other))
                            kinds: tuple[tuple[Measure, Comparator, int | float], ...] = tuple(
                                (Measure(table, Calc("count"), (test,)), ">=", 1) for test in tests
                            )
                            if one != other:
                                yield end, Mods(having=kinds, cost=cost)

    def _undone(self, table: str, verb: str) -> bool:
        """Whether the verb takes back what rows usually are: who returned a lamp is not all who have a row of one."""
        return bool(stems(verb) & _TAKEN_BACK) and not self._says_nothing(table, verb)

    def _kind(self, table: str, at: int, depth: int) -> Iterator[tuple[int, Test]]:
        """One value of a column, as a noun or with the column's name."""
        for phrase in self.noun_phrase(at, depth + 1, values=True):
            if phrase.table == table and phrase.mods == Mods(phrase.mods.where, cost=phrase.mods.cost):
                yield from self._one_value(phrase.end, phrase.mods.where)
        for article in self.articles(at):
            for end, meaning in self.scopes[table].condition(article):
                yield from self._one_value(end, tuple(map(Test, meaning.filters)))
        yield from self._in_period(table, at)

    def _one_value(self, end: int, where: tuple[Condition, ...]) -> Iterator[tuple[int, Test]]:
        if len(where) == 1 and isinstance(where[0], Test) and not where[0].path and where[0].filter.operator == "=":
            yield end, where[0]

    def _havings(self, table: str, at: int, depth: int) -> Iterator[tuple[int, Mods]]:
        """Conditions on groups: "with an average salary above 50000", "who made at least three films"."""
        yield from self._both(table, at, depth)
        yield from self._did_both(table, at)
        for start, lead in relations.leads(self, at):
            again = self.norm(at - 1) in ("also", "but") or (self.norm(at - 1) == "and" and lead.empty)
            if (lead.empty and not lead.relative and not again) or self._undone(table, lead.verb):
                continue
            if not lead.negated and not lead.empty:
                for article in self.skip(start, ("the", "a", "an", "their", "its")):
                    for end, measure, cost in self.measured(article):
                        for verb in self.skip(end, ("is", "of", "are", "was", "that is", "being")):
                            for last, operator, number in self._bounds(verb):
                                yield last, Mods(having=((measure, operator, number),), cost=cost)
            for quantified, operator, number in relations.quantities(self, start):
                if quantified == start and self.norm(start) in UNIVERSAL:
                    continue
                wanted: tuple[Comparator, int] = ("=", 0) if lead.negated else (operator, number)
                for phrase in self.noun_phrase(quantified, depth + 1, values=True):
                    if (
                        phrase.table == table
                        and not phrase.mods.rank
                        and not phrase.mods.dims
                        and (again or not lead.empty)
                    ):
                        plain = quantified == start and not phrase.mods.where
                        if not plain:
                            measure = Measure(table, Calc("count"), phrase.mods.where)
                            yield phrase.end, Mods(having=((measure, *wanted),), cost=phrase.mods.cost + 1)
                for kinds, _ in self.phrase(quantified, lexicon.DISTINCT):
                    for end, name, column, cost in self.columns(kinds):
                        if name == table and column.kind in ("text", "date") and not lead.empty:
                            different = Measure(table, Calc("count distinct", Field(column.name)))
                            yield end, Mods(having=((different, *wanted),), cost=cost)
                for end, named, value in self.scopes[table].given_values(quantified - 1) if lead.negated else ():
                    test = Test(Filter(named.name, "=", (value,)))  # "who never got an A"
                    yield end, Mods(having=((Measure(table, Calc("count"), (test,)), "=", 0),), cost=1)
                for link in self.scopes[table].link.identifiers(quantified) if (operator, number) != (">=", 1) else ():
                    if self.graph.tables[table].unique(link.column) is True:
                        continue  # that counts the rows
                    distinct = Calc("count distinct", Field(link.column.name))
                    yield link.end, Mods(having=((Measure(table, distinct), *wanted),), cost=1)
            for end, operator, number in self._times(start):
                yield end, Mods(having=((Measure(table, Calc("count")), operator, number),), cost=1)
                for among, _ in self.phrase(end, ("among", "among the", "among all", "in", "in the", "by")):
                    for noun in self.nouns(among):
                        if noun.table == table and not noun.where:
                            yield noun.end, Mods(having=((Measure(table, Calc("count")), operator, number),), cost=1)

    def _bounds(self, at: int) -> Iterator[tuple[int, Comparator, int | float]]:
        for start, word in self.phrase(at, lexicon.COMPARISONS):
            for end, number in self.any.number(start):
                yield end, lexicon.COMPARISONS[word], number
        if at < self.size and self.tokens[at].kind == "operator":
            for end, number in self.any.number(at + 1):
                yield end, lexicon.SIGNS[self.norm(at)], number
        for end, number in self.any.number(at):
            for last, after in self.phrase(end, lexicon.AFTERWARDS):
                yield last, lexicon.AFTERWARDS[after], number
