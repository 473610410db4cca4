"""Conditions: what a question says about which rows count.  Pure.

The rules yield every reading; contradictions ("from A" and "from B") are thrown out by the caller.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from . import lexicon
from .amounts import Amounts
from .leads import Lead
from .naming import core
from .parts import Meaning
from .plan import Filter, Operator, Scalar
from .remembering import remembered
from .schema import Column
from .words import is_plural, same, stems

_VERB_PLACES: Final = ("at", "in", "from", "on", "to", "by", "as")
"""What follows a column named by a verb, such as ``embarked``."""
_OPPOSITE: Final[dict[Operator, Operator]] = {
    "=": "<>", "<>": "=", "in": "not in", "null": "not null", "not null": "null",
    "<": ">=", ">": "<=", "<=": ">", ">=": "<",
}  # fmt: skip


_OLDEST: Final = 120
"""Years that a person may have."""
_AFTER_AN_AGE: Final = ("", "and", "or", ",", "in", "by", "who", "with", "from", "per")


class Conditions(Amounts):
    """Rules for filters."""

    @remembered
    def condition(self, at: int) -> Iterator[tuple[int, Meaning]]:
        """One condition with the words that lead to it."""
        for start, lead in self.leads(at, Lead()):
            if not lead.dated:
                yield from self._comparison(start, lead)
                yield from self._value(start, lead)
                yield from self._switch(start, lead)
                yield from self._given(start, lead)
                yield from self._in_its_unit(start, lead)
                yield from self._missing(start, lead)
                yield from self._text_test(start, lead)
            else:
                yield from self._happened_yet(start, lead)
            yield from self.time(start, lead)
        yield from self._text_of_subject(at)

    def _happened_yet(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        """ "Who have left", "were not delivered yet": whether the date of it is known."""
        column = self.table.column(lead.dated)
        if column.nulls and (lead.have or lead.copula or lead.negated) and not lead.preposition:
            yield at, Meaning((Filter(column.name, "null" if lead.negated else "not null"),), cost=1)

    # --- numbers --------------------------------------------------------------------------------

    def _comparison(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        if lead.preposition not in ("by", "from", "to") and not lead.places:
            for end, column, cost in self.numbers(at):
                for last, filter_ in self._after_column(end, column):
                    if (kept := _negate(filter_, lead.negated)) is not None:
                        yield last, Meaning((kept,), cost=cost)
        if (
            lead.have
            or lead.preposition == "with"
            or self.norm(at - 1) in ("took", "take", "takes", "scored", "got", "last", "lasted")
        ):
            yield from self._before_column(at, lead)
        yield from self._years_old(at)
        yield from self._aged(at, lead)
        for start, word in self.phrase(at, lexicon.COMPARISONS):  # "above age 20"
            for end, column, cost in self.numbers(start) if lead.preposition in ("", "with") else ():
                for last, value in self.amount(end, column):
                    tested = _negate(Filter(column.name, lexicon.COMPARISONS[word], (value,)), lead.negated)
                    if tested is not None:
                        yield last, Meaning((tested,), cost=cost)
        for link in self.link.identifiers(at):  # "order 1005"
            if link.column.integer and self.table.unique(link.column) is True and not lead.negated:
                for end, number in self.number(link.end):
                    yield end, Meaning((Filter(link.column.name, "=", (number,)),), cost=link.cost)
        for end, word in self.phrase(at, lexicon.COMPARATIVES):
            operator, names = lexicon.COMPARATIVES[word]
            if word == "aged":
                for column in self.columns_called(names):
                    yield from (
                        (last, Meaning((f,), cost=1)) for last, f in self._test(end, column) if not lead.negated
                    )
            yield from self._of_adjective(end, lead, operator, names)
        for end, word in self.phrase(at, lexicon.VERB_COLUMNS):
            for column in self.columns_called(lexicon.VERB_COLUMNS[word]):
                for last, filter_ in self._test(end, column):
                    if (kept := _negate(filter_, lead.negated)) is not None:
                        yield last, Meaning((kept,), cost=1)

    def _aged(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        """ "People under 30": where nothing else is said, an age."""
        if lead.preposition or lead.have or not self.link.nouns() & lexicon.PEOPLE:
            return
        for start, word in self.phrase(at, ("over", "under", "above", "below")):
            for column in self.columns_called(("age",)):
                for end, value in self.number(start):
                    filter_ = _negate(Filter(column.name, lexicon.COMPARISONS[word], (value,)), lead.negated)
                    if filter_ is not None and 0 <= value <= _OLDEST and self._ends_an_age(end):
                        yield end, Meaning((filter_,), cost=2)

    def _ends_an_age(self, at: int) -> bool:
        """Whether what comes next leaves "over 60" an age: no unit and no noun, but perhaps a value: "over 60 died"."""
        return self.norm(at) in _AFTER_AN_AGE or any(not link.named for link in self.link.values(at))

    def _years_old(self, at: int) -> Iterator[tuple[int, Meaning]]:
        """ "over 18 years old", "between 20 and 30 years of age"."""
        for column in self.columns_called(("age",)):
            for end, filter_ in self._test(at, column):
                for last, _ in self.phrase(end, ("years old", "years of age")):
                    yield last, Meaning((filter_,), cost=1)
                if self.norm(end - 1) in ("old", "age"):  # the words were taken as the unit
                    yield end, Meaning((filter_,), cost=1)

    def columns_called(self, names: Sequence[str]) -> list[Column]:
        """Number columns with one of these names: ``price``, ``price_usd``, ``unit_price`` or, in a table of
        products, ``product_price``.  An age of somebody else is not "older than"."""
        found = []
        for column in self.table.columns:
            *front, last = core(column)
            ours = not front or front[-1] in lexicon.SAME_THING or self.link.is_noun(tuple(front))
            if column.kind == "number" and last in names and ours:
                found.append(column)
        exact = [column for column in found if column.pieces[0] in names]
        return exact if len(exact) == 1 else found

    def _of_adjective(
        self, at: int, lead: Lead, operator: Operator, names: Sequence[str]
    ) -> Iterator[tuple[int, Meaning]]:
        for column in self.columns_called(names):
            for end, value in self.amount(at, column):
                for last, filter_ in self._afterwards(end, column, operator, value):
                    if (kept := _negate(filter_, lead.negated)) is not None:
                        yield last, Meaning((kept,), cost=1)

    def _after_column(self, at: int, column: Column) -> Iterator[tuple[int, Filter]]:
        """What may follow the name: "is over 5", "= 5", "of at least 5", "between 5 and 7", "5"."""
        for start in self.skip(
            at, ("is", "are", "was", "were", "of", "being", "value", "is a", "of a", "that is", "which is")
        ):
            negated = self.one_of(start, "not")
            yield from self._test(start, column)
            if negated is not None:
                for end, filter_ in self._test(negated, column):
                    if (kept := _negate(filter_, True)) is not None:
                        yield end, kept

    def _test(self, at: int, column: Column) -> Iterator[tuple[int, Filter]]:
        for start, word in self.phrase(at, lexicon.COMPARISONS):
            for end, value in self.amount(start, column):
                yield end, Filter(column.name, lexicon.COMPARISONS[word], (value,))
        for start, word in self.phrase(at, lexicon.COMPARATIVES):
            operator, names = lexicon.COMPARATIVES[word]  # "whose weight is heavier than 10"
            if set(names) & set(column.pieces):
                for end, value in self.amount(start, column):
                    yield end, Filter(column.name, operator, (value,))
        if at < self.size and self.tokens[at].kind == "operator":
            for end, value in self.amount(at + 1, column):
                yield end, Filter(column.name, lexicon.SIGNS[self.norm(at)], (value,))
        for word, joint in (("between", "and"), ("from", "to"), ("in the range of", "to")):
            for start, _ in self.phrase(at, (word,)):
                for middle, low in self.amount(start, column):
                    after = self.one_of(middle, joint)
                    for last, high in self.amount(after, column) if after is not None else ():
                        if low <= high:
                            yield last, Filter(column.name, "between", (low, high))
        for end, value in self.amount(at, column):
            yield from self._afterwards(end, column, "=", value)
            for second, _ in self.phrase(end, ("or",)):
                for last, other in self.amount(second, column):
                    yield last, Filter(column.name, "in", (value, other))

    def _afterwards(self, at: int, column: Column, operator: Operator, value: Scalar) -> Iterator[tuple[int, Filter]]:
        yield at, Filter(column.name, operator, (value,))
        if operator == "=":
            for end, word in self.phrase(at, lexicon.AFTERWARDS):
                yield end, Filter(column.name, lexicon.AFTERWARDS[word], (value,))

    def _before_column(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        """ "with more than 100 seats", "with 2 engines"."""
        options: list[tuple[int, Operator]] = [(at, "=")]
        options += [(end, lexicon.COMPARISONS[word]) for end, word in self.phrase(at, lexicon.COMPARISONS)]
        for start, operator in options:
            for middle, value in self.number(start):
                spots: list[tuple[int, Operator]] = [(middle, operator)]
                if operator == "=":
                    spots += [(end, lexicon.AFTERWARDS[word]) for end, word in self.phrase(middle, lexicon.AFTERWARDS)]
                for joint, _ in self.phrase(middle, ("or",)) if operator == "=" else ():
                    for second, other in self.number(joint):  # "with 1 or 2 stars"
                        for end, column, cost in self.numbers(second) if not lead.negated else ():
                            if column.switch is None:
                                yield end, Meaning((Filter(column.name, "in", (value, other)),), cost=cost)
                for spot, final in spots:
                    for end, column, cost in self.numbers(spot):
                        calendar_part = column.is_year or column.is_month or column.is_day
                        if is_plural(self.norm(end - 1)) and any(last == end for last, _ in self.link.entity(spot)):
                            continue  # "more than 100 flights" counts rows; it is not about the flight number
                        if not calendar_part and column.switch is None:
                            filter_ = _negate(Filter(column.name, final, (value,)), lead.negated)
                            if filter_ is not None:
                                yield end, Meaning((filter_,), cost=cost)

    # --- values ---------------------------------------------------------------------------------

    def _value(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        for end, column, values, cost, named in self.value_list(at):
            if not _direction_fits(lead.preposition, column) or not self._place_fits(lead, column):
                continue
            # A value that nothing leads to, as in "person 'Ann'", is sooner the value of a column of that name.
            bare = int(lead == Lead())
            meaning = Meaning((_equality(column, values, lead.negated),), cost=cost + bare)
            if not named:
                yield end, meaning
                for last, more in self.rows(end):
                    if not more.filters and (lead.preposition or lead.copula):
                        yield last, meaning + more
            # "the Sales department", "Dream island"
            for last, other, more_cost in self.named(end):
                if other.name == column.name:
                    yield last, meaning + Meaning(cost=more_cost)
            # "Double rooms" of the column "Room Type"
            if len(column.pieces) > 1 and self.norm(end) and any(same(self.norm(end), p) for p in column.pieces):
                yield end + 1, meaning + Meaning(cost=1)
        if lead.preposition in ("of", "for", "among", "in", "from", "across", "at") or lead.copula or lead.negated:
            # "of female first class passengers": several values in front of the noun
            for end, meaning in self.rows(at):
                if not lead.negated:
                    yield end, meaning
                elif len(meaning.filters) == 1 and (kept := _negate(meaning.filters[0], True)) is not None:
                    yield end, replace(meaning, filters=(kept,))
        if lead.preposition in ("by", "to"):
            return
        for end, column, cost in self.named(at):
            if column.kind != "text" or not self._place_fits(lead, column):
                continue
            for start in self.skip(end, ("is", "are", "was", "=", "equals", "equal to", "is equal to", "named",
            "called",
                                         "of", "==", "being", "is named", "is called", "value", "!=", "is not", "not",
                                         "is not equal to", "is either", "in", "either", "are not", "was not",
                                         *(_VERB_PLACES if column.pieces[-1].endswith("ed") else ()))):  # fmt: skip
                said = " ".join(self.norm(i) for i in range(end, start))
                negated = lead.negated != ("not" in said or "!=" in said)
                for last, other, values, more_cost, _ in self.value_list(start):
                    if other.name == column.name:
                        yield last, Meaning((_equality(column, values, negated),), cost=cost + more_cost)

    def _place_fits(self, lead: Lead, column: Column) -> bool:
        """ "live in X" is about a column of places, "named X" about one of names."""
        if lead.places is lexicon.NAMES:
            return column.pieces[-1] in lexicon.NAMES
        return not lead.places or (column.pieces[-1] in lead.places and len(column.pieces) == 1)

    # --- yes and no, missing, text --------------------------------------------------------------

    def _switch(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        if lead.preposition and lead.preposition not in ("with", "for"):
            return
        for end, column, cost in self._switch_columns(at):
            yes_and_no = column.switch or (None, None)
            bare = not lead.preposition or lead.preposition == "with"
            meant = yes_and_no[lead.negated]
            if bare and meant is not None:
                yield end, Meaning((Filter(column.name, "=", (meant,)),), cost=cost)
            words = {"true": False, "yes": False, "false": True, "no": True}
            for word, wanted in zip(column.words, (False, True), strict=False):
                words.setdefault(word.lower(), _says_no(word, wanted))
            for start in self.skip(end, ("is", "=", "are", "equals", "was", "of")):
                if self.norm(start) in words:
                    said = yes_and_no[words[self.norm(start)] != lead.negated]
                    if said is not None:
                        yield start + 1, Meaning((Filter(column.name, "=", (said,)),), cost=cost)

    def _switch_columns(self, at: int) -> Iterator[tuple[int, Column, int]]:
        seen = set()
        for end, column, cost in self.named(at):
            if column.switch is not None:
                seen.add(column.name)
                yield end, column, cost
        word = self.norm(at)
        for column in self.table.columns:
            pieces = [p for p in column.pieces if p not in ("is", "has", "was", "had")]
            verb = word and len(pieces) == 1 and stems(word) & stems(pieces[0])
            if verb and column.switch is not None and column.name not in seen:
                yield at + 1, column, 1

    def _missing(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        if (lead.have or lead.preposition == "with") and self.norm(at - 1) in ("a", "an", "any"):
            for end, column, cost in self.named(at):  # "passengers with a cabin"
                if _has_no(column):
                    yield end, Meaning((Filter(column.name, "null" if lead.negated else "not null"),), cost=cost)
        if lead.have or lead.copula or lead.preposition == "with":
            for start, word in self.phrase(at, ("missing", "null", "no", "no known", "an unknown", "a missing")):
                for end, column, cost in self.named(start):
                    if word in ("no", "a missing", "an unknown", "no known") and not lead.have and not lead.preposition:
                        continue
                    if word == "no" and not _has_no(column):
                        continue
                    for last in self.skip(end, ("value", "values")):
                        operator: Operator = "not null" if lead.negated else "null"
                        for recorded in self.skip(last, ("recorded", "known", "on record", "given")):
                            yield recorded, Meaning((Filter(column.name, operator),), cost=cost)
        for start, _ in self.phrase(at, ("without", "without a", "without an", "without any")):
            for end, column, cost in self.named(start):
                if _has_no(column) and not lead.negated:
                    yield end, Meaning((Filter(column.name, "null"),), cost=cost)
        if (lead.have or lead.preposition == "with") and self.norm(at) == "known":
            for end, column, cost in self.named(at + 1):
                yield end, Meaning((Filter(column.name, "null" if lead.negated else "not null"),), cost=cost)
        if lead.preposition not in ("", "with", "for"):
            return
        for end, column, cost in self.named(at):
            for start in self.skip(end, ("is", "are", "was", "were", "value is")):
                for middle in self.skip(start, ("not",)):
                    negated = lead.negated != (middle > start)
                    if (after := self.one_of(middle, "missing", "null")) is not None:
                        yield after, Meaning((Filter(column.name, "not null" if negated else "null"),), cost=cost)

    def _text_test(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        if lead.negated or lead.preposition not in ("", "with", "for"):
            return
        for end, column, cost in self.named(at):
            if column.kind != "text":
                continue
            for joint in self.skip(end, ("that", "which")):
                for start, word in self.phrase(joint, lexicon.TEXT_TESTS):
                    for text in self.skip(start, ("the letter", "the word", "the letters", "the text", "the string")):
                        if text < self.size and self.tokens[text].kind in ("quoted", "word", "number"):
                            token = self.tokens[text]
                            fold = token.kind != "quoted"
                            filter_ = Filter(column.name, lexicon.TEXT_TESTS[word], (token.text,), fold=fold)
                            yield text + 1, Meaning((filter_,), cost=cost)

    def _text_of_subject(self, at: int) -> Iterator[tuple[int, Meaning]]:
        """ "Restaurants whose name starts with B": after a column, of its own values."""
        tests = [
            (start, lexicon.TEXT_TESTS[word])
            for joint in self.skip(at, ("that", "which", "whose name", "whose names", "with a name that", "with names"))
            for start, word in self.phrase(joint, lexicon.TEXT_TESTS)
        ]
        for before in range(max(0, at - 3), at) if tests else ():
            for end, column, cost in self.named(before):
                if end != at or column.kind != "text":
                    continue
                for start, operator in tests:
                    for text in self.skip(start, ("the letter", "the letters", "the word", "the text")):
                        if text < self.size and self.tokens[text].kind in ("quoted", "word", "number"):
                            token = self.tokens[text]
                            test = Filter(column.name, operator, (token.text,), fold=token.kind != "quoted")
                            yield text + 1, Meaning((test,), cost=cost)


def _negate(filter_: Filter, negated: bool) -> Filter | None:
    if not negated:
        return filter_
    if filter_.operator not in _OPPOSITE:
        return None
    return replace(filter_, operator=_OPPOSITE[filter_.operator])


def _equality(column: Column, values: tuple[str, ...], negated: bool) -> Filter:
    if len(values) == 1:
        return Filter(column.name, "<>" if negated else "=", values)
    return Filter(column.name, "not in" if negated else "in", values)


def _direction_fits(preposition: str, column: Column) -> bool:
    """ "from X" never means a column of destinations, nor "to X" one of origins."""
    opposite = {"from": "to", "to": "from"}.get(preposition)
    return opposite is None or not (set(column.pieces) & lexicon.DIRECTIONS[opposite])


def _has_no(column: Column) -> bool:
    """Whether "no X" can only mean that X is missing: for a number that can be 0 it can mean that."""
    if not column.nulls:
        return False
    if column.kind != "number":
        return column.switch is None
    try:
        return float(column.minimum or "0") > 0
    except ValueError:
        return False


def _says_no(word: str, otherwise: bool) -> bool:
    return word.lower() in ("no", "n", "false", "f", "0", "off") or (
        otherwise and word.lower() not in ("yes", "y", "true", "t", "1", "on")
    )
