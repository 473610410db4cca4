"""What a name in a plan stands for: tables and columns, found in spite of case, spaces, marks and number.  Pure.

A name that fits several things equally well is refused, and so is one that fits nothing; close names
are offered.  What fits exactly is always preferred.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from .labels import split
from .plan import Plan
from .schema import Column, Table
from .shapes import close, problem
from .words import key, pieces, same

_T = TypeVar("_T")

_SAMENESS: Final[tuple[Callable[[str, str], bool], ...]] = (
    lambda said, name: said == name,
    lambda said, name: said.casefold() == name.casefold(),
    lambda said, name: key(said) == key(name) != "",
    lambda said, name: _same_words(said, name),
)


def _same_words(said: str, name: str) -> bool:
    one, other = pieces(said), pieces(name)
    return len(one) == len(other) > 0 and all(same(a, b) for a, b in zip(one, other, strict=True))


def matching(said: str, things: Sequence[tuple[str, _T]]) -> list[_T]:
    """Those things whose name fits ``said`` best: one, several that fit equally, or none."""
    for sameness in _SAMENESS:
        if found := [thing for name, thing in things if sameness(said, name)]:
            return found
    return []


def table_named(said: str, tables: Sequence[Table], path: str) -> Table:
    """Raises ``PlanError`` (``plan_unknown_table``, ``plan_ambiguous``)."""
    found = matching(said, [(table.name, table) for table in tables])
    names = [table.name for table in tables]
    if len(found) == 1:
        return found[0]
    if found:
        raise ambiguous("table", said, [table.name for table in found], path)
    near = close(said, names) or names
    raise problem("plan_unknown_table", path, f"There is no table {said[:80]!r}.", _there_is(near), near)


def ambiguous(what: str, said: str, names: Sequence[str], path: str) -> Exception:
    hint = f"Write one of them exactly: {', '.join(names)}."
    return problem("plan_ambiguous", path, f"{said[:80]!r} stands for more than one {what}.", hint, names)


def _there_is(names: Sequence[str]) -> str:
    return f"There is: {', '.join(names[:20])}{' …' if len(names) > 20 else ''}." if names else "There is none."


@dataclass(frozen=True, slots=True)
class Names:
    """The columns that can be named at one place.

    ``sources`` are pairs of a source's name and its table; ``qualified`` says that columns are written
    ``source.column``; ``derived`` are the derived columns so far.  ``equal`` are qualified names of columns that a
    join has made equal to another one, with that other one's.  ``inner`` resolves a plan in a condition.
    """

    sources: tuple[tuple[str, Table], ...]
    qualified: bool = False
    derived: tuple[Column, ...] = ()
    equal: Mapping[str, str] = field(default_factory=dict)
    inner: Callable[[Plan, str], tuple[Plan, Table]] | None = None

    def with_derived(self, column: Column) -> Names:
        return replace(self, derived=(*self.derived, column))

    def find(self, said: str, path: str) -> tuple[str, Column]:
        """The name as a plan has it, and the column.  Raises ``PlanError``."""
        things = [(column.name, (column.name, column)) for column in self.derived]
        for source, table in self.sources:
            for column in table.columns:
                full = f"{source}.{column.name}"
                things.append((column.name, (full if self.qualified else column.name, column)))
        found = matching(said, things)
        if len(found) != 1 and (within := self._within_source(said)):
            found = within
        if len(found) > 1:
            found = [one for one in found if self.equal.get(one[0]) not in [other for other, _ in found]]
        if len(found) == 1:
            return found[0]
        if found:
            raise ambiguous("column", said, [name for name, _ in found], path)
        names = list(dict.fromkeys(name for _, (name, _) in things))
        bare = {name: full for name, (full, _) in reversed(things)}
        near = list(dict.fromkeys([*close(said, names), *(bare[one] for one in close(said, list(bare)))])) or names
        raise problem("plan_unknown_column", path, f"There is no column {said[:80]!r}.", _there_is(near), near)

    def _within_source(self, said: str) -> list[tuple[str, Column]]:
        """What ``source.column`` stands for, both parts in any spelling."""
        sources = [(source, (source, table)) for source, table in self.sources]
        starts = [said[:place] for place, character in enumerate(said) if character == "."]
        for start in sorted(starts, key=len, reverse=True):
            for source, table in matching(start, sources):
                rest = said[len(start) + 1 :]
                if columns := matching(rest, [(column.name, column) for column in table.columns]):
                    return [(f"{source}.{c.name}" if self.qualified else c.name, c) for c in columns]
        return []

    def column(self, name: str) -> Column:
        """The column of a name that ``find`` has given."""
        for derived in self.derived:
            if derived.name == name:
                return derived
        if not self.qualified:
            return self.sources[0][1].column(name)
        source, column = split(name, [source for source, _ in self.sources])
        return dict(self.sources)[source].column(column)
