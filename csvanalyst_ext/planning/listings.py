"""Questions for rows and values: "list the origins", "what is the population of France".  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from . import lexicon
from .counting import called_by_function
from .parts import Meaning
from .plan import Filter, Order, Plan
from .schema import Column
from .sentences import Reading, Sentences, asks_for_kinds
from .words import is_plural


class Listings(Sentences):
    """Rules for lists and look-ups."""

    def listing(self, at: int, given: Meaning) -> Iterator[Reading]:
        yield from self._listed_rows(at, given, spoken=False)
        for start, verb in self.phrase(at, lexicon.LIST):
            for article in self.articles(start):
                yield from self._listed_columns(article, given, explicit=False)
                for after, _ in self.phrase(article, lexicon.DISTINCT):
                    for of in self.skip(after, ("values of", "values in", "values for")):
                        yield from self._listed_columns(of, given, explicit=True)
                yield from self._listed_rows(article, given, names=verb in ("which", "what"))

    def _listed_columns(self, at: int, given: Meaning, *, explicit: bool) -> Iterator[Reading]:
        rows = {end for end, _ in self.rows(at)}
        for end, columns, cost in self.column_list(at):
            if end in rows and columns[0].kind == "number":
                continue
            if self._calculated(at, end, columns):
                continue
            for rest in self.rest(end):
                total = given + rest
                plural = is_plural(self.norm(end - 1)) or len(columns) > 1 or explicit or total.rows
                if total.dimensions or (not plural and not total.filters):
                    continue
                names = tuple(column.name for column in columns)
                single = len(columns) == 1 and (columns[0].kind != "number" or columns[0].is_year)
                distinct = explicit or (single and (not total.rows or asks_for_kinds(self.tokens)))
                order = Order(total.order[1], column=total.order[0]) if total.order else None
                if distinct and order and order.column not in names:
                    continue
                negated = any(f.operator in ("<>", "not in") for f in total.filters)
                if distinct and negated and self.table.unique(columns[0]) is not True:
                    continue  # "species that do not live there": in no row, or not in some row?
                plan = Plan(self.table.name, select=names, distinct=distinct, filters=total.filters, order=order)
                reading = Reading(plan, cost + total.cost)
                yield self.maybe_sum(reading, columns[0]) if distinct else reading

    def _listed_rows(self, at: int, given: Meaning, *, spoken: bool = True, names: bool = False) -> Iterator[Reading]:
        """ "List all flights from JFK"; without a verb only with a condition: "flights over 4000 miles".
        "Which movies …" asks for their names."""
        select = tuple(column.name for column in self.labels()) if names else ()
        limits = [(at, 0)]
        for start in self.skip(at, ("first",)):
            limits += list(self.whole(start))
        for start, limit in limits:
            for end, meaning in self.plain_rows(start):
                if not is_plural(self.norm(end - 1)) and limit != 1:
                    continue
                for rest in self.rest(end):
                    total = given + meaning + rest
                    if total.dimensions or not (spoken or (total.filters and not limit)):
                        continue
                    order = Order(total.order[1], column=total.order[0]) if total.order else None
                    plan = Plan(self.table.name, select=select, filters=total.filters, order=order, limit=limit or None)
                    yield Reading(plan, total.cost)

    def looking_up(self, at: int, given: Meaning) -> Iterator[Reading]:
        """ "What is the population of France", "France's population"."""
        singular = at == 0 or self.norm(at - 1) in ("is", "was", "me", "for", "show", "give", "find", "get")
        for end, columns, cost in self.column_list(at) if singular else ():
            if self._calculated(at, end, columns):
                continue
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

    def _calculated(self, at: int, end: int, columns: Sequence[Column]) -> bool:
        """Whether a column is named by a function that its own name starts with: then that is asked for."""
        return (
            len(columns) == 1
            and not is_plural(self.norm(end - 1))
            and any(called_by_function(columns[0], self.norm(start)) for start in self.articles(at))
        )

    def _looked_up(self, columns: Sequence[Column], meaning: Meaning, cost: int) -> Iterator[Reading]:
        names = tuple(column.name for column in columns)
        if not any(f.operator == "=" for f in meaning.filters) or {f.column for f in meaning.filters} & set(names):
            return
        plan = Plan(self.table.name, select=names, distinct=True, filters=meaning.filters)
        yield Reading(plan, cost + meaning.cost, one_row=not any(f.operator == "in" for f in meaning.filters))
