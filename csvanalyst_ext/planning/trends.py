"""Questions about change over time: growth between years, change from month to month, running totals.  Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, Literal

from . import lexicon
from .counting import fits
from .forms import Forms
from .naming import core
from .plan import Bucket, Filter
from .queries import Meant
from .query import Beside, Calc, Field, Pair, Query, Test
from .schema import Column
from .spoken import Dim, Measure, Mods

_GROWS: Final = ("grow", "grew", "increase", "increased", "rise", "rose", "change", "changed", "go up", "grown")
_HOW_FAR: Final = tuple(
    f"{by} {did} {the}".strip()
    for by in ("by how many percent", "by what percentage", "how many percent", "by how much percent", "by how much",
               "how much")
    for did in ("did", "has", "have")
    for the in ("", "the")
)  # fmt: skip
_STEPS: Final[dict[str, Bucket]] = {"month": "month", "quarter": "quarter", "week": "week", "year": ""}
_BETWEEN: Final = (
    "",
    "annual",
    *(f"{step}ly" for step in _STEPS),
    *(f"{step} {over} {step}" for step in _STEPS for over in ("over", "on", "to")),
)
_OF: Final = ("of", "in", "of the", "in the")
_FUNCTIONS: Final[dict[str, Literal["change", "growth", "running total"]]] = {
    "change": "change", "difference": "change", "growth": "growth", "growth rate": "growth",
    "percentage growth": "growth", "percent change": "growth", "percentage change": "growth",
    "running total": "running total", "cumulative total": "running total", "cumulative sum": "running total",
}  # fmt: skip
_CHANGES: Final = {
    f"{step} {word} {of}".strip(): function
    for step in _BETWEEN
    for word, function in _FUNCTIONS.items()
    if step or word != "difference"
    for of in _OF
}  # fmt: skip
Difference = Literal["-", "growth"]


_CHANGES_OF: Final = (
    *_CHANGES,
    *(f"{word} {of}" for word in ("increase", "percentage increase", "percent increase") for of in _OF),
)
_STOCKS: Final = lexicon.words("population pop employment enrollment production generation consumption gdp")
"""What adds up over the rows of one year, but not over years."""


class Trends(Forms):
    """The forms of ``forms``, and these."""

    def _growth(self, at: int, given: Mods) -> Iterator[Meant]:
        yield from self._between_years(at)
        for start, word in self.phrase(at, _CHANGES):
            function = _CHANGES[word]
            step = next((part for part in _STEPS if word.startswith(part)), "year" if word.startswith("annual") else "")
            measures = [(e, m, c) for e, m, c in self.measured(start)]
            for end, table, column, cost in self.columns(start):
                if fits("sum", column) and (function == "running total" or self._adds_up(table, column)):
                    measures.append((end, Measure(table, Calc("sum", Field(column.name))), cost))
            # "total solar twh": a value between the function and the column
            for end, aggregate in [*self.phrase(start, lexicon.AGGREGATES), (start, "")]:
                for table, scope in self.scopes.items():
                    for link in scope.link.values(end):
                        for last, column, cost in scope.numbers(link.end):
                            if not aggregate and not self._adds_up(table, column):
                                continue
                            test = Test(Filter(link.column.name, "=", (link.value,)))
                            calc = Calc(lexicon.AGGREGATES.get(aggregate, "sum"), Field(column.name))
                            measures.append((last, Measure(table, calc, (test,)), cost + link.cost))
            for end, measure, cost in measures:
                for last, mods in self._along(measure.table, end, step):
                    if last == self.size and len(mods.dims) == 1 and len(mods.dims[0].fields) == 1:
                        for meant in self._grouped(measure.table, (measure,), mods + Mods(cost=cost), ()):
                            if meant.query.group and not meant.query.sort:
                                select = tuple(
                                    one
                                    for e in meant.query.select
                                    for one in ((e, Beside(function, e)) if isinstance(e, Calc) else (e,))
                                )
                                yield replace(meant, query=replace(meant.query, select=select))
        for start, _ in self.phrase(at, ("how did the", "how did", "how has the", "how has")):
            yield from self._grew(start, "-")
        for start, word in self.phrase(at, _HOW_FAR):
            yield from self._grew(start, "-" if word.startswith(("by how much d", "by how much h", "how much d"))
                                  else "growth")  # fmt: skip

    def _stepwise(self, at: int, given: Mods) -> Iterator[Meant]:
        """ "Monthly number of orders", "daily average temperature", "yearly sales"."""
        if given.dims:
            return
        for start, word in self.phrase(at, lexicon.STEPS):
            if self.columns(at):
                return  # a column "monthly charges"
            measures = list(self.measured(start))
            for end, table, column, cost in self.columns(start):
                if fits("sum", column) and column.pieces[-1] in lexicon.ADDITIVE:
                    measures.append((end, Measure(table, Calc("sum", Field(column.name))), cost))
            for noun in (n for n in self.nouns(start) if n.plural):
                measures.append((noun.end, Measure(noun.table, Calc("count"), noun.where), noun.cost))
            for end, measure, cost in measures:
                date = self.scopes[measure.table].main_date()
                if date is None:
                    continue
                part = lexicon.STEPS[word]
                whole = part == "date" and date.type.upper() == "DATE"
                field = Field(date.name) if whole else Field(date.name, part=part)
                if part in ("week", "month", "quarter"):
                    field = Field(date.name, bucket=part)
                for table, mods in self._tails(measure.table, end):
                    if table == measure.table and not (mods.dims or mods.rank or mods.having):
                        total = mods + Mods(dims=(Dim(table, (field,)),), cost=cost)
                        yield from self._grouped(table, (measure,), total, ())

    def _along(self, table: str, at: int, step: str) -> Iterator[tuple[int, Mods]]:
        """Over which times: as the question says after the measure, or by a ``step`` that it named before."""
        for end, mods in self.mods(table, at, 0):
            yield end, replace(mods, dims=tuple(self._in_steps(dim, step) for dim in mods.dims))
            if step and not mods.dims:
                yield from ((end, mods + Mods(dims=(Dim(name, fields),))) for name, fields in self._steps(table, step))
        for end, _ in self.phrase(at, ("against the year before", "compared to the year before",
            "against the previous year", "year over year", "compared to the previous year", "from year to year",
            "compared with the year before", "over the previous year", "by year")):  # fmt: skip
            for name, fields in self._years(table):
                for last in self.skip(end, (", for each year", ", by year", "for each year", ", per year")):
                    yield last, Mods(dims=(Dim(name, fields),))

    def _steps(self, table: str, step: str) -> Iterator[tuple[str, tuple[Field, ...]]]:
        date = self.scopes[table].main_date()
        if step == "year":
            yield from self._years(table)
        elif date is not None:
            yield table, (Field(date.name, bucket=_STEPS[step]),)

    def _in_steps(self, dim: Dim, step: str) -> Dim:
        """ "Year over year, by ship date": the column says only which date is meant."""
        field = dim.fields[0] if len(dim.fields) == 1 else None
        whole = field is not None and not (field.part or field.bucket)
        if step and field and whole and self.graph.tables[dim.table].column(field.column).kind == "date":
            return Dim(dim.table, (replace(field, part="year" if step == "year" else "", bucket=_STEPS[step]),))
        return _in_sequence(dim)

    def _adds_up(self, table: str, column: Column) -> bool:
        """Whether the column's sum over the rows of a year is its value of that year."""
        name = core(column)[-1]
        columns = self.graph.tables[table].columns
        years = {c.name for c in columns if c.is_year or (c.kind == "date" and c.pieces == ("year",))}
        yearly = bool(years) and not any(c.is_month or (c.kind == "date" and c.name not in years) for c in columns)
        return name in lexicon.ADDITIVE or (yearly and name in _STOCKS)

    def _years(self, table: str) -> Iterator[tuple[str, tuple[Field, ...]]]:
        columns = self.graph.tables[table].columns
        years = [c for c in columns if c.is_year]
        date = self.scopes[table].main_date()
        if len(years) == 1:
            yield table, (Field(years[0].name),)
        elif not years and date is not None:
            yield table, (Field(date.name, (), "year"),)

    def _grew(self, at: int, operator: Difference) -> Iterator[Meant]:
        """ "By how many percent did wind generation in Brazil grow from 2016 to 2021"."""
        for end in range(at + 1, self.size):
            for verb, _ in self.phrase(end, _GROWS):
                for first, second in self._years_at(verb):
                    yield from self._grown(at, end, first, second, operator)

    def _between_years(self, at: int) -> Iterator[Meant]:
        """ "Percentage growth of the population of Japan from 1960 to 2022"."""
        for start, word in self.phrase(at, _CHANGES_OF):
            operator: Difference = "growth" if "growth" in word or "percent" in word else "-"
            for end in range(start + 1, self.size):
                for first, second in self._years_at(end):
                    yield from self._grown(start, end, first, second, operator)

    def _years_at(self, at: int) -> Iterator[tuple[int, int]]:
        """ "From 2016 to 2021" at the end of the question."""
        for start, _ in self.phrase(at, ("from", "between")):
            for middle, first in self.any.number(start):
                for joint, _ in self.phrase(middle, ("to", "and")):
                    for last, second in self.any.number(joint):
                        if last == self.size and isinstance(first, int) and isinstance(second, int):
                            yield first, second

    def _grown(self, at: int, until: int, first: int, second: int, operator: Difference) -> Iterator[Meant]:
        found: list[tuple[int, Measure, int]] = list(self.measured(at))
        for end, table, column, cost in self.columns(at):
            if column.kind == "number" and fits("sum", column) and self._adds_up(table, column):
                found.append((end, Measure(table, Calc("sum", Field(column.name))), cost))
        for noun in (n for n in self.nouns(at) if n.plural):
            found.append((noun.end, Measure(noun.table, Calc("count"), noun.where), noun.cost + 1))
        for end, measure, cost in found:
            for last, mods in self.mods(measure.table, end, 1):
                if last != until or mods.rank:
                    continue
                for _, fields in self._years(measure.table):

                    def of(year: int, field: Field = fields[0]) -> Test:
                        return Test(Filter(field.column, "=", (year,), field.part))

                    after, before = (replace(measure.calc, where=(of(y),)) for y in (second, first))
                    where = (*measure.where, *mods.where)
                    yield Meant(Query(measure.table, (Pair(operator, after, before),), where=where), cost + mods.cost)


def _in_sequence(dim: Dim) -> Dim:
    """Months follow each other only where each year has its own."""
    if len(dim.fields) == 1 and dim.fields[0].part in ("month", "quarter", "week"):
        return Dim(dim.table, (replace(dim.fields[0], part="", bucket=dim.fields[0].part),))
    return dim
