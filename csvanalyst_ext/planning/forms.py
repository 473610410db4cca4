"""Whole questions over several tables, and the queries that they mean.

A form yields every way to read the question from its first to its last word; the cheapest one is what is
meant, and when two are equally cheap, the person is asked.
  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from . import lexicon, relations
from .counting import called_by_function, fits
from .items import OF, Items, flatten
from .plan import Filter
from .queries import ColumnItem, Item, Meant
from .query import (
    Calc,
    Field,
    Test,
)
from .sentences import asks_for_kinds
from .spoken import NO_MODS, Dim, Measure, Mods, Phrase
from .tidy import tidy
from .words import akin, is_plural

_BESIDES: Final = (
    "with their",
    "with its",
    "and their",
    "and its",
    "along with their",
    "together with their",
    "with the",
    "with",
)
_SHOWN: Final = (
    *_BESIDES,
    ",",
    "show",
    "list",
    "return",
    ", show",
    "and show",
    "give",
    "display",
    ", list",
    ", with their",
)


class Forms(Items):
    """All forms, for one question."""

    def meanings(self) -> Iterator[Meant]:
        if self._speaks_of_all():
            return
        for meant in self._all():
            where = tidy(meant.query.where)
            if where is not None:
                yield replace(meant, query=replace(meant.query, where=where))

    def _speaks_of_all(self) -> bool:
        """Whether a verb is said of all of something, or of nothing else: "ordered every product", "bought only lamps".
        A query knows only "some" and "none"."""
        for at in range(1, self.size):
            word, before = self.norm(at), self.norm(at - 1)
            verb = at > 1 and before in relations.VERBS  # "show only …" restricts nothing
            verb = verb or any(self.named_by_verb(name, before) for name in self.graph.tables)
            by = before in ("by", "in", "at", "for") and self.norm(at - 2) in relations.VERBS
            only = word in ("only", "exclusively", "solely") and (verb or by or before in lexicon.HAVE)
            number = at + 1 < self.size and self.tokens[at + 1].number is not None
            if (only and not number and self.norm(at + 1) not in ("once", "twice")) or (
                word in ("all", "every") and (verb or by)
            ):
                return True
        return False

    def _all(self) -> Iterator[Meant]:
        for start, given in self._starts():
            for at in self._openings(start):
                yield from self._counts(at, given)
                yield from self._in_how_many(at, given)
                yield from self._items_form(at, given)
                yield from self._rows(at, given)
                yield from self.special(at, given)

    def special(self, at: int, given: Mods) -> Iterator[Meant]:
        """Forms that others add."""
        return iter(())

    def _starts(self) -> Iterator[tuple[int, Mods]]:
        yield 0, NO_MODS
        for start, _ in self.phrase(0, ("for each", "for every", "in each", "for each of the", "for all", "per", "by")):
            for end, dims, cost in self.dims(start):
                yield from ((after, Mods(dims=dims, cost=cost)) for after in self.skip(end, (",",)))

    def _openings(self, at: int) -> Iterator[int]:
        yield at
        for end, _ in self.phrase(at, lexicon.OPENINGS):
            yield from self._openings(end)
        for end, word in self.phrase(
            at,
            (
                "list",
                "which",
                "what",
                "who are",
                "who is",
                "list out",
                "list all",
                "return all",
                "also",
                "who",
                "which are",
                "which is",
                "name",
            ),
        ):
            if word != "name" or self.norm(end) != "and":  # "name and age" are two columns
                yield from self._openings(end)

    def _counts(self, at: int, given: Mods) -> Iterator[Meant]:
        for start, _ in self.phrase(at, (*lexicon.HOW_MANY, *lexicon.COUNT_OF, "how many total")):
            for phrase in self._ends(self.noun_phrase(start, 0, values=True)):
                mods = given + phrase.mods
                if mods.rank or mods.sort or mods.having:
                    continue
                yield from self._grouped(phrase.table, (Measure(phrase.table, Calc("count")),), mods, ())
            for end, name, column, cost in self.columns(start):
                if column.kind == "number" and column.pieces[-1] in lexicon.ADDITIVE and fits("sum", column):
                    for verb, lead in relations.leads(self, end):
                        if lead.verb and not lead.negated and not lead.relative and not lead.preposition:
                            for last, mods in self.mods(name, verb, 0):
                                if last == self.size and not (mods.rank or mods.sort or mods.having):
                                    summed = Measure(name, Calc("sum", Field(column.name)))
                                    yield from self._grouped(name, (summed,), given + mods + Mods(cost=cost), ())
                    yield from self._summed_by(end, name, column.name, given + Mods(cost=cost))
            for end, measure, cost in self.counted(start):
                if measure.calc.function != "count distinct":
                    continue
                for table, mods in self._tails(measure.table, end):
                    total = given + mods + Mods(cost=cost)
                    if not total.rank and not total.sort and not total.having:
                        yield from self._grouped(table, (measure,), total, ())
            # "how many distinct countries do players come from": the column of another noun
            for article in self.articles(start):
                for distinct in self.skip(article, lexicon.DISTINCT):
                    for end, name, column, cost in self.columns(distinct):
                        if distinct > article or (
                            (column.kind in ("text", "date") or column.pieces[-1] == "id")
                            and is_plural(self.norm(end - 1))
                        ):
                            measure = Measure(name, Calc("count distinct", Field(column.name)))
                            for table, mods in self._tails(name, end):
                                total = given + mods + Mods(cost=cost + 1 + (distinct == article))
                                if total.having and not total.rank and not total.dims:
                                    for meant in self._having(table, ((name, column.name),), total, named=False):
                                        yield replace(meant, query=replace(meant.query, outer="count"))
                                if not total.rank and not total.sort and not total.dims and not total.having:
                                    yield from self._grouped(table, (measure,), total, ())

    def _in_how_many(self, at: int, given: Mods) -> Iterator[Meant]:
        """ "In how many countries do our customers live", "from how many cities do we have orders"."""
        asks = tuple(f"{preposition} how many" for preposition in ("in", "from", "to", "across", "at"))
        for start, _ in self.phrase(at, asks):
            for distinct in self.skip(start, lexicon.DISTINCT):
                for end, name, column, cost in self.columns(distinct):
                    if column.kind != "text":
                        continue
                    for verb, _ in self.phrase(end, ("do", "did", "are", "were", "have", "do we have", "did we have")):
                        for phrase in self.noun_phrase(verb, 0):
                            plain = phrase.mods == Mods(phrase.mods.where, cost=phrase.mods.cost)
                            ends = (e for e, lead in relations.leads(self, phrase.end) if not lead.negated)
                            if plain and self.size in (phrase.end, *ends):
                                measure = Measure(name, Calc("count distinct", Field(column.name)))
                                mods = given + phrase.mods + Mods(cost=cost)
                                yield from self._grouped(phrase.table, (measure,), mods, ())

    def _summed_by(self, at: int, name: str, column: str, given: Mods) -> Iterator[Meant]:
        """ "How many goals did players from Peru score"."""
        for start, _ in self.phrase(at, ("did", "do", "does", "have", "has")):
            for phrase in self.noun_phrase(start, 0, values=True):
                plain = not (phrase.mods.rank or phrase.mods.sort or phrase.mods.having or phrase.mods.dims)
                if not plain or phrase.table not in {up for _, up in self.graph.ups(name)}:
                    continue
                for verb, lead in relations.leads(self, phrase.end):
                    if lead.verb and not (lead.negated or lead.relative or lead.preposition):
                        for end, tail in self.mods(name, verb, 0):
                            if end == self.size and not (tail.rank or tail.sort or tail.having):
                                summed = Measure(name, Calc("sum", Field(column)))
                                for meant in self._grouped(phrase.table, (summed,), given + phrase.mods, ()):
                                    where = (*meant.query.where, *tail.where)
                                    if not tail.dims:
                                        query = replace(meant.query, where=where)
                                        yield replace(meant, query=query, cost=meant.cost + tail.cost)

    def _spoken_of(self, at: int) -> list[Phrase]:
        """Rows by their noun, or by a value in the plural that stands for those that have it: "of forwards"."""
        values = (phrase for phrase in self.noun_phrase(at, 0, values=True) if phrase.plural)
        return list(dict.fromkeys((*self.noun_phrase(at, 0), *values)))

    def _ends(self, phrases: Sequence[Phrase]) -> Iterator[Phrase]:
        return (phrase for phrase in phrases if phrase.end == self.size)

    def _tails(self, table: str, at: int) -> Iterator[tuple[str, Mods]]:
        """From ``at`` to the end: "of NOUN …", or what may follow a noun of ``table``."""
        for end, mods in self.mods(table, at, 0):
            if end == self.size:
                yield table, mods
        for start, word in self.phrase(
            at, (*OF, "are", "do", "does", "did", "have", "are the", "do we have", "did we have", "are there", "have")
        ):
            each = word.endswith(("each", "every"))
            for phrase in self._spoken_of(start):
                if word.startswith("by") and not (phrase.mods.where or phrase.mods.rank):
                    continue  # "by team" says for which groups
                if phrase.end == self.size:
                    mods = phrase.mods
                    yield phrase.table, mods + Mods(dims=(Dim(phrase.table),)) if each else mods
                for end, lead in relations.leads(self, phrase.end):
                    if end == self.size and not lead.negated and (lead.verb or lead.preposition) and not each:
                        yield phrase.table, phrase.mods

    def _items_form(self, at: int, given: Mods) -> Iterator[Meant]:
        for end, items, cost in self.items(at):
            flat = tuple(flatten(items))
            if len(flat) == 1 and isinstance(flat[0], ColumnItem):
                for start in self.skip(end, ("that", "which")):
                    for table, column, more in flat[0].choices:
                        for last, filter_ in self.text_test(start, column):
                            if last == self.size:
                                mods = given + Mods((Test(filter_),), cost=cost + more)
                                known = self.graph.tables[table]
                                once = flat[0].distinct or known.unique(known.column(column)) is not True
                                yield from self._listed_query(table, ((table, column),), mods, distinct=once)
            for of, word in [(end, ""), *self.phrase(end, OF)]:
                if word:
                    each = word.endswith(("each", "every"))
                    calculated = all(isinstance(item, Measure) for item in flat)
                    for phrase in self._ends(self._spoken_of(of) if calculated else self.noun_phrase(of, 0)):
                        if word.startswith("by") and not (phrase.mods.where or phrase.mods.rank):
                            continue
                        mods = given + phrase.mods + Mods(cost=cost)
                        # "The name and date of each battle" are those of all; only a number is one for each.
                        if each and any(isinstance(item, Measure) for item in flat):
                            mods += Mods(dims=(Dim(phrase.table),))
                        yield from self._selected(phrase.table, flat, mods, named=True)
                    if not each:
                        yield from self._verbed(of, word, flat, given + Mods(cost=cost))
                else:
                    for start, _ in self.phrase(
                        of,
                        (
                            "where",
                            "that",
                            "which",
                            "do",
                            "does",
                            "did",
                            "is",
                            "are",
                            "was",
                            "were",
                            "have",
                            "has",
                            "in which",
                        ),
                    ):
                        yield from self._verbed(start, "", flat, given + Mods(cost=cost))
                    for table in (
                        self._tables(flat)
                        if self.norm(end) not in ("of", "for")
                        and not (self.norm(end) == "by" and isinstance(flat[0], ColumnItem))
                        else ()
                    ):
                        for last, mods in self.mods(table, end, 0):
                            if last == self.size:
                                yield from self._selected(table, flat, given + mods + Mods(cost=cost + 1), named=False)

    def _verbed(self, at: int, word: str, items: Sequence[Item], given: Mods) -> Iterator[Meant]:
        """ "Countries where singers above age 20 are from", "which country does JetBlue belong to"."""
        if word:
            return
        for phrase in self.noun_phrase(at, 0, values=True):
            for end, lead in relations.leads(self, phrase.end):
                if end == self.size and end > phrase.end and not lead.negated and not lead.relative:
                    yield from self._selected(phrase.table, items, given + phrase.mods, named=True)

    def _tables(self, items: Sequence[Item]) -> list[str]:
        """The tables that an item may be of, when no noun says it."""
        found: dict[str, None] = {}
        for item in items[:1]:
            if isinstance(item, Measure):
                found[item.table] = None
            else:
                found |= dict.fromkeys(name for name, _, _ in item.choices)
        return list(found)

    def _selected(self, table: str, items: Sequence[Item], mods: Mods, *, named: bool) -> Iterator[Meant]:
        """Items for rows of ``table`` (or for groups)."""
        measures = [item for item in items if isinstance(item, Measure)]
        columns = [item for item in items if isinstance(item, ColumnItem)]
        if mods.having and measures:
            return
        if measures and columns and not mods.dims:
            mods += self._for_each_shown(columns, measures)
        if any(item.calculated for item in columns) and (len(items) == 1 or measures):
            return
        if columns and not mods.dims and any(self._named_by_function(measure) for measure in measures):
            return  # "the number and total cost of the orders": a column of each row, or a sum?
        if measures and (mods.dims or not columns):
            near = [d.table for d in mods.dims]
            for fields, cost in self._placed(columns, near, near[0] if near else table):
                yield from self._grouped(table, tuple(items), mods + Mods(cost=cost), fields)
            return
        if mods.having and not measures and not mods.dims:
            for fields, cost in self._placed(columns, [table], table):
                yield from self._having(table, fields, mods + Mods(cost=cost), named=named)
            return
        if measures or mods.dims or mods.having:
            return
        if not named and not mods.where and not mods.rank and not any(c.several for c in columns) and len(columns) == 1:
            return  # "What is the salary?": of whom?
        alone = len(columns) == 1 and not mods.rank and not mods.sort
        kinds = alone and asks_for_kinds(self.tokens)
        for fields, cost in self._placed(columns, [table], table):
            distinct = kinds or any(c.distinct for c in columns)
            # "The destinations served by X" are places, each once; "the destinations of the shipments" are not.
            distinct = distinct or (alone and not named and columns[0].several and self._repeats(table, fields[0]))
            yield from self._listed_query(table, fields, mods + Mods(cost=cost), distinct=distinct, named=named)

    def _for_each_shown(self, columns: Sequence[ColumnItem], measures: Sequence[Measure]) -> Mods:
        """ "The names of the teachers and the number of courses": of each teacher."""
        counted = {m.table for m in measures if m.calc.function == "count"}
        only = columns[0].choices if len(columns) == 1 and columns[0].several and len(counted) == 1 else ()
        for table, column, cost in only:  # "the different companies and the number of orchestras"
            known = self.graph.tables[table]
            apart = known.column(column).kind == "text" and known.unique(known.column(column)) is False
            if {table} == counted and apart and (table, column) not in self.labels(table):
                return Mods(dims=(Dim(table, (Field(column),)),), cost=cost + 2)
        for table, column, _ in sorted(columns[0].choices, key=lambda choice: choice[2]):
            named = self._names(table, ((table, column),))
            if not named or len(counted) != 1 or any(m.calc.function != "count" for m in measures):
                continue
            (other,) = counted
            if other != table and (table in {up for _, up in self.graph.ups(other)} or self._connected(table, other)):
                return Mods(dims=(Dim(table),), cost=2)
        return NO_MODS

    def _doers(self, at: int) -> Iterator[Meant]:
        """ "Who directed Jaws": the verb names a column, ``director``."""
        verb = self.norm(at)
        for table, known in self.graph.tables.items():
            for column in known.columns:
                if column.kind != "text" or not column.pieces[-1].endswith(("er", "or")):
                    continue
                if not verb.endswith(("ed", "s")) or not akin(verb, column.pieces[-1]):
                    continue
                for article in self.articles(at + 1):
                    for path, name in self.graph.ups(table):
                        for link in self.scopes[name].link.values(article):
                            if link.end == self.size and not link.named and link.column.name != column.name:
                                test = Test(Filter(link.column.name, "=", (link.value,)), path)
                                mods = Mods((test,), cost=link.cost + 2 * len(path))
                                yield from self._listed_query(table, ((table, column.name),), mods, distinct=True)

    def _named_by_function(self, measure: Measure) -> bool:
        field = measure.calc.field
        if field is None:
            return False
        column = self.graph.tables[measure.table].column(field.column)
        return called_by_function(column, column.pieces[0]) == measure.calc.function

    def _repeats(self, table: str, field: tuple[str, str]) -> bool:
        """Whether several rows may share a value of a text column that is no name of rows."""
        column = self.graph.tables[field[0]].column(field[1])
        unique = self.graph.tables[field[0]].unique(column) is True
        return column.kind == "text" and not unique and field not in self.labels(table)

    def _rows(self, at: int, given: Mods) -> Iterator[Meant]:
        if given.dims:
            return
        if at and self.norm(at - 1) == "who":
            yield from self._doers(at)
            for table in self._people():
                for end, mods in self.mods(table, at, 0):
                    if end == self.size and (mods.where or mods.rank) and not mods.dims:
                        yield from self._listed_query(table, (), mods, distinct=False)
        for phrase in self.noun_phrase(at, 0):
            for start, joint in self.phrase(phrase.end, _SHOWN):
                for end, items, cost in self.items(start):
                    flat = tuple(flatten(items))
                    if any(isinstance(item, Measure) for item in flat) or phrase.mods.dims or phrase.mods.having:
                        continue
                    for last, tail in self.mods(phrase.table, end, 0):
                        if last != self.size or tail != Mods(sort=tail.sort, cost=tail.cost):
                            continue
                        for fields, more in self._placed(flat, [phrase.table], phrase.table):  # type: ignore[arg-type]
                            names = self.labels(phrase.table) if joint in _BESIDES else ()
                            chosen = tuple(dict.fromkeys((*names, *fields)))
                            mods = phrase.mods + tail + Mods(cost=cost + more)
                            yield from self._listed_query(phrase.table, chosen, mods, distinct=False)
        for phrase in self._ends(self.noun_phrase(at, 0)):
            mods = phrase.mods
            if mods.dims:
                if not mods.rank and not mods.sort and not mods.having:
                    yield from self._grouped(
                        phrase.table, (Measure(phrase.table, Calc("count")),), mods + Mods(cost=2), ()
                    )
                continue
            if phrase.end == at + 1 and not mods.where and at == 0:
                continue
            if mods.having:
                if all(m.table != phrase.table for m, _, _ in mods.having):
                    yield from self._having(phrase.table, self.labels(phrase.table), mods, named=True)
                continue
            yield from self._listed_query(phrase.table, (), mods, distinct=False)
