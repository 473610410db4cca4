"""The forms of questions that are understood.  Pure.

Each form yields readings; a reading accounts for every word of the question.  What has the same cost
and another plan is an ambiguity, and the caller asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from . import lexicon
from .listings import Listings
from .parts import Meaning
from .plan import Dimension, Measure, Plan
from .rankings import Rankings
from .sentences import NOTHING, Reading, without_fixed_year
from .words import is_plural


class Questions(Rankings, Listings):
    """All forms, for one question and one table."""

    def readings(self) -> Iterator[Reading]:
        for start in self._openings(0):
            yield from self._core(start, NOTHING)
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
        yield from self.superlative(at, given)
        yield from self.top(at, given)
        yield from self.listing(at, given)
        yield from self.looking_up(at, given)

    def _counting(self, at: int, given: Meaning) -> Iterator[Reading]:
        for start, _ in self.phrase(at, lexicon.HOW_MANY):
            for end, measure, meaning in self.counted(start):
                for rest in self.rest(end):
                    if not _same_twice(meaning, rest):
                        yield from self._grouped((measure,), given + meaning + rest)
            yield from self._open_count(start, given)

    def _open_count(self, at: int, given: Meaning) -> Iterator[Reading]:
        """ "How many seats": the sum of a number column, or how many different numbers?"""
        for end, column, cost in self.named(at):
            known = self.link.entity(at) or column.switch is not None or column.pieces[-1] == "id"
            if column.kind == "number" and not known and not (column.is_year or column.is_month or column.is_day):
                for rest in self.rest(end):
                    if self._in_total():
                        yield from self._grouped((Measure("sum", column.name),), given + rest + Meaning(cost=cost))
                        continue
                    choices = (f"total {column.name}", f"number of different {column.name}", f"average {column.name}")
                    for reading in self._grouped((Measure("sum", column.name),), given + rest):
                        question = f'"How many {column.name}" can mean several things. Which do you mean?'
                        yield replace(reading, cost=reading.cost + cost, ask=question, choices=choices)

    def _in_total(self) -> bool:
        """Whether the question says that numbers are to be added up."""
        return any(True for at in range(self.size) for _ in self.phrase(at, lexicon.ALTOGETHER))

    def _measuring(self, at: int, given: Meaning) -> Iterator[Reading]:
        for end, measures, meaning in self.measures(at):
            for rest in self.rest(end):
                if not _same_twice(meaning, rest):
                    yield from self._grouped(measures, given + meaning + rest)
        # "flights per carrier"
        for end, meaning in self.plain_rows(at, numbers=not is_plural(self.norm(at))):
            for rest in self.rest(end):
                if rest.dimensions or given.dimensions:
                    yield from self._grouped((Measure("count"),), given + meaning + rest)

    def _grouped(self, measures: Sequence[Measure], meaning: Meaning) -> Iterator[Reading]:
        meaning = without_fixed_year(meaning)
        if len(set(meaning.dimensions)) != len(meaning.dimensions):
            return
        if any(m.column == d.column and not d.part for m in measures for d in meaning.dimensions):
            return
        order = None
        if meaning.order is not None:
            column, descending = meaning.order
            if meaning.dimensions[:1] != (Dimension(column),) or descending:
                return  # this is the order that groups have anyway
        plan = Plan(
            self.table.name,
            dimensions=meaning.dimensions,
            measures=tuple(measures),
            filters=meaning.filters,
            order=order,
        )
        reading = Reading(plan, meaning.cost)
        if [m.function for m in measures] == ["count distinct"] and not meaning.dimensions:
            reading = self.maybe_sum(reading, self.table.column(measures[0].column))
        yield reading


def _same_twice(counted: Meaning, rest: Meaning) -> bool:
    """Whether a value is counted by its own column: "municipalities by kind" are not those of the kind
    "municipality"."""
    return bool({f.column for f in counted.filters} & {d.column for d in rest.dimensions if not d.part})
