"""Noun phrases over several tables: "the three oldest students from Peru who have at least two pets".  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from . import lexicon, relations
from .comparing import MOST_DEPTH
from .groups import Groups
from .query import (
    AnyOf,
    Calc,
    Condition,
    Field,
    NotAll,
    Related,
    Test,
)
from .schema import Column
from .spoken import MEASURED, NO_MODS, Measure, Mods, Phrase, Rank
from .words import akin, surely_plural

_STOPS: Final = frozenset({"and", ",", "but"})
_JOINTS: Final = ("and", ",", ", and", "but", ", but", "and also", "but also", "as well as")


class Phrases(Groups):
    """Rules for nouns with all that belongs to them."""

    def noun_phrase(self, at: int, depth: int, *, values: bool = False) -> list[Phrase]:
        return self._once(("np", at, depth, values), lambda: self._noun_phrase(at, depth, values))  # type: ignore[return-value]

    def _noun_phrase(self, at: int, depth: int, values: bool) -> Iterator[Phrase]:
        found = [*self.nouns(at), *(self.value_nouns(at) if values else ())]
        for noun in found:
            for end, mods in self.mods(noun.table, noun.end, depth):
                yield Phrase(end, noun.table, Mods(noun.where, cost=noun.cost) + mods, noun.plural)
        yield from self._first_of(at, depth)

    def _first_of(self, at: int, depth: int) -> Iterator[Phrase]:
        """ "The oldest singer", "the top 3 students by gpa", "the 2 singers with the highest age"."""
        for article in self.articles(at):
            spots: list[tuple[int, int | None, str]] = [(article, None, "")]
            spots += [(end, number, "") for end, number in self.any.whole(article)]
            for start, word in self.phrase(article, ("top", "bottom", "first", "last")):
                spots += [(end, number, word) for end, number in self.any.whole(start)]
            for spot, number, word in spots:
                for ordinal, nth in relations.ordinals(self, spot):
                    for rank_end, adjective in self.phrase(ordinal, lexicon.ADJECTIVES):
                        descending, names = lexicon.ADJECTIVES[adjective]
                        for noun in (*self.nouns(rank_end), *self.value_nouns(rank_end)):
                            for field, column in self._fields_of_adjective(noun.table, names, adjective):
                                calendar = column.kind == "date" or column.is_year
                                way = adjective not in ("oldest", "earliest") if calendar else descending
                                rank = Rank(
                                    field,
                                    noun.table,
                                    way,
                                    number or 1,
                                    nth,
                                    surely_plural(self.norm(noun.end - 1)) and not number,
                                )
                                for end, mods in self.mods(noun.table, noun.end, depth):
                                    if mods.rank is None:
                                        yield Phrase(
                                            end,
                                            noun.table,
                                            Mods(noun.where, rank=rank, cost=noun.cost + 1) + mods,
                                            noun.plural,
                                        )
                for superlative_end, superlative in self.phrase(spot, lexicon.SUPERLATIVES):
                    way = lexicon.SUPERLATIVES[superlative]
                    for noun in self.nouns(superlative_end):
                        for end, rank, cost in self._ranked_by(noun.table, noun.end, way):
                            for last, mods in self.mods(noun.table, end, depth):
                                if mods.rank is None and (number or not noun.plural) and depth == 0:
                                    first = replace(rank, number=number or 1)
                                    yield Phrase(
                                        last,
                                        noun.table,
                                        Mods(noun.where, rank=first, cost=noun.cost + cost) + mods,
                                        noun.plural,
                                    )
                if number is None or depth > 0:
                    continue
                for noun in self.nouns(spot):
                    for end, mods in self.mods(noun.table, noun.end, depth):
                        if mods.rank is not None and mods.rank.nth is None and word in ("", "top"):
                            rank = replace(mods.rank, number=number, many=False)
                            yield Phrase(
                                end,
                                noun.table,
                                Mods(noun.where, rank=rank, cost=noun.cost) + replace(mods, rank=None),
                                noun.plural,
                            )
                        if (
                            word in ("first", "")
                            and mods.rank is None
                            and depth == 0
                            and (word == "first" or mods.sort)
                        ):
                            yield Phrase(
                                end, noun.table, Mods(noun.where, limit=number, cost=noun.cost + 2) + mods, noun.plural
                            )
                    if word in ("top", "bottom", ""):
                        for end, rank, cost in self._ranked_by(noun.table, noun.end, word != "bottom"):
                            for last, mods in self.mods(noun.table, end, depth):
                                if mods.rank is None and (word or mods.sort):
                                    first = replace(rank, number=number)
                                    yield Phrase(
                                        last,
                                        noun.table,
                                        Mods(noun.where, rank=first, cost=noun.cost + cost) + mods,
                                        noun.plural,
                                    )

    def _fields_of_adjective(self, table: str, names: Sequence[str], adjective: str) -> list[tuple[Field, Column]]:
        """Own columns; else those of what each row is besides: "the tallest poker player" by the height of a person."""
        own = self._of_adjective(table, names, adjective)
        roles = () if own else tuple(s for s in self.graph.steps(table) if s.up and self.graph.is_a(s))
        there = [(s, c) for s in roles for c in self.scopes[s.end].columns_called(names)]
        return [(Field(c.name), c) for c in own] or [(Field(c.name, (s,)), c) for s, c in there]

    def _of_adjective(self, table: str, names: Sequence[str], adjective: str) -> list[Column]:
        found = self.scopes[table].columns_called(names)
        columns = [c for c in self.graph.tables[table].columns if c.kind == "date" or c.is_year]
        if not found and adjective in ("oldest", "youngest"):
            found = [c for c in columns if {"birth", "born", "dob", "birthday", "birthdate"} & set(c.pieces)]
        if not found and adjective in lexicon.DATE_ONLY:
            main = self.scopes[table].main_date()
            found = [main] if main is not None and len(columns) > 1 else columns
        return found

    def _ranked_by(self, table: str, at: int, descending: bool) -> Iterator[tuple[int, Rank, int]]:
        for start, _ in self.phrase(at, lexicon.RANKED_BY):
            for article in self.articles(start):
                for end, name, column, cost in self.columns(article):
                    for path, up in self.graph.ups(table):
                        if up == name and column.kind in ("number", "date") and column.switch is None:
                            yield end, Rank(Field(column.name, path), name, descending), cost + 2 * len(path)
                for end, measure, cost in self.measured(article):
                    yield end, Rank(measure, measure.table, descending), cost
                for noun in self.nouns(article):
                    if noun.table != table:
                        yield (
                            noun.end,
                            Rank(Measure(noun.table, Calc("count"), noun.where), noun.table, descending),
                            noun.cost + 1,
                        )

    def mods(self, table: str, at: int, depth: int) -> list[tuple[int, Mods]]:
        """All that may follow a noun for rows of ``table``; also nothing."""
        return self._once(("mods", table, at, depth), lambda: self._mods(table, at, depth))  # type: ignore[return-value]

    def _mods(self, table: str, at: int, depth: int) -> Iterator[tuple[int, Mods]]:
        yield at, NO_MODS
        if depth > MOST_DEPTH:
            return
        for start in self.skip(at, _JOINTS):
            for end, mods in self.mod(table, start, depth):
                if end > start:
                    nested = any(
                        isinstance(c, Related | NotAll) or (isinstance(c, Test) and c.path) for c in mods.where
                    )
                    for last, more in self.mods(table, end, depth):
                        # What follows a nested noun belongs to it sooner than to the noun before.
                        high = nested and more.where and self.norm(end) not in _STOPS
                        yield last, mods + (replace(more, cost=more.cost + 1) if high else more)

    def mod(self, table: str, at: int, depth: int) -> list[tuple[int, Mods]]:
        return self._once(("mod", table, at, depth), lambda: self._mod(table, at, depth))  # type: ignore[return-value]

    def _mod(self, table: str, at: int, depth: int) -> Iterator[tuple[int, Mods]]:
        for end, _ in self.phrase(at, (*lexicon.TAILS, *relations.TAILS)):
            yield end, NO_MODS
        for start, lead in relations.leads(self, at):
            if (lead.have or lead.verb) and not lead.negated and not lead.relative:
                for article in self.skip(start, ("a", "an", "any", "some")):
                    for name, end, cost in self.entities(article):
                        if name == table:  # "patients who had an appointment", counted in appointments
                            yield end, Mods(cost=cost + 1)
        for end, said in relations.leads(self, at):
            more = said.negated or said.relative or said.preposition or said.have
            if said.verb and end == self.size and not more and self._says_nothing(table, said.verb):
                yield end, Mods(cost=1)
        for start, _ in self.phrase(at, ("do we", "did we", "do they", "have we", "we")):
            if self.norm(start) in relations.VERBS | {"ship", "have"} or self._says_nothing(table, self.norm(start)):
                for end in self.skip(start + 1, ("to", "from", "in", "for", "with", "on")):
                    if end == self.size:
                        yield end, Mods(cost=1)
        if self.norm(at) in relations.VERBS:
            for end, _ in self.phrase(at + 1, ("there", "here", "in it", "in them", "for it", "by it")):
                yield end, NO_MODS
        for end, where, cost in self.conditions(table, at, depth):
            yield end, Mods(where, cost=cost)
            yield from self._or_else(table, end, depth, where, cost)
        yield from self._ranks(table, at, depth)
        if depth == 0:
            yield from self._most_often(table, at)
        yield from self._except(table, at, depth)
        if depth == 0:
            yield from self._groups(table, at)
            yield from self._dated(table, at)
            yield from self._sorts(table, at)
            yield from self._havings(table, at, depth)

    def _says_nothing(self, table: str, verb: str) -> bool:
        """Whether the verb says no more than that the row is there: "ordered" in a table of orders."""
        scope = self.scopes[table]
        dated = {p for c in scope.table.columns if c.kind == "date" and not c.nulls for p in c.pieces}
        return verb in lexicon.FILLER_VERBS or any(akin(verb, word) for word in (*scope.link.nouns(), *dated))

    def _or_else(
        self, table: str, at: int, depth: int, where: tuple[Condition, ...], cost: int
    ) -> Iterator[tuple[int, Mods]]:
        for start, _ in self.phrase(at, ("or", ", or", "or who", "or that", "or those")):
            for end, other, more in self.conditions(table, start, depth):
                yield end, Mods((AnyOf((where, other)),), cost=cost + more)
        # "age below 20 or above 30": the column is not said again.
        if len(where) == 1 and isinstance(where[0], Test) and not where[0].path:
            filter_ = where[0].filter
            column = self.graph.tables[table].column(filter_.column)
            if column.kind == "number":
                for start, joint in self.phrase(at, ("or", "and", "but")):
                    for more_start in self.skip(start, ("is", "are", "was")):
                        for end, other_filter in self.scopes[table]._test(more_start, column):
                            if other_filter.operator == "=" and joint != "or":
                                continue
                            other_test: tuple[Condition, ...] = (Test(other_filter),)
                            if joint == "or":
                                yield end, Mods((AnyOf((where, other_test)),), cost=cost)
                            else:
                                yield end, Mods((*where, *other_test), cost=cost)

    def _ranks(self, table: str, at: int, depth: int) -> Iterator[tuple[int, Mods]]:
        for start, lead in relations.leads(self, at):
            if (
                lead.empty
                or lead.negated
                or (lead.preposition and lead.preposition not in ("with", "in", "of", "to", "by", "for", "at"))
            ):
                continue
            for article in self.skip(start, ("the", "a", "their", "its")):
                for spot, nth in relations.ordinals(self, article):
                    for end, rank, cost in self._ranking(table, spot):
                        if depth == 0 or isinstance(rank.by, Field):
                            yield end, Mods(rank=replace(rank, nth=nth), cost=cost)

    def _most_often(self, table: str, at: int) -> Iterator[tuple[int, Mods]]:
        """ "Admitted most often", "ordered the most", "earns the least"."""
        for start, lead in relations.leads(self, at):
            if lead.negated or lead.preposition or lead.verb:
                continue
            for name in self.graph.tables:
                if name != table and self.named_by_verb(name, self.norm(start)):
                    for end, word in self.phrase(start + 1, lexicon.OFTEN):
                        for last, mods in self.mods(name, end, 1):
                            if mods == Mods(mods.where, cost=mods.cost):
                                measure = Measure(name, Calc("count"), mods.where)
                                yield last, Mods(rank=Rank(measure, name, lexicon.OFTEN[word]), cost=1 + mods.cost)
            for end, word in self.phrase(start, lexicon.VERB_COLUMNS):
                for last, most in self.phrase(end, ("the most", "most", "the least", "least")):
                    for column in self.scopes[table].columns_called(lexicon.VERB_COLUMNS[word]):
                        yield last, Mods(rank=Rank(Field(column.name), table, most.endswith("most")), cost=1)

    def _ranking(self, table: str, at: int) -> Iterator[tuple[int, Rank, int]]:
        for end, word in self.phrase(at, lexicon.MOST):
            descending = lexicon.MOST[word]
            for start in self.skip(end, ("number of", "of", "total number of", "amount of")):
                for noun in self.noun_phrase(start, 1):
                    if not noun.plural:
                        continue  # "the most electricity" is an amount, not a number of rows
                    if not noun.mods.dims and not noun.mods.rank and (noun.table != table or end > at):
                        yield (
                            noun.end,
                            Rank(Measure(noun.table, Calc("count"), noun.mods.where), noun.table, descending),
                            noun.mods.cost,
                        )
                for last, name, column, cost in self.columns(start):
                    reach = {n for _, n in self.graph.ups(table)}
                    below = column.pieces[-1] in lexicon.ADDITIVE and table in {n for _, n in self.graph.ups(name)}
                    if (
                        (name in reach or below)
                        and column.kind == "number"
                        and column.pieces[-1] not in ("id", "code")
                        and not column.is_year
                    ):
                        if column.pieces[-1] in lexicon.ADDITIVE:
                            measure = Measure(name, Calc("sum", Field(column.name)))
                            yield last, Rank(measure, name, descending), cost
                            continue
                        path = next(p for p, n in self.graph.ups(table) if n == name)
                        yield last, Rank(Field(column.name, path), name, descending), cost + 2 * len(path)
        for end, word in self.phrase(at, lexicon.SUPERLATIVES):
            descending = lexicon.SUPERLATIVES[word]
            for last, name, column, cost in self.columns(end):
                for path, up in self.graph.ups(table):
                    if up == name and column.kind in ("number", "date") and column.switch is None:
                        for final in self.skip(last, ("value", "values")):
                            yield final, Rank(Field(column.name, path), name, descending), cost + 2 * len(path)
            for last, measure, cost in self.measured(end):
                if measure.calc.function not in ("min", "max"):
                    yield last, Rank(measure, measure.table, descending), cost

    def _sorts(self, table: str, at: int) -> Iterator[tuple[int, Mods]]:
        for end, word in self.phrase(at, tuple(f"{adjective} first" for adjective in lexicon.ADJECTIVES)):
            down, names = lexicon.ADJECTIVES[word.removesuffix(" first")]
            for column in self._of_adjective(table, names, ""):
                yield end, Mods(sort=(((table, Field(column.name)), down),), cost=1)
        for end, word in self.phrase(at, ("in alphabetical order", "in alphabetic order", "alphabetically",
            "in reverse alphabetical order", "sorted alphabetically", "ordered alphabetically",
            "sorted in alphabetical order", "in lexicographical order")):  # fmt: skip
            yield end, Mods(sort=(((table, Field("")), "reverse" in word),))
        for start in self.skip(at, (",",)):
            for end, word in self.phrase(start, lexicon.FIRSTS):
                yield end, Mods(sort=(((table, Field(MEASURED)), lexicon.FIRSTS[word]),))
        for start, before in relations.sort_leads(self, at):
            for article in self.articles(start):
                for end, name, column, cost in self.columns(article):
                    for path, up in self.graph.ups(table):
                        if up == name:
                            calendar = column.kind == "date" or column.is_year
                            for last, descending in relations.directions(self, end, calendar=calendar):
                                way = before if descending is None else descending
                                field = Field(column.name, path)
                                yield last, Mods(sort=(((name, field), bool(way)),), cost=cost + 2 * len(path))
                for end, measure, cost in self.measured(article):
                    for last, descending in relations.directions(self, end):
                        way = before if descending is None else descending
                        yield last, Mods(sort=((measure, bool(way)),), cost=cost)
