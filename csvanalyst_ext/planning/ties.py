"""Conditions on what belongs to a row: "who have at least two pets", "that were never ordered".  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from . import lexicon, relations
from .comparing import Comparing
from .leads import Lead as OldLead
from .plan import Comparator, Filter
from .query import (
    AnyOf,
    Condition,
    Field,
    Known,
    NotAll,
    Related,
    Test,
    Versus,
)
from .spoken import Mods, Phrase, shift
from .words import IRREGULAR_VERBS, akin

UNIVERSAL: Final = frozenset({"all", "every", "each", "only", "just", "exclusively", "solely"})
"""Words before a noun that speak of all of something, not of one."""
_AUXILIARIES: Final = ("did", "do", "does", "not", "never")
_ROLES: Final = lexicon.words("""
    manage manages managed managing lead leads led supervise supervises supervised direct directs directed coach coaches
    coached run runs ran train trains trained advise advises advised sponsor sponsors sponsored employ employs host
""")
"""Verbs that say more than that a row refers to another."""


_OCCUR: Final = lexicon.words("""
    appear appears appeared occur occurs occurred used shared repeated listed present there happen happened
""")
_OFTEN: Final[dict[str, tuple[Comparator, int]]] = {
    "only once": ("=", 1), "exactly once": ("=", 1), "more than twice": (">", 2),
    **dict.fromkeys(("more than once", "at least twice", "more than one time", "multiple times", "several times",
                     "repeatedly"), (">", 1)),
}  # fmt: skip


class Ties(Comparing):
    """Rules for relations between the rows of two tables."""

    def _related(self, table: str, at: int, depth: int) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        for start, lead in relations.leads(self, at):
            if lead.empty:
                yield from self._in_role(table, start, lead, depth)
                continue
            for quantified, operator, number in relations.quantities(self, start):
                yield from self._listed(table, quantified, lead, operator, number, depth)
        yield from self._events(table, at, depth)
        for start in self.skip(at, ("that", "which", "whom", "that the", "which the")):
            yield from self._reversed(table, start, depth)
        for start, _ in self.phrase(at, ("did", "do", "does", "have", "has", "are", "were", "is", "was")):
            yield from self._reversed(table, start, depth)

    def _in_role(
        self, table: str, at: int, lead: relations.Lead, depth: int
    ) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        """ "People that are not poker players": rows of another table that each are one of these."""
        if not lead.relative or self.norm(at - 1) not in (*lexicon.COPULAS, "not"):
            return
        for phrase in self.noun_phrase(at, depth + 1):
            for step in self.graph.steps(table):
                plain = phrase.mods == Mods(phrase.mods.where, cost=phrase.mods.cost)
                if not step.up and step.end == phrase.table and plain and self.graph.is_a(step):
                    bound: tuple[Comparator, int] = ("=", 0) if lead.negated else (">=", 1)
                    yield phrase.end, (Related((step,), phrase.mods.where, *bound),), phrase.mods.cost + 1

    def _listed(
        self, table: str, at: int, lead: relations.Lead, operator: Comparator, number: int, depth: int
    ) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        if not lead.negated:
            yield from self._in_both(table, at, lead)
        strong = lead.verb != "" or lead.have
        universal = self.norm(at) in UNIVERSAL
        for start, _ in self.phrase(
            at, ("entry in", "entries in", "record in", "records in", "row in", "rows in", "match in")
        ):
            at = start
        for both in self.skip(at, ("both", "either")):
            said = self.norm(at) if both > at else ""
            if said == "both":
                yield from self._both_kinds(table, both, lead, depth)
            for phrase in self.noun_phrase(both, depth + 1, values=strong):
                if phrase.mods.dims:
                    continue
                for conditions, cost in self._tie(table, phrase, lead, operator, number):
                    if universal and (depth > 0 or any(isinstance(c, Related) for c in conditions)):
                        continue  # "ordered by all customers" is not "by some customer"
                    if not said:
                        yield phrase.end, conditions, cost
                    for joint, word in self.phrase(phrase.end, ("and", "or", "but not", "and a", "or a",
                        "but not a", "but no", "and not", "nor")):  # fmt: skip
                        kind = word.split()[0] if "not" not in word and word != "but no" else "not"
                        if (said == "both" and kind != "and") or (said == "either" and kind not in ("or", "nor")):
                            continue
                        for other in self.noun_phrase(joint, depth + 1, values=True):
                            if other.table != phrase.table or not other.mods.where or not phrase.mods.where:
                                continue
                            for others, more in self._tie(table, other, lead, operator, number):
                                total = cost + more
                                if kind == "and":
                                    yield other.end, conditions + others, total
                                elif kind in ("or", "nor") and not lead.negated:
                                    yield other.end, (AnyOf((conditions, others)),), total
                                elif kind in ("or", "nor"):
                                    yield other.end, conditions + others, total
                                elif not lead.negated:
                                    yield other.end, (*conditions, NotAll(others)), total

    def _both_kinds(
        self, table: str, at: int, lead: relations.Lead, depth: int
    ) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        """ "Both cat and dog pets": each kind is related."""
        for name, scope in self.scopes.items():
            for first in scope.link.values(at):
                for joint, _ in self.phrase(first.end, ("and", "and a")):
                    for second in scope.link.values(joint):
                        if second.column != first.column or second.value == first.value:
                            continue
                        for end in (e for e, _ in scope.link.entity(second.end)):
                            for last, mods in self.mods(name, end, depth + 1):
                                if mods.rank or mods.dims:
                                    continue
                                kinds = [
                                    Test(Filter(first.column.name, "=", (v,))) for v in (first.value, second.value)
                                ]
                                tied = [
                                    next(
                                        self._tie(
                                            table, Phrase(last, name, Mods((kind, *mods.where)), True), lead, ">=", 1
                                        ),
                                        None,
                                    )
                                    for kind in kinds
                                ]
                                if tied[0] is not None and tied[1] is not None:
                                    yield last, tied[0][0] + tied[1][0], mods.cost

    def _in_both(self, table: str, at: int, lead: relations.Lead) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        """ "Had a concert in both 2014 and 2015": one in each."""
        for quantified, _, _ in relations.quantities(self, at):
            for noun in self.nouns(quantified):
                for both, _ in self.phrase(
                    noun.end, ("in both", "in both years", "in the years of both", "in years of both", "both in")
                ):
                    for first, one in self._in_period(noun.table, both):
                        for joint, _ in self.phrase(first, ("and", "and in")):
                            for end, other in self._in_period(noun.table, joint):
                                phrases = [
                                    Phrase(end, noun.table, Mods((*noun.where, test), cost=noun.cost), True)
                                    for test in (one, other)
                                ]
                                tied = [next(self._tie(table, p, lead, ">=", 1), None) for p in phrases]
                                if tied[0] is not None and tied[1] is not None:
                                    yield end, tied[0][0] + tied[1][0], tied[0][1]

    def _in_period(self, table: str, at: int) -> Iterator[tuple[int, Test]]:
        scope = self.scopes[table]
        for end, meaning in scope.time(at, OldLead(preposition="in")):
            far = [f for f in meaning.filters if scope.far_date(scope.table.column(f.column))]
            if len(meaning.filters) == 1 and not far:
                yield end, Test(meaning.filters[0])

    def _reversed(self, table: str, at: int, depth: int) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        """ "Courses that students from Peru take", "how many pets do students own"."""
        if self.norm(at - 1) in ("and", ",", "or", "but"):
            return
        for both, _ in self.phrase(at, ("both",)):
            yield from self._both_reversed(table, both, depth)
        for phrase in self.noun_phrase(at, depth + 1, values=True):
            if phrase.mods.dims or phrase.mods.rank or phrase.table == table:
                continue
            for end, lead in relations.leads(self, phrase.end):
                if (lead.verb or lead.have) and not lead.relative:
                    for conditions, cost in self._tie(table, phrase, lead, ">=", 1):
                        yield end, conditions, cost
                past = not lead.verb and not lead.preposition and self.named_by_verb(phrase.table, self.norm(end))
                if past and not lead.relative:  # "has Ana never observed"
                    for conditions, cost in self._tie(table, phrase, replace(lead, have=True), ">=", 1):
                        yield end + 1, conditions, cost

    def _both_reversed(self, table: str, at: int, depth: int) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        """ "(Which products did both) A and B order": each has a row of its own."""
        for first in self.noun_phrase(at, depth + 1, values=True):
            for joint, _ in self.phrase(first.end, ("and",)):
                for second in self.noun_phrase(joint, depth + 1, values=True):
                    plain = all(
                        p.mods.where and p.mods == Mods(p.mods.where, cost=p.mods.cost) for p in (first, second)
                    )
                    if not plain or first.table != second.table or first.table == table or first.mods == second.mods:
                        continue
                    for end, lead in relations.leads(self, second.end):
                        if (lead.verb or lead.have) and not (lead.negated or lead.relative):
                            tied = [next(self._tie(table, p, lead, ">=", 1), None) for p in (first, second)]
                            if tied[0] is not None and tied[1] is not None:
                                yield end, tied[0][0] + tied[1][0], tied[0][1] + tied[1][1]

    def _tie(
        self, table: str, phrase: Phrase, lead: relations.Lead, operator: Comparator, number: int
    ) -> Iterator[tuple[tuple[Condition, ...], int]]:
        """``phrase`` as a condition on rows of ``table``, over every shortest way between them."""
        where, cost, rank = phrase.mods.where, phrase.mods.cost, phrase.mods.rank
        if rank is not None:
            if not isinstance(rank.by, Field) or rank.number != 1 or rank.nth is not None or rank.by.path:
                return
            where = (*where, Versus(rank.by, "=", "max" if rank.descending else "min", where))
        if phrase.table == table and not lead.verb and not lead.have and not lead.preposition:
            return
        for path in self.graph.ways(table, phrase.table):
            if lead.verb in _ROLES and path[0].up and relations.role_cost(self.graph, path[0], lead.verb) >= 0:
                continue  # who belongs to a department does not manage it
            total = cost + sum(relations.role_cost(self.graph, step, lead.verb) for step in path) + (len(path) > 1)
            if all(step.up for step in path):
                if (operator, number) not in ((">=", 1), ("=", 0), ("=", 1)) or (number == 0 and lead.negated):
                    continue
                negated = lead.negated or number == 0
                tests = tuple(shift(condition, path) for condition in where)
                if not tests:
                    if lead.preposition == "by" and not lead.verb:
                        continue  # "players by team" are groups
                    if lead.preposition and not lead.verb and not negated and len(path) == 1 and number == 1:
                        yield (), total  # "orders of customers" are all orders
                        continue
                    yield ((NotAll((Known(path),)),) if negated else (Known(path),)), total
                else:
                    yield ((NotAll(tests),) if negated else tests), total
            else:
                downs = sum(not step.up for step in path)
                if downs > 1 and (operator, number) not in ((">=", 1), ("=", 0)):
                    continue  # how many of them would be counted through rows of a third table
                if lead.negated and (operator, number) != (">=", 1):
                    continue
                quantity: tuple[Comparator, int] = ("=", 0) if lead.negated else (operator, number)
                yield (Related(path, where, *quantity),), total

    def _except(self, table: str, at: int, depth: int) -> Iterator[tuple[int, Mods]]:
        """ "Except for those that …", "excluding singers from France"."""
        for start, _ in self.phrase(
            at, ("except for", "except", "excluding", "other than", "but not", "apart from", "besides")
        ):
            for those, _ in self.phrase(start, ("those", "the ones", "ones")):
                for end, mods in self.mods(table, those, depth + 1):
                    if mods.where and not mods.rank:
                        yield end, Mods((NotAll(mods.where),), cost=mods.cost)
            for phrase in self.noun_phrase(start, depth + 1):
                if phrase.table == table and phrase.mods.where and not phrase.mods.rank:
                    yield phrase.end, Mods((NotAll(phrase.mods.where),), cost=phrase.mods.cost)

    def _times(self, at: int) -> Iterator[tuple[int, Comparator, int]]:
        """ "More than once", "at least three times"."""
        for verb in self.skip(at, _OCCUR):
            for end, word in self.phrase(verb, _OFTEN):
                yield end, *_OFTEN[word]
            for start, word in self.phrase(verb, lexicon.COMPARISONS):
                for end, number in self.any.number(start):
                    if isinstance(number, int) and self.norm(end) == "times":
                        yield end + 1, lexicon.COMPARISONS[word], number

    def _events(self, table: str, at: int, depth: int) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        """ "Patients who were never admitted", "admitted to W at least three times": the verb names the rows of another
        table, as the noun "admission" would."""
        for start, lead in relations.leads(self, at):
            if lead.verb or lead.preposition or not self.norm(start):
                continue
            for name in self.graph.tables:
                if name == table or not self.named_by_verb(name, self.norm(start), self.norm(start - 1)):
                    continue
                having = replace(lead, have=True)
                for first, operator, number in ((start + 1, ">=", 1), *self._times(start + 1)):
                    for end, mods in self.mods(name, first, depth + 1):
                        if mods != Mods(mods.where, cost=mods.cost):
                            continue
                        counts = self._times(end) if first == start + 1 else ()
                        for last, how, often in ((end, operator, number), *counts):
                            phrase = Phrase(last, name, Mods(mods.where, cost=mods.cost), True)
                            for conditions, cost in self._tie(table, phrase, having, how, often):
                                yield last, conditions, cost + 1
                for both in self._after_both(start + 1):
                    yield from self._each_of_two(table, name, both, having, depth)

    def named_by_verb(self, table: str, verb: str, before: str = "") -> bool:
        """Whether ``verb`` says that there is a row of ``table``: "admitted" for admissions, "did not order"."""
        nouns = self.scopes[table].link.nouns()
        past = (verb.endswith("ed") or verb in IRREGULAR_VERBS) and verb not in nouns
        return (past or before in _AUXILIARIES) and any(akin(verb, noun) for noun in nouns)

    def _after_both(self, at: int) -> Iterator[int]:
        for start in self.skip(at, ("to", "in", "on", "at", "for", "with", "from", "by")):
            yield from (end for end, _ in self.phrase(start, ("both", "both in", "both to")))

    def _each_of_two(
        self, table: str, name: str, at: int, lead: relations.Lead, depth: int
    ) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
        """ "A and B", each a condition on a row of its own."""
        if lead.negated:
            return

        def one_at(place: int) -> Iterator[tuple[int, tuple[Condition, ...], int]]:
            yield from self.conditions(name, place, depth + 1)
            yield from ((end, (test,), 1) for end, test in self._in_period(name, place))

        for middle, one, cost in one_at(at):
            for joint, _ in self.phrase(middle, ("and", "and in", "and to")):
                for end, other, more in one_at(joint):
                    phrases = [Phrase(end, name, Mods(where), True) for where in (one, other)]
                    tied = [next(self._tie(table, phrase, lead, ">=", 1), None) for phrase in phrases]
                    if one != other and tied[0] is not None and tied[1] is not None:
                        yield end, tied[0][0] + tied[1][0], cost + more + tied[0][1]
