"""Conditions: what a question says about which rows count.  Pure.

The rules yield every reading; contradictions ("from A" and "from B") are thrown out by the caller.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from . import lexicon
from .parts import Meaning, Parts
from .plan import Filter, Operator, Scalar
from .schema import Column
from .words import stems

_MOST_LINK_WORDS: Final = 8
_OPPOSITE: Final[dict[Operator, Operator]] = {
    "=": "<>", "<>": "=", "in": "not in", "null": "not null", "not null": "null",
    "<": ">=", ">": "<=", "<=": ">", ">=": "<",
}  # fmt: skip
_OR: Final = ("or", ", or", "or the", "or in", "or from", "or at")


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


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of days, first and last included; ``year`` and ``month`` when it is just that."""

    first: dt.date
    last: dt.date
    year: int | None = None
    month: int | None = None


class Conditions(Parts):
    """Rules for filters."""

    def condition(self, at: int) -> Iterator[tuple[int, Meaning]]:
        """One condition with the words that lead to it."""
        for start, lead in self.leads(at, Lead()):
            if not lead.dated:
                yield from self._comparison(start, lead)
                yield from self._value(start, lead)
                yield from self._switch(start, lead)
                yield from self._missing(start, lead)
                yield from self._text_test(start, lead)
            yield from self._time(start, lead)

    def leads(self, at: int, lead: Lead, depth: int = 0) -> Iterator[tuple[int, Lead]]:
        """``at`` itself and after each run of leading words."""
        yield at, lead
        if depth >= _MOST_LINK_WORDS or lead.dated:
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
        if word in lexicon.FILLER_VERBS and not lead.preposition:
            options.append((at + 1, lead))
        if word in lexicon.NAMED and not lead.preposition:
            options.append((at + 1, replace(lead, places=lexicon.NAMES)))
        if word in lexicon.VERB_PLACES and not lead.preposition:
            options.append((at + 1, replace(lead, places=lexicon.VERB_PLACES[word])))
        if not lead.negated:
            options += [(end, replace(lead, negated=True)) for end, _ in self.phrase(at, lexicon.NEGATIONS)]
        if word and not lead.preposition:
            for column in self._dated_by(word):
                options.append((at + 1, replace(lead, dated=column.name)))
        for after, more in options:
            yield from self.leads(after, more, depth + 1)

    def _dated_by(self, verb: str) -> Iterator[Column]:
        """Date and year columns that are called after the verb: ``hire_date`` for "hired"."""
        for column in self.table.columns:
            if column.kind == "date" or column.is_year:
                front = [p for p in column.pieces if p not in ("date", "time", "year", "at", "on", "day", "yr", "timestamp")]
                if len(front) == 1 and (verb.endswith("ed") or verb == "born") and stems(verb) & stems(front[0]):
                    yield column

    # --- numbers --------------------------------------------------------------------------------

    def _comparison(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        if lead.preposition not in ("by", "from", "to") and not lead.places:
            for end, column, cost in self.numbers(at):
                for last, filter_ in self._after_column(end, column):
                    if (kept := _negate(filter_, lead.negated)) is not None:
                        yield last, Meaning((kept,), cost=cost)
        if lead.have or lead.preposition == "with":
            yield from self._before_column(at, lead)
        for end, word in self.phrase(at, lexicon.COMPARATIVES):
            operator, names = lexicon.COMPARATIVES[word]
            yield from self._of_adjective(end, lead, operator, names)
        for end, word in self.phrase(at, lexicon.VERB_COLUMNS):
            for column in self.columns_called(lexicon.VERB_COLUMNS[word]):
                for last, filter_ in self._test(end, column):
                    if (kept := _negate(filter_, lead.negated)) is not None:
                        yield last, Meaning((kept,), cost=1)

    def columns_called(self, names: Sequence[str]) -> list[Column]:
        """Number columns with one of these names, perhaps with a unit behind it or an owner in front."""
        found = []
        for column in self.table.columns:
            core = column.pieces[:-1] if len(column.pieces) > 1 and column.pieces[-1] in lexicon.UNITS else column.pieces
            if column.kind == "number" and core and core[-1] in names:
                found.append(column)
        exact = [column for column in found if column.pieces[0] in names and len(column.pieces) <= 2]
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
        for start in self.skip(at, ("is", "are", "was", "were", "of", "being", "value", "is a", "of a", "that is", "which is")):
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
        if at < self.size and self.tokens[at].kind == "operator":
            for end, value in self.amount(at + 1, column):
                yield end, Filter(column.name, lexicon.SIGNS[self.norm(at)], (value,))
        for word, joint in (("between", "and"), ("from", "to"), ("in the range of", "to")):
            for start, _ in self.phrase(at, (word,)):
                for middle, low in self.amount(start, column):
                    second = self.one_of(middle, joint)
                    for end, high in self.amount(second, column) if second is not None else ():
                        if low <= high:
                            yield end, Filter(column.name, "between", (low, high))
        for end, value in self.amount(at, column):
            yield from self._afterwards(end, column, "=", value)
            for joint, _ in self.phrase(end, ("or",)):
                for last, other in self.amount(joint, column):
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
                for spot, final in spots:
                    for end, column, cost in self.numbers(spot):
                        calendar_part = column.is_year or column.is_month or column.is_day
                        if not calendar_part and column.switch is None:
                            filter_ = _negate(Filter(column.name, final, (value,)), lead.negated)
                            if filter_ is not None:
                                yield end, Meaning((filter_,), cost=cost)

    # --- values ---------------------------------------------------------------------------------

    def _value(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        for end, column, values, cost, named in self.value_list(at):
            if not _direction_fits(lead.preposition, column) or not self._place_fits(lead, column):
                continue
            meaning = Meaning((_equality(column, values, lead.negated),), cost=cost)
            if not named:
                yield end, meaning
                for last, more in self.rows(end):
                    if not more.filters and (lead.preposition or lead.copula):
                        yield last, meaning + more
            # "the Sales department", "Dream island"
            for last, other, more_cost in self.named(end):
                if other.name == column.name:
                    yield last, meaning + Meaning(cost=more_cost)
        if lead.preposition in ("of", "for", "among", "in", "from", "across", "at") or lead.copula:
            # "of female first class passengers": several values in front of the noun
            for end, meaning in self.rows(at):
                if not lead.negated:
                    yield end, meaning
        if lead.preposition in ("by", "to") or lead.places:
            return
        for end, column, cost in self.named(at):
            if column.kind != "text":
                continue
            for start in self.skip(end, ("is", "are", "was", "=", "equals", "equal to", "is equal to", "named", "called",
                                         "of", "==", "being", "is named", "is called", "value", "!=", "is not", "not",
                                         "is not equal to", "is either", "either", "are not", "was not")):  # fmt: skip
                said = " ".join(self.norm(i) for i in range(end, start))
                negated = lead.negated != ("not" in said or "!=" in said)
                for last, other, values, more_cost, _ in self.value_list(start):
                    if other.name == column.name:
                        yield last, Meaning((_equality(column, values, negated),), cost=cost + more_cost)

    def value_list(self, at: int) -> Iterator[tuple[int, Column, tuple[str, ...], int, bool]]:
        """One value, or several of one column joined by "or".  The last item says that the values count
        only beside the column's name."""
        for start in self.skip(at, ("either", "the")):
            for link in self.link.values(start):
                yield link.end, link.column, (link.value,), link.cost, link.named
                for joint, _ in self.phrase(link.end, (*_OR, ",")):
                    comma = self.norm(joint - 1) == ","
                    for end, column, others, cost, named in self.value_list(joint):
                        if column.name == link.column.name and link.value not in others and (len(others) > 1 or not comma):
                            yield end, column, (link.value, *others), link.cost + cost, link.named or named

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
            switch = column.switch
            assert_switch = switch if switch is not None else (None, None)
            bare = not lead.preposition or lead.preposition == "with"
            if bare and assert_switch[lead.negated] is not None:
                yield end, Meaning((Filter(column.name, "=", (assert_switch[lead.negated],)),), cost=cost)
            words = {"true": False, "yes": False, "false": True, "no": True}
            for word, wanted in zip(column.words, (False, True), strict=False):
                words.setdefault(word.lower(), _says_no(word, wanted))
            for start in self.skip(end, ("is", "=", "are", "equals", "was", "of")):
                if self.norm(start) in words:
                    said = assert_switch[words[self.norm(start)] != lead.negated]
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
            if column.switch is not None and column.name not in seen and len(pieces) == 1 and word:
                if stems(word) & stems(pieces[0]):
                    yield at + 1, column, 1

    def _missing(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        if (lead.have or lead.preposition == "with") and not lead.negated and self.norm(at - 1) in ("a", "an", "any"):
            for end, column, cost in self.named(at):  # "passengers with a cabin"
                if _has_no(column):
                    yield end, Meaning((Filter(column.name, "not null"),), cost=cost)
        if lead.have or lead.copula or lead.preposition == "with":
            for start, word in self.phrase(at, ("missing", "null", "no", "no known", "an unknown", "a missing")):
                for end, column, cost in self.named(start):
                    if word in ("no", "a missing", "an unknown", "no known") and not lead.have and not lead.preposition:
                        continue
                    if word == "no" and not _has_no(column):
                        continue
                    for last in self.skip(end, ("value", "values")):
                        operator: Operator = "not null" if lead.negated else "null"
                        yield last, Meaning((Filter(column.name, operator),), cost=cost)
        for start, _ in self.phrase(at, ("without", "without a", "without an", "without any")):
            for end, column, cost in self.named(start):
                if _has_no(column) and not lead.negated:
                    yield end, Meaning((Filter(column.name, "null"),), cost=cost)
        if lead.preposition not in ("", "with", "for"):
            return
        for end, column, cost in self.named(at):
            for start in self.skip(end, ("is", "are", "was", "were", "value is")):
                for middle in self.skip(start, ("not",)):
                    negated = lead.negated != (middle > start)
                    if (last := self.one_of(middle, "missing", "null")) is not None:
                        yield last, Meaning((Filter(column.name, "not null" if negated else "null"),), cost=cost)

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

    # --- time -----------------------------------------------------------------------------------

    def _time(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        if lead.negated or lead.places:
            return
        if lead.dated:
            column = self.table.column(lead.dated)
            yield from self._time_of(at, [((column,), 0)], named=True)
            return
        unnamed: list[tuple[tuple[Column, ...], int]] = self._calendars()
        if lead.preposition in ("in", "during", "of", "for", "on"):
            for end, period in self.period(at):
                yield from ((end, m) for m in _during(period, unnamed))
        if not lead.preposition:
            yield from self._time_of(at, unnamed, named=False)
        for end, column, cost in self.named(at):
            if column.kind == "date" or (column.is_year and len(column.pieces) > 1):
                for start in self.skip(end, ("is", "was", "are", "were", "of", "=", "falls", "being")):
                    yield from self._time_of(start, [((column,), cost)], named=True)

    def _time_of(
        self, at: int, calendars: list[tuple[tuple[Column, ...], int]], *, named: bool
    ) -> Iterator[tuple[int, Meaning]]:
        """A test of time: "in 2013", "before May 2013", "between 2010 and 2015"."""
        if named:
            for start in self.skip(at, ("in", "during", "on", "in the year", "of")):
                for end, period in self.period(start):
                    yield from ((end, m) for m in _during(period, calendars))
            if at < self.size and self.tokens[at].kind == "operator" and self.norm(at) != "!=":
                for end, period in self.period(at + 1):
                    yield from ((end, m) for m in _bounded(period, lexicon.SIGNS[self.norm(at)], calendars))
        befores: dict[str, Operator] = {
            "before": "<", "prior to": "<", "earlier than": "<", "after": ">", "later than": ">", "since": ">=",
            "on or after": ">=", "on or before": "<=", "starting from": ">=", "from": ">=",
        }  # fmt: skip
        for start, word in self.phrase(at, befores):
            for end, period in self.period(start):
                if word == "from":
                    for joint, onwards in self.phrase(end, ("to", "through", "until", "onwards", "on", "onward", "till")):
                        if onwards.startswith("on"):
                            yield from ((joint, m) for m in _bounded(period, ">=", calendars))
                        else:
                            for last, until in self.period(joint):
                                yield from ((last, m) for m in _between(period, until, calendars))
                else:
                    yield from ((end, m) for m in _bounded(period, befores[word], calendars))
        if (start_ := self.one_of(at, "between")) is not None:
            for middle, period in self.period(start_):
                if (joint_ := self.one_of(middle, "and")) is not None:
                    for end, until in self.period(joint_):
                        yield from ((end, m) for m in _between(period, until, calendars))

    def period(self, at: int) -> Iterator[tuple[int, Period]]:
        """A year, a month of a year, a month (of any year) or a day."""
        for start in self.skip(at, ("year", "the year")):
            if (year := self._year(start)) is not None:
                yield start + 1, Period(dt.date(year, 1, 1), dt.date(year, 12, 31), year)
        for start in self.skip(at, ("the month of", "month of")):
            month = lexicon.MONTHS.get(self.norm(start))
            if month is None:
                continue
            yield start + 1, Period(dt.date(1, month, 1), dt.date(1, month, 1), None, month)
            for after in self.skip(start + 1, ("of", ",", "in")):
                if (year := self._year(after)) is not None:
                    last = calendar.monthrange(year, month)[1]
                    yield after + 1, Period(dt.date(year, month, 1), dt.date(year, month, last), year, month)
            day = self._day(start + 1)
            for after in self.skip(start + 2, (",",)) if day else ():
                yield from _day_period(after + 1, self._year(after), month, day)
        if (day := self._day(at)) is not None:
            for start in self.skip(at + 1, ("of",)):
                if (month := lexicon.MONTHS.get(self.norm(start))) is not None:
                    yield from _day_period(start + 2, self._year(start + 1), month, day)
        if at < self.size and (date := self.tokens[at].date) is not None:
            yield at + 1, Period(date, date)

    def _year(self, at: int) -> int | None:
        if at < self.size and self.tokens[at].kind == "number" and len(self.tokens[at].text) == 4:
            value = self.tokens[at].number
            return value if isinstance(value, int) and 1000 <= value <= 2999 else None
        return None

    def _day(self, at: int) -> int | None:
        text = self.norm(at)
        text = text[:-2] if text[-2:] in ("st", "nd", "rd", "th") else text
        return int(text) if text.isdecimal() and text.isascii() and 1 <= int(text) <= 31 else None

    def _calendars(self) -> list[tuple[tuple[Column, ...], int]]:
        """What "in 2013" may speak of when no column is named: number columns for year, month and day
        that belong together, or else any year column or date column."""
        columns = self.table.columns
        by_part = {
            part: next((c for c in columns if getattr(c, f"is_{part}") and len(c.pieces) == 1), None)
            for part in ("year", "month", "day")
        }
        together = tuple(column for column in by_part.values() if column is not None)
        if by_part["month"] is not None:
            return [(together, 0)]
        found: list[tuple[tuple[Column, ...], int]] = [((c,), 1) for c in columns if c.kind == "date"]
        years = [c for c in columns if c.is_year]
        exact = [c for c in years if len(c.pieces) == 1]
        return found + [((c,), 1) for c in exact or years]


def _day_period(end: int, year: int | None, month: int, day: int) -> Iterator[tuple[int, Period]]:
    if year is not None and day <= calendar.monthrange(year, month)[1]:
        date = dt.date(year, month, day)
        yield end, Period(date, date)


def _during(period: Period, calendars: list[tuple[tuple[Column, ...], int]]) -> Iterator[Meaning]:
    for columns, cost in calendars:
        filters: tuple[Filter, ...] | None = None
        if columns[0].kind == "date":
            name, timestamp = columns[0].name, columns[0].type.upper() != "DATE"
            if period.year is None and period.month is None:
                filters = (Filter(name, "=", (period.first,), "date" if timestamp else ""),)
            else:
                filters = (Filter(name, "=", (period.year,), "year"),) if period.year else ()
                filters += (Filter(name, "=", (period.month,), "month of the year"),) if period.month else ()
        else:
            wanted = {"is_year": period.year, "is_month": period.month}
            if period.year is None and period.month is None:
                date = period.first
                wanted = {"is_year": date.year, "is_month": date.month, "is_day": date.day}
            found = [
                Filter(c.name, "=", (value,)) for c in columns for kind, value in wanted.items() if value and getattr(c, kind)
            ]
            if len(found) == sum(value is not None for value in wanted.values()):
                filters = tuple(found)
        if filters:
            yield Meaning(filters, cost=cost)


def _bounded(period: Period, operator: Operator, calendars: list[tuple[tuple[Column, ...], int]]) -> Iterator[Meaning]:
    """Before, after or since a period: after 2013 starts with 2014."""
    if operator in ("=", "<>"):
        yield from _during(period, calendars) if operator == "=" else ()
        return
    if period.month is not None and period.year is None:
        return
    for columns, cost in calendars:
        column = columns[0]
        if column.kind == "date":
            timestamp = "date" if column.type.upper() != "DATE" else ""
            edge = period.last if operator in (">", "<=") else period.first
            yield Meaning((Filter(column.name, operator, (edge,), timestamp),), cost=cost)  # type: ignore[arg-type]
        elif column.is_year and period.year is not None and period.month is None:
            yield Meaning((Filter(column.name, operator, (period.year,)),), cost=cost)


def _between(first: Period, last: Period, calendars: list[tuple[tuple[Column, ...], int]]) -> Iterator[Meaning]:
    """From the first day of the one to the last day of the other."""
    if (first.year, first.month) == (None, None) != (last.year, last.month) or first.first > last.last:
        return
    if first.first.year == 1 or last.first.year == 1:  # a month of no year
        return
    for columns, cost in calendars:
        column = columns[0]
        if column.kind == "date":
            timestamp = "date" if column.type.upper() != "DATE" else ""
            filter_ = Filter(column.name, "between", (first.first, last.last), timestamp)  # type: ignore[arg-type]
            yield Meaning((filter_,), cost=cost)
        elif column.is_year and first.year and last.year and not (first.month or last.month):
            yield Meaning((Filter(column.name, "between", (first.year, last.year)),), cost=cost)


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
