"""Conditions whose column is not named: what somebody got, and numbers whose unit says of what they are.  Pure."""

from __future__ import annotations

from collections.abc import Iterator

from . import lexicon
from .leads import Lead
from .parts import Meaning
from .plan import Filter
from .schema import Column
from .times import Times
from .units import of_unit


class Amounts(Times):
    """Rules for these conditions."""

    def _given(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        """ "Got a C", "received an A": a short text that only one column holds."""
        if lead.preposition or lead.places or lead.negated:
            return
        for end, column, value in self.given_values(at):
            yield end, Meaning((Filter(column.name, "=", (value,)),), cost=1)

    def given_values(self, at: int) -> Iterator[tuple[int, Column, str]]:
        """After "got" and the like: a text written as it is in the data, too short to stand for itself elsewhere."""
        for verb in self.skip(at, ("was", "were", "has", "have", "had", "did", "do")):
            if self.norm(verb) not in lexicon.GOT:
                continue
            for start in self.skip(verb + 1, ("a", "an", "the")):
                links = [link for link in self.link.values(start) if link.named and link.end == start + 1]
                links = [k for k in links if self.tokens[start].text == k.value and self.tokens[start].number is None]
                if len(links) == 1 and links[0].column.switch is None:
                    yield start + 1, links[0].column, links[0].value

    def _in_its_unit(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        """ "Over 25 kg", where one column is in kilograms."""
        for start, word in self.phrase(at, lexicon.COMPARISONS) if not lead.negated and not lead.places else ():
            for end, value in self.number(start):
                columns = of_unit(self.table, self.norm(end))
                if len(columns) == 1:
                    yield end + 1, Meaning((Filter(columns[0].name, lexicon.COMPARISONS[word], (value,)),), cost=2)
