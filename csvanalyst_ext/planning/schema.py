"""A table as the planner knows it: what a description of it says, and nothing else.

Runs on the host; pure.  The planner never sees a row; it reads the same descriptions that any model
gets from the tools.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal

from .formula import BadFormula, Formula, read_formula
from .words import key, pieces

Kind = Literal["number", "text", "boolean", "date", "other"]

EXACT_DISTINCT: Final = 10_000
"""Above this many rows the distinct counts of a profile are approximate."""

_INTEGERS: Final = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$")
_NUMBERS: Final = re.compile(r"(FLOAT|DOUBLE|REAL|DECIMAL(\(.*\))?)$")
_BRACKETS: Final = re.compile(r"\s*[(\[]([^()\[\]]+)[)\]]\s*$")
_TRUE: Final = frozenset({"yes", "y", "true", "t", "1"})
_FALSE: Final = frozenset({"no", "n", "false", "f", "0"})


@dataclass(frozen=True)
class Column:
    """One column.  ``values`` are texts that it holds; ``complete`` says that it holds no others.
    ``minimum`` and ``maximum`` are texts, as in the description."""

    name: str
    type: str
    nulls: int = 0
    distinct: int = 0
    minimum: str | None = None
    maximum: str | None = None
    values: tuple[str, ...] = ()
    complete: bool = False
    words: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    unit: str = ""

    @cached_property
    def kind(self) -> Kind:
        name = self.type.upper()
        if self.integer or _NUMBERS.match(name):
            return "number"
        if name.startswith(("VARCHAR", "ENUM")):
            return "text"
        if name == "BOOLEAN":
            return "boolean"
        if name == "DATE" or name.startswith("TIMESTAMP"):
            return "date"
        return "other"

    @cached_property
    def integer(self) -> bool:
        return bool(_INTEGERS.match(self.type.upper()))

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """The words of the name, in lower case; never empty."""
        return pieces(self.name) or (self.name.lower(),)

    @cached_property
    def bare_pieces(self) -> tuple[str, ...]:
        """The words of the name without brackets at its end: ``capacity`` of ``Capacity (MW)``."""
        return pieces(_BRACKETS.sub("", self.name)) or self.pieces

    @cached_property
    def said_unit(self) -> str:
        """The unit that a dictionary gives, or that the name has in brackets."""
        found = _BRACKETS.search(self.name)
        return self.unit or (found[1].strip() if found and self.kind == "number" else "")

    @cached_property
    def switch(self) -> tuple[Any, Any] | None:
        """What stands for yes and for no, when the column is a yes/no column, else ``None``."""
        if self.kind == "boolean":
            return True, False
        if self.integer and self.distinct <= 2 and (self.minimum, self.maximum) in (("0", "1"), ("1", "1")):
            return 1, 0
        if self.kind == "text" and self.complete and 1 <= len(self.values) <= 2:
            yes = [value for value in self.values if key(value) in _TRUE]
            no = [value for value in self.values if key(value) in _FALSE]
            if len(yes) == 1 and len(yes) + len(no) == len(self.values):
                return yes[0], no[0] if no else None
        return None

    def within(self, low: float, high: float) -> bool:
        """Whether all numbers of the column lie between these."""
        try:
            return low <= float(self.minimum or "x") and float(self.maximum or "x") <= high
        except ValueError:
            return False

    @cached_property
    def is_year(self) -> bool:
        named = self.pieces[-1] in ("year", "yr") or (self.pieces[0] == "year" and len(self.pieces) == 2)
        since = self.pieces[-1] in ("founded", "established", "opened", "built") and self.within(1500, 2200)
        return self.integer and (since or (named and self.within(1000, 2999)))

    @cached_property
    def is_month(self) -> bool:
        return self.integer and bool(self.pieces) and self.pieces[-1] == "month" and self.within(1, 12)

    @cached_property
    def is_day(self) -> bool:
        return self.integer and bool(self.pieces) and self.pieces[-1] == "day" and self.within(1, 31)

    @cached_property
    def years(self) -> tuple[int, int] | None:
        """The first and last year of a date column, when the description says so."""
        found = [re.match(r"(\d{4})-\d\d", text or "") for text in (self.minimum, self.maximum)]
        return (int(found[0][1]), int(found[1][1])) if found[0] and found[1] else None


@dataclass(frozen=True, slots=True)
class NamedMeasure:
    """A number that the dictionary gives a name.  The formula has the columns' own names."""

    name: str
    formula: Formula
    synonyms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """``references`` and ``key`` are those that a dictionary declares: columns, the table that they refer to, and its
    columns; and the columns whose values together tell rows apart."""

    name: str
    rows: int
    columns: tuple[Column, ...]
    synonyms: tuple[str, ...] = ()
    measures: tuple[NamedMeasure, ...] = ()
    references: tuple[tuple[tuple[str, ...], str, tuple[str, ...]], ...] = ()
    key: tuple[str, ...] = ()

    def column(self, name: str) -> Column:
        """The column, or a measure as one that nothing can be computed of."""
        found = next((column for column in self.columns if column.name == name), None)
        if found is None and any(measure.name == name for measure in self.measures):
            return Column(name, "MEASURE")
        if found is None:
            raise KeyError(name)
        return found

    def unique(self, column: Column) -> bool | None:
        """Whether no two rows share a value of ``column``; ``None`` when nothing says."""
        if self.key == (column.name,):
            return True
        if column.nulls:
            return False
        if self.rows > EXACT_DISTINCT:
            return False if column.distinct < self.rows // 2 else None
        return column.distinct == self.rows

    def repeats(self, columns: Sequence[str]) -> bool | None:
        """Whether several rows share the values of ``columns``, as the profile alone tells; ``None`` when it cannot."""
        chosen = [self.column(name) for name in columns]
        if len(chosen) > 1:
            if any(self.repeats((column.name,)) is False for column in chosen):
                return False
            different = math.prod(column.distinct + 1 for column in chosen)
            return True if different * (2 if self.rows > EXACT_DISTINCT else 1) < self.rows else None
        known = self.rows - chosen[0].nulls
        if self.rows > EXACT_DISTINCT:
            return True if chosen[0].distinct < known // 2 else None
        return chosen[0].distinct < known

    def incomplete(self) -> tuple[Column, ...]:
        """Text columns that hold more texts than the description shows."""
        return tuple(c for c in self.columns if c.kind == "text" and not c.complete)

    def with_values(self, found: Mapping[str, Iterable[str]]) -> Table:
        """This table with more known texts, by column name."""
        columns = []
        for column in self.columns:
            more = tuple(v for v in found.get(column.name, ()) if v not in column.values)
            columns.append(replace(column, values=column.values + more) if more else column)
        return replace(self, columns=tuple(columns))


def table_of(
    name: str, head: Mapping[str, Any], columns: Iterable[Mapping[str, Any]], known: Mapping[str, Any] | None = None
) -> Table:
    """The table that a reply of ``describe_dataset`` describes.  Raises ``KeyError``, ``TypeError`` or
    ``ValueError`` when it is not one.  ``known`` is what a dictionary adds."""
    known = known or {}
    return declared(
        Table(name, int(head["rows"]), tuple(map(_column, columns)), tuple(map(str, known.get("synonyms", ())))),
        [
            (str(m["name"]), str(m["formula"]), tuple(map(str, m.get("synonyms", ()))))
            for m in known.get("measures", ())
        ],
        [
            (tuple(map(str, r["columns"])), str(r["table"]), tuple(map(str, r["keys"])))
            for r in known.get("references", ())
        ],
        tuple(map(str, known.get("key", ()))),
    )


def declared(
    table: Table,
    measures: Iterable[tuple[str, str, tuple[str, ...]]],
    references: Iterable[tuple[tuple[str, ...], str, tuple[str, ...]]],
    unique: tuple[str, ...],
) -> Table:
    """``table`` with what a dictionary says of it: measures as name, formula and synonyms.  What does not fit its
    columns has no effect."""
    names = {column.name for column in table.columns}
    made = (measure_of(table, *measure) for measure in measures)
    return replace(
        table,
        measures=tuple(measure for measure in made if isinstance(measure, NamedMeasure)),
        references=tuple(one for one in references if names.issuperset(one[0])),
        key=unique if unique and names.issuperset(unique) and not table.repeats(unique) else (),
    )


def measure_of(table: Table, name: str, text: str, synonyms: tuple[str, ...] = ()) -> NamedMeasure | str:
    """The measure that ``text`` is of this table; or why it is none."""
    try:
        formula = read_formula(text)
    except BadFormula as bad:
        return str(bad)
    own = {column.name: column for column in table.columns}
    loose = {key(column.name): column.name for column in reversed(table.columns)}
    missing = [said for said in formula.columns if said not in own and key(said) not in loose]
    if missing:
        return f"there is no column {missing[0]!r}"
    formula = formula.renamed(lambda said: said if said in own else loose[key(said)])
    for one in formula.aggregates:
        free = one.column and one.function in ("count", "count distinct")
        dated = one.column and one.function in ("min", "max") and formula.right is None
        for column in one.columns:
            if not free and own[column].kind != "number" and not (dated and own[column].kind == "date"):
                return f"{column!r} holds no numbers ({own[column].type})"
    return NamedMeasure(name, formula, synonyms)


def _column(raw: Mapping[str, Any]) -> Column:
    return Column(
        name=str(raw["name"]),
        type=str(raw["type"]),
        nulls=int(raw.get("nulls", 0)),
        distinct=int(raw.get("distinct", 0)),
        minimum=raw.get("min"),
        maximum=raw.get("max"),
        values=tuple(map(str, raw.get("values", ()))),
        complete=bool(raw.get("all_values", False)),
        words=tuple(map(str, raw.get("words", ()))),
        synonyms=tuple(map(str, raw.get("synonyms", ()))),
        unit=str(raw.get("unit", "")),
    )
