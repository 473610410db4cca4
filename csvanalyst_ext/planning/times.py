"""Conditions on time: "in March 2013", "before 2010", "between May and July 2021".  Pure."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from . import lexicon
from .leads import Lead, Leads
from .parts import Meaning
from .plan import Filter, Operator, Part
from .schema import Column

_AFTERWARDS: dict[str, Operator] = {
    "or after": ">=", "or later": ">=", "and after": ">=", "and later": ">=", "onwards": ">=", "or thereafter": ">=",
    "or before": "<=", "or earlier": "<=", "and before": "<=", "and earlier": "<=", "or newer": ">=", "or older": "<=",
}  # fmt: skip

_QUARTERS = {f"q{number}": number for number in range(1, 5)}
_QUARTER_WORDS = {
    "first quarter": 1, "1st quarter": 1, "second quarter": 2, "2nd quarter": 2, "third quarter": 3, "3rd quarter": 3,
    "fourth quarter": 4, "4th quarter": 4, "last quarter": 4,
}  # fmt: skip

Calendars = list[tuple[tuple[Column, ...], int]]
"""What a time may be a time of, with costs: a date column, or number columns for year, month and day."""


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of days, first and last included; ``year`` and ``month`` when it is just that."""

    first: dt.date
    last: dt.date
    year: int | None = None
    month: int | None = None


class Times(Leads):
    """Rules for conditions on time."""

    def time(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        if lead.negated and not lead.places and not lead.dated:
            yield from self._not_in_year(at)
        if lead.negated or lead.places:
            return
        if lead.dated:
            column = self.table.column(lead.dated)
            yield from self._time_of(at, [((column,), 0)], named=True)
            return
        unnamed: Calendars = self._calendars
        yield from self._by_date(at, lead)
        if lead.preposition in ("in", "during", "of", "for", "on"):
            for end, period in self.period(at):
                yield from ((end, m) for m in _during(period, unnamed))
        if lead.preposition in ("in", "during", "of", "for", "on", "from"):
            for end, period in self.period(at):
                for last, word in self.phrase(end, _AFTERWARDS):
                    yield from ((last, m) for m in _bounded(period, _AFTERWARDS[word], unnamed))
        if not lead.preposition:
            yield from self._time_of(at, unnamed, named=False)
        for end, column, cost in self.named(at):
            if column.kind == "date" or (column.is_year and len(column.pieces) > 1):
                for start in self.skip(end, ("is", "was", "are", "were", "of", "=", "falls", "being")):
                    yield from self._time_of(start, [((column,), cost)], named=True)

    def _not_in_year(self, at: int) -> Iterator[tuple[int, Meaning]]:
        """ "Except 2019", "not in 2019"."""
        year = self._year(at)
        if year is None:
            return
        for columns, cost in self._calendars:
            column = columns[0]
            if len(columns) == 1:
                part: Part = "year" if column.kind == "date" else ""
                yield at + 1, Meaning((Filter(column.name, "<>", (year,), part),), cost=cost)

    def _by_date(self, at: int, lead: Lead) -> Iterator[tuple[int, Meaning]]:
        """ "In 2023 by ship date": which date is meant is said afterwards."""
        if lead.preposition not in ("in", "during", "for"):
            return
        for end, period in self.period(at):
            for start, _ in self.phrase(end, ("by", "by the", "according to", "based on")):
                for last, column, cost in self.named(start):
                    if column.kind == "date":
                        yield from ((last, m) for m in _during(period, [((column,), cost)]))

    def _time_of(self, at: int, calendars: Calendars, *, named: bool) -> Iterator[tuple[int, Meaning]]:
        """A test of time: "in 2013", "before May 2013", "between 2010 and 2015", "in 2014 or after"."""
        for start in self.skip(at, ("in", "during", "from", "of", "in the year", "in year")):
            for end, period in self.period(start):
                for last, word in self.phrase(end, _AFTERWARDS):
                    yield from ((last, m) for m in _bounded(period, _AFTERWARDS[word], calendars))
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
                    for joint, onwards in self.phrase(
                        end, ("to", "through", "until", "onwards", "on", "onward", "till")
                    ):
                        if onwards.startswith("on"):
                            yield from ((joint, m) for m in _bounded(period, ">=", calendars))
                        else:
                            for last, until in self.period(joint):
                                since = _in_the_year_of(until, period)
                                yield from ((last, m) for m in _between(since, until, calendars))
                else:
                    yield from ((end, m) for m in _bounded(period, befores[word], calendars))
        if (start_ := self.one_of(at, "between")) is not None:
            for middle, period in self.period(start_):
                if (joint_ := self.one_of(middle, "and")) is not None:
                    for end, until in self.period(joint_):
                        period = _in_the_year_of(until, period)
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
            if (day := self._day(start + 1)) is not None:
                for after in self.skip(start + 2, (",",)):
                    yield from _day_period(after + 1, self._year(after), month, day)
        yield from self._quarter(at)
        if (first := self._day(at)) is not None:
            for start in self.skip(at + 1, ("of",)):
                if (month := lexicon.MONTHS.get(self.norm(start))) is not None:
                    yield from _day_period(start + 2, self._year(start + 1), month, first)
        if at < self.size and (date := self.tokens[at].date) is not None:
            yield at + 1, Period(date, date)

    def _quarter(self, at: int) -> Iterator[tuple[int, Period]]:
        """ "Q1 2023", "quarter 1 of 2023", "the first quarter of 2023"."""
        ends = [(at + 1, _QUARTERS[self.norm(at)])] if self.norm(at) in _QUARTERS else []
        for start, _ in self.phrase(at, ("quarter",)):
            if (number := self._day(start)) is not None and number <= 4:
                ends.append((start + 1, number))
        for start in self.articles(at):
            for end, word in self.phrase(start, _QUARTER_WORDS):
                ends.append((end, _QUARTER_WORDS[word]))
        for end, number in ends:
            for after in self.skip(end, ("of", ",", "in")):
                if (year := self._year(after)) is not None:
                    last = calendar.monthrange(year, 3 * number)[1]
                    yield after + 1, Period(dt.date(year, 3 * number - 2, 1), dt.date(year, 3 * number, last))

    def _year(self, at: int) -> int | None:
        if at < self.size and self.tokens[at].kind == "number" and len(self.tokens[at].text) == 4:
            value = self.tokens[at].number
            return value if isinstance(value, int) and 1000 <= value <= 2999 else None
        return None

    def _day(self, at: int) -> int | None:
        text = self.norm(at)
        text = text[:-2] if text[-2:] in ("st", "nd", "rd", "th") else text
        return int(text) if text.isdecimal() and text.isascii() and 1 <= int(text) <= 31 else None

    @cached_property
    def _calendars(self) -> Calendars:
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
        found: Calendars = [((c,), 1 + self.far_date(c)) for c in columns if c.kind == "date"]
        years = [c for c in columns if c.is_year]
        exact = [c for c in years if len(c.pieces) == 1]
        return found + [((c,), 1) for c in exact or years]


def _in_the_year_of(until: Period, period: Period) -> Period:
    """The first month of "March to June 2022", which is one of that year too."""
    if period.year is None and period.month is not None and until.year is not None and until.month is not None:
        return Period(
            period.first.replace(year=until.year), period.last.replace(year=until.year), until.year, period.month
        )
    return period


def _day_period(end: int, year: int | None, month: int, day: int) -> Iterator[tuple[int, Period]]:
    if year is not None and day <= calendar.monthrange(year, month)[1]:
        date = dt.date(year, month, day)
        yield end, Period(date, date)


def _during(period: Period, calendars: Calendars) -> Iterator[Meaning]:
    for columns, cost in calendars:
        filters: tuple[Filter, ...] | None = None
        if columns[0].kind == "date":
            name, timestamp = columns[0].name, columns[0].type.upper() != "DATE"
            if period.year is None and period.month is None:
                part: Part = "date" if timestamp else ""
                filters = (Filter(name, "=", (period.first,), part),)
                if period.first < period.last:
                    filters = (Filter(name, "between", (period.first, period.last), part),)
            else:
                filters = (Filter(name, "=", (period.year,), "year"),) if period.year else ()
                filters += (Filter(name, "=", (period.month,), "month"),) if period.month else ()
        elif period.first == period.last or period.year or period.month:
            wanted = {"is_year": period.year, "is_month": period.month}
            if period.year is None and period.month is None:
                date = period.first
                wanted = {"is_year": date.year, "is_month": date.month, "is_day": date.day}
            found = [
                Filter(c.name, "=", (value,))
                for c in columns
                for kind, value in wanted.items()
                if value and getattr(c, kind)
            ]
            if len(found) == sum(value is not None for value in wanted.values()):
                filters = tuple(found)
        if filters:
            yield Meaning(filters, cost=cost)


def _bounded(period: Period, operator: Operator, calendars: Calendars) -> Iterator[Meaning]:
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


def _between(first: Period, last: Period, calendars: Calendars) -> Iterator[Meaning]:
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
