"""What the forms of questions share: readings, the rest of a sentence, names for rows.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from . import lexicon
from .conditions import Conditions
from .leads import Lead
from .parts import Meaning
from .plan import Dimension, Plan, simple
from .remembering import remembered
from .schema import Column
from .words import Token, is_plural, pieces

MAX_SELECT: Final = 6
_MOST_NUMBER_GROUPS: Final = 20
NOTHING: Final = Meaning()


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


class Sentences(Conditions):
    """Rules that every form uses."""

    def rest(self, at: int, depth: int = 0) -> Iterator[Meaning]:
        """Everything from ``at`` to the end: conditions, groups, an order, and words that say nothing."""
        if at == self.size:
            yield NOTHING
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

    @remembered
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
                    if word == "per" and self._maybe_ratio(end, dimensions):
                        continue
                    column = self.table.column(dimensions[0].column)
                    opposite = {"from each": "to", "to each": "from"}.get(word)
                    if opposite is None or not set(column.pieces) & lexicon.DIRECTIONS[opposite]:
                        yield end, Meaning(dimensions=dimensions, cost=cost)
        for verb_column in self.dated_by(self.norm(at)) if self.norm(at) else ():
            yield from self._dated_group(at + 1, verb_column)
        if self.norm(at) in lexicon.COPULAS and self.norm(at + 1):
            for verb_column in self.dated_by(self.norm(at + 1)):
                yield from self._dated_group(at + 2, verb_column)
        for start, _ in self.phrase(at, lexicon.DOES_EACH):
            for end, dimensions, cost in self.dimensions(start):
                for last in self.skip(end, ("have", "has", "had", "make", "made", "get", "got", "contain", "include")):
                    yield last, Meaning(dimensions=dimensions, cost=cost)

    def _maybe_ratio(self, end: int, dimensions: tuple[Dimension, ...]) -> bool:
        """ "Price per bedroom" and "price per sqft" may speak of a division, not of groups."""
        for dimension in dimensions:
            column = self.table.column(dimension.column)
            calendar = dimension.part or column.is_year or column.is_month or column.is_day
            if column.kind != "number" or calendar or column.pieces[-1] == "id":
                continue
            if column.distinct > _MOST_NUMBER_GROUPS or not any(
                self.norm(at) == column.pieces[-1] or pieces(self.norm(at)) == column.pieces for at in range(end)
            ):
                return True
        return False

    def _dated_group(self, at: int, column: Column) -> Iterator[tuple[int, Meaning]]:
        """ "hired per year", "released each month"."""
        for start, _ in self.phrase(at, lexicon.GROUPING):
            for end, word in self.phrase(start, lexicon.TIME_PARTS):
                if column.kind == "date":
                    yield from ((end, Meaning(dimensions=parts)) for parts in self.time_parts(word, column))
                elif column.is_year and word == "year":
                    yield end, Meaning(dimensions=(Dimension(column.name),))

    def _mention(self, at: int) -> Iterator[tuple[int, Meaning]]:
        """The table itself, or its rows without any condition: "of all flights", "in the data set"."""
        for start, lead in self.leads(at, Lead()):
            if lead.negated or lead.places or lead.dated:
                continue
            if not lead.preposition:
                if start == self.size and start > at and not lead.relative:
                    yield start, NOTHING  # "… are there", "… do exist"
                continue
            if lead.preposition in ("of", "for", "in", "from", "among", "across", "within", "on"):
                for end, _ in self.phrase(start, lexicon.DATA):
                    yield end, NOTHING
                for this in self.skip(start, ("this", "my")):
                    for end, _ in self.phrase(this, lexicon.DATA):
                        yield end, NOTHING
                of_rows = lead.preposition in ("of", "for")
                for end in self.link.table_name(start):
                    for last in self.skip(end, lexicon.DATA):
                        yield last, Meaning(rows=of_rows)
                for end, cost in self.link.entity(start):
                    yield end, Meaning(cost=cost, rows=of_rows)
                    for last, _ in self.phrase(end, lexicon.DATA):
                        yield last, Meaning(cost=cost)

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
        nouns = self.link.nouns()
        found = [
            column
            for column in self.table.columns
            if column.kind == "text"
            and (column.pieces[-1] in lexicon.NAMES or (len(column.pieces) == 1 and column.pieces[0] in nouns))
            and self.table.unique(column) is not False
        ]
        return (found[0],) if len(found) == 1 else ()

    def people(self) -> tuple[Column, ...]:
        found = [
            column
            for column in self.table.columns
            if column.kind == "text"
            and (column.pieces[-1] in lexicon.WHO)
            and not (
                len(column.pieces) > 1 and column.pieces[0] in ("first", "last", "middle", "given", "family", "sur")
            )
        ]
        return tuple(found) if len(found) == 1 else ()

    def plain_rows(self, at: int, *, numbers: bool = False) -> Iterator[tuple[int, Meaning]]:
        """Rows by a noun that is not also the name of a text column (with ``numbers``, of any column):
        "countries" in a table of countries and years are the values of its column, where it has one."""
        links = self.link.columns(at)
        taken = {link.end for link in links if link.cost == 0 and (numbers or link.column.kind == "text")}
        return (found for found in self.rows(at) if found[0] not in taken)

    def maybe_sum(self, reading: Reading, subject: Column) -> Reading:
        """ "Which regions have more than 100 sales": in one row, or in all of their rows together?"""
        for filter_ in simple(reading.plan.filters):
            column = self.table.column(filter_.column)
            summed = column.kind == "number" and column.pieces[-1] in lexicon.ADDITIVE
            if summed and self.table.unique(subject) is not True:
                return replace(reading, one_row_each=subject.name)
        return reading


def ask_how_many(reading: Reading, subject: str) -> Reading:
    question = f"How many of the first places do you want to see? The question names no number of {subject}."
    return replace(reading, ask=question, choices=("the first one", "the top 5", "the top 10"))


def without_fixed_year(meaning: Meaning) -> Meaning:
    """Where the year of a date is fixed, a month of that year and a month of any year are the same."""
    fixed = {f.column for f in meaning.filters if f.part == "year" and f.operator == "="}
    kept = tuple(
        Dimension(d.column, d.bucket) if d.column in fixed and d.bucket in ("month", "quarter") else d
        for d in meaning.dimensions
    )
    return replace(meaning, dimensions=kept)


def asks_for_kinds(words: Sequence[Token]) -> bool:
    """ "What species of pets are there?" asks for each one once."""
    said = " ".join(token.norm for token in words)
    if not said.startswith(("what ", "which ")):
        return False
    asks = words[1:3] if len(words) > 2 else ()
    held = said.endswith((" there", " exist", " available", " we have", " offer"))
    return held or any(f" {verb} " in said and is_plural(asks[0].norm) for verb in ("do", "did") if asks)
