"""The words that lead to a condition: "that are in", "not from", "hired", "directed by".  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from . import lexicon
from .counting import Counting
from .schema import Column
from .words import IRREGULAR_VERBS, akin, stems

_MOST_WORDS: Final = 8


@dataclass(frozen=True, slots=True)
class Lead:
    """The words that lead to a condition: a preposition, "not", "have", a verb that asks for certain
    columns (``places``), a verb that is a date column's name (``dated``: "hired", "released")."""

    preposition: str = ""
    negated: bool = False
    have: bool = False
    copula: bool = False
    relative: bool = False
    places: frozenset[str] = frozenset()
    dated: str = ""


class Leads(Counting):
    """Rules for leading words."""

    def leads(self, at: int, lead: Lead, depth: int = 0) -> Iterator[tuple[int, Lead]]:
        """``at`` itself and after each run of leading words."""
        yield at, lead
        if depth >= _MOST_WORDS or lead.dated:
            return
        word = self.norm(at)
        options: list[tuple[int, Lead]] = []
        if word in ("the", "a", "an", "all", "any", "only", "just", "there", "do", "did", "does", "also"):
            options.append((at + 1, lead))
        if word in lexicon.RELATIVES and not lead.preposition:
            options.append((at + 1, replace(lead, relative=True)))
        if word in lexicon.COPULAS:
            options.append((at + 1, replace(lead, copula=True)))
        if word in lexicon.HAVE:
            options.append((at + 1, replace(lead, have=True)))
        if word in lexicon.PREPOSITIONS and not lead.preposition:
            options.append((at + 1, replace(lead, preposition=word)))
        if (word in lexicon.FILLER_VERBS or self.makes_rows(word)) and not lead.preposition:
            options.append((at + 1, lead))
        if word in lexicon.NAMED and not lead.preposition:
            options.append((at + 1, replace(lead, places=lexicon.NAMES)))
        if word.endswith("ed") and self.norm(at + 1) == "by" and not lead.preposition:
            for column in self._doers(word):  # "directed by" for the column director
                options.append((at + 2, replace(lead, places=frozenset({column.pieces[-1]}))))
        if word in lexicon.VERB_PLACES and not lead.preposition:
            options.append((at + 1, replace(lead, places=lexicon.VERB_PLACES[word])))
        if not lead.negated and word == "neither":
            options.append((at + 1, replace(lead, negated=True)))
        if not lead.negated:
            options += [(end, replace(lead, negated=True)) for end, _ in self.phrase(at, lexicon.NEGATIONS)]
        if word and not lead.preposition:
            for column in self.dated_by(word):
                options.append((at + 1, replace(lead, dated=column.name)))
        for after, more in options:
            yield from self.leads(after, more, depth + 1)

    def makes_rows(self, word: str) -> bool:
        """Whether a verb says no more than that the row is there: "inspected" of inspections."""
        past = word.endswith("ed") or word in IRREGULAR_VERBS
        return past and any(word != noun and akin(word, noun) for noun in self.link.nouns())

    def dated_by(self, verb: str) -> Iterator[Column]:
        """Date and year columns that are called after the verb: ``hire_date`` for "hired"."""
        for column in self.table.columns:
            if column.kind == "date" or column.is_year:
                front = [
                    p for p in column.pieces if p not in ("date", "time", "year", "at", "on", "day", "yr", "timestamp")
                ]
                if (
                    len(front) == 1
                    and (verb.endswith("ed") or verb in IRREGULAR_VERBS)
                    and stems(verb) & stems(front[0])
                ):
                    yield column

    def _doers(self, verb: str) -> Iterator[Column]:
        for column in self.table.columns:
            name = column.pieces[-1] if column.pieces else ""
            if (
                column.kind == "text"
                and name.endswith(("or", "er"))
                and name[:-2] in {s.rstrip("e") for s in stems(verb)}
            ):
                yield column
