"""Questions about who did what how often, which of two there are more of, ranges, and groups in the order of a measure.
Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from . import lexicon, relations
from .counting import fits
from .occurrences import Occurrences
from .plan import Filter
from .queries import Meant
from .query import Calc, Field, Query, Sort, Test
from .schema import Column
from .spoken import NO_MODS, Dim, Measure, Mods, Rank
from .words import akin, is_plural

_MADE: Final = lexicon.words("""
    write writes wrote written make makes made place places placed post posts posted submit submits submitted give
    gives gave given leave leaves left create creates created file files filed do does did record records recorded
""")
"""Verbs that say of a person no more than that the row is theirs."""
_AGENTS: Final = ("er", "or", "ist", "ian", "ant")
_DID: Final = ("did", "does", "do", "has", "have", "had")
_RANGE: Final = ("range of", "the range of", "range of the", "the range of the")
_MORE: Final = ("did more", "do more", "were there more", "are there more", "were more", "are more", "have more")
_SORTED: Final = ("by", "ranked by", "sorted by", "ordered by", "in order of", "by the")


class Doings(Occurrences):
    """The forms of ``occurrences``, and these."""

    def special(self, at: int, given: Mods) -> Iterator[Meant]:
        yield from super().special(at, given)
        if given != NO_MODS:
            return
        yield from self._who_most(at)
        yield from self._how_many_by(at)
        yield from self._more_of_two(at)
        yield from self._two_kinds(at)
        yield from self._range(at)
        yield from self._ordered_groups(at)

    # --- who does it --------------------------------------------------------------------------------

    def _doer(self, table: str, verb: str) -> Column | None:
        """The column of who did it: ``reviewer`` of reviews that somebody wrote, or the only person in a row."""
        texts = [c for c in self.graph.tables[table].columns if c.kind == "text"]
        nouns = self.scopes[table].link.nouns()
        agents = [
            c
            for c in texts
            if c.pieces[-1].endswith(_AGENTS)
            and (akin(verb, c.pieces[-1]) or (verb in _MADE and any(akin(c.pieces[-1], noun) for noun in nouns)))
        ]
        if len(agents) == 1:
            return agents[0]
        people = [c for c in texts if {*c.pieces} & lexicon.PEOPLE]
        makes = verb in _MADE or self._says_nothing(table, verb)
        return people[0] if len(people) == 1 and makes and not agents else None

    def _who_most(self, at: int) -> Iterator[Meant]:
        """ "Who wrote the most reviews"."""
        verb = self.norm(at)
        if self.norm(at - 1) != "who" or not verb:
            return
        for end, word in self.phrase(at + 1, lexicon.MOST):
            for phrase in self._ends(self.noun_phrase(end, 1)):
                doer = self._doer(phrase.table, verb)
                plain = phrase.mods == Mods(phrase.mods.where, cost=phrase.mods.cost)
                if doer is None or not phrase.plural or not plain:
                    continue
                rank = Rank(Measure(phrase.table, Calc("count")), phrase.table, lexicon.MOST[word])
                shown = ((phrase.table, doer.name),)
                mods = phrase.mods + Mods(cost=1)
                yield from self._ranked_groups(phrase.table, shown, mods, rank, named=False)

    def _how_many_by(self, at: int) -> Iterator[Meant]:
        """ "How many reviews did Mia write in 2022"."""
        for start, _ in self.phrase(at, lexicon.HOW_MANY):
            for noun in self.nouns(start):
                for did, _ in self.phrase(noun.end, _DID):
                    for link in self.scopes[noun.table].link.values(did):
                        verb = self.norm(link.end)
                        doer = self._doer(noun.table, verb) if verb else None
                        if link.named or doer is None or doer.name != link.column.name:
                            continue
                        for end, mods in self.mods(noun.table, link.end + 1, 0):
                            if end == self.size and not (mods.rank or mods.sort or mods.having):
                                test = Test(Filter(doer.name, "=", (link.value,)))
                                total = mods + Mods((*noun.where, test), cost=noun.cost + link.cost + 1)
                                yield from self._grouped(noun.table, (Measure(noun.table, Calc("count")),), total, ())

    # --- two values of a column ---------------------------------------------------------------------

    def _pairs(self, at: int, joint: str) -> Iterator[tuple[int, str, Column, tuple[str, str], int]]:
        """Two values of one column: "men or women"."""
        for article in self.articles(at):
            for table, scope in self.scopes.items():
                for one in scope.link.values(article):
                    for middle, _ in self.phrase(one.end, (joint,)):
                        for other in scope.link.values(middle):
                            apart = one.column == other.column and one.value != other.value
                            if apart and not (one.named or other.named):
                                yield other.end, table, one.column, (one.value, other.value), one.cost + other.cost

    def _more_of_two(self, at: int) -> Iterator[Meant]:
        """ "Did more men or women run": how many there are of both, the more first."""
        for start, _ in self.phrase(at, _MORE):
            for end, table, column, values, cost in self._pairs(start, "or"):
                for last, mods in self._after_pair(table, end):
                    if last == self.size:
                        yield self._of_both(table, column, values, mods, cost, sort=True)

    def _two_kinds(self, at: int) -> Iterator[Meant]:
        """ "Number of male and female runners": of each kind."""
        for start, _ in self.phrase(at, (*lexicon.COUNT_OF, *lexicon.HOW_MANY)):
            for end, table, column, values, cost in self._pairs(start, "and"):
                alone = [(table, end, 1)] if end == self.size else []
                for name, last, more in (*self.entities(end), *alone):
                    for final, mods in self.mods(table, last, 1):
                        plain = mods == Mods(mods.where, cost=mods.cost)
                        if name == table and final == self.size and plain:
                            yield self._of_both(table, column, values, mods, cost + more, sort=False)

    def _after_pair(self, table: str, at: int) -> Iterator[tuple[int, Mods]]:
        ends = {at, *(end for name, end, _ in self.entities(at) if name == table)}
        for end in ends:
            verb = self.norm(end)
            known = any(scope.link.touches(end) for scope in self.scopes.values())
            if (verb in relations.VERBS or verb in lexicon.FILLER_VERBS) and not known:
                yield from ((last, mods) for last, mods in self.mods(table, end + 1, 1) if _plain(mods))
            yield from ((last, mods) for last, mods in self.mods(table, end, 1) if _plain(mods))

    def _of_both(
        self, table: str, column: Column, values: tuple[str, str], mods: Mods, cost: int, *, sort: bool
    ) -> Meant:
        field, count = Field(column.name), Calc("count")
        where = (*mods.where, Test(Filter(column.name, "in", values)))
        order = (Sort(count, True),) if sort else ()
        query = Query(table, (field, count), where=where, group=(field,), sort=order)
        return Meant(query, cost + mods.cost + 1)

    # --- ranges, and groups in an order ---------------------------------------------------------------

    def _range(self, at: int) -> Iterator[Meant]:
        """ "The age range", "the range of prices by room type": the lowest and the highest."""
        if any("range" in c.pieces for table in self.graph.tables.values() for c in table.columns):
            return
        found = [link for start, _ in self.phrase(at, _RANGE) for link in self.columns(start)]
        for article in self.articles(at):
            links = (link for link in self.columns(article) if self.norm(link[0]) == "range")
            found += [(end + 1, table, column, cost) for end, table, column, cost in links]
        for end, table, column, cost in found:
            keyed = cost >= 3 and column.pieces[-1] in ("id", "code")
            if keyed or column.switch is not None or not (fits("min", column) and column.kind in ("number", "date")):
                continue
            field = Field(column.name)
            measures = (Measure(table, Calc("min", field)), Measure(table, Calc("max", field)))
            for named, mods in self._tails(table, end):
                if not (mods.rank or mods.sort or mods.having):
                    yield from self._grouped(named, measures, mods + Mods(cost=cost + 1), ())

    def _ordered_groups(self, at: int) -> Iterator[Meant]:
        """ "Grades by number of inspections", "countries by population": the highest first."""
        for article in self.articles(at):
            for end, table, column, cost in self.columns(article):
                if column.kind != "text" or not is_plural(self.norm(end - 1)):
                    continue
                for by, _ in self.phrase(end, _SORTED):
                    for last, measure, more in self.measured(by):
                        own = measure.calc.field is not None and measure.calc.field.column == column.name
                        dims = (Dim(table, (Field(column.name),)),)
                        if last == self.size and not own:
                            mods = Mods(measure.where, dims=dims, sort=((measure, True),), cost=cost + more + 1)
                            yield from self._grouped(measure.table, (measure,), mods, ())
                    for last, name, value, more in self.columns(by):
                        if last == self.size and name == table and self._row_by_row(table, column, value):
                            fields = (Field(column.name), Field(value.name))
                            yield Meant(Query(table, fields, sort=(Sort(fields[1], True),)), cost + more + 1)

    def _row_by_row(self, table: str, column: Column, value: Column) -> bool:
        """Whether each row has a name and, mostly, a number of its own: then these are no groups."""
        known = self.graph.tables[table]
        number = value.kind == "number" and value.switch is None and not (value.is_year or value.is_month)
        keyed = value.pieces[-1] in ("id", "code", "key")
        return number and not keyed and known.unique(column) is True and 2 * value.distinct > known.rows


def _plain(mods: Mods) -> bool:
    return mods == Mods(mods.where, cost=mods.cost)
