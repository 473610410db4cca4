"""From what was said to queries: which table is the root, what is shown, grouped and sorted.  Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeGuard

from . import lexicon
from .graph import Path
from .phrases import Phrases
from .plan import Filter
from .query import (
    Calc,
    Condition,
    Expression,
    Field,
    Having,
    Query,
    Sort,
    Test,
)
from .spoken import MEASURED, Measure, Mods, Rank, shift

_ADDING: Final = frozenset({"sum", "mean", "median", "quantile", "stddev", "stddev population"})
_OF_A_LINE: Final = lexicon.words("price cost fee fare charge toll tariff amount")


@dataclass(frozen=True, slots=True)
class ColumnItem:
    """Columns that may be meant, as (table, column, cost).  ``calculated``: the words are those of a function, too."""

    choices: tuple[tuple[str, str, int], ...]
    distinct: bool = False
    several: bool = True
    calculated: bool = False


Item = ColumnItem | Measure


@dataclass(frozen=True, slots=True)
class Meant:
    """``ask`` is a question to the person instead of an answer."""

    query: Query
    cost: int
    ask: str = ""
    choices: tuple[str, ...] = ()


class Queries(Phrases):
    """Rules that make queries."""

    def _placed(
        self, columns: Sequence[ColumnItem], near: Sequence[str], table: str
    ) -> Iterator[tuple[tuple[tuple[str, str], ...], int]]:
        """Which column of which table each item is: of the ``near`` tables sooner than of others."""
        if not columns:
            yield (), 0
            return
        first, *rest = columns
        ups = {name: len(path) for path, name in reversed(list(self.graph.ups(table)))}
        for name, column, cost in first.choices:
            if name in near:
                extra = 0
            elif name in ups:
                extra = 4 * ups[name] + 1
            elif name in {s.end for s in self.graph.steps(table)}:
                extra = 6
            elif self._connected(table, name):
                extra = 7
            else:
                continue
            for others, more in self._placed(rest, near, table):
                yield ((name, column), *others), cost + extra + more

    def _connected(self, one: str, other: str) -> bool:
        """Whether a table that does little but connect ties the rows of the two together, and no other does."""
        return len([name for name in self.graph.below((one, other)) if name in self.graph.bridges]) == 1

    def _root(self, tables: Sequence[str]) -> Iterator[tuple[str, dict[str, Path], int]]:
        """The table from which all ``tables`` are reached by references, with the ways to each."""
        for root in self.graph.below(tables):
            ways: dict[str, list[Path]] = {}
            for path, name in self.graph.ups(root):
                ways.setdefault(name, []).append(path)
            place: dict[str, Path] = {}
            cost = 0
            for name in tables:
                nearest = min(ways[name], key=lambda p: (len(p), self._roles(p)))
                place[name] = nearest
                cost += self._roles(nearest)
            yield root, place, cost + 2 * (root != tables[0])

    def _listed_query(
        self, table: str, chosen: Sequence[tuple[str, str]], mods: Mods, *, distinct: bool, named: bool = True
    ) -> Iterator[Meant]:
        rank = mods.rank
        if rank is not None and isinstance(rank.by, Field) and chosen and not named and not self._names(table, chosen):
            # "Which region has the highest revenue": of one row, or of all of its rows together?
            column = self.graph.tables[rank.table].column(rank.by.column)
            if column.pieces[-1] in lexicon.ADDITIVE or rank.number > 1 or rank.nth:
                subject, value = chosen[0][1], column.name
                ask = f"{subject} may have several rows with a {value}. Which of them counts?"
                choices = tuple(f"{word} {value}" for word in ("total", "average", "highest single"))
                yield Meant(Query(table, (Field(subject),)), mods.cost, ask, choices)
                return
        negated = any(isinstance(c, Test) and c.filter.operator in ("<>", "not in") for c in mods.where)
        if negated and chosen and not named and not self._names(table, chosen):
            return  # "species that do not live there": in no row, or not in some row?
        if rank is not None and isinstance(rank.by, Measure):
            yield from self._ranked_groups(table, chosen, mods, rank, named)
            return
        if not chosen and rank is None and not mods.where and not mods.sort:
            select: tuple[tuple[str, str], ...] = ()
        else:
            select = tuple(chosen) or self._told_by(table)
        ranked = rank.by if rank is not None and isinstance(rank.by, Field) and not chosen else None
        for root, place, cost in self._root([table, *(name for name, _ in select)]):
            if root != table and rank is not None:
                continue
            fields = tuple(Field(column, place[name]) for name, column in select)
            fields += (ranked,) if ranked is not None and ranked not in fields and fields else ()
            where = tuple(shift(c, place[table]) for c in mods.where)
            sort: list[Sort] = []
            if len(set(sorted_by := [by for by, _ in mods.sort])) < len(sorted_by):
                continue  # "by age, oldest first" is one order
            for by, descending in mods.sort:
                alone = len(chosen) == 1 and len(mods.sort) == 1
                if isinstance(by, Measure) or (by[1].column == MEASURED and not alone):
                    break
                if not by[1].column or by[1].column == MEASURED:  # alphabetically, descending: by what is shown first
                    sort += [Sort(fields[0], descending)] if fields else []
                    continue
                sort.append(Sort(replace(by[1], path=place[table] + by[1].path), descending))
            else:
                if rank is not None and isinstance(rank.by, Field):
                    sort = [Sort(rank.by, rank.descending)]
                query = Query(
                    root, fields, distinct, where, sort=tuple(sort),
                    first=rank.number if rank and rank.nth is None else None,
                    nth=rank.nth if rank else None, limit=mods.limit,
                )  # fmt: skip
                yield Meant(query, mods.cost + cost)

    def _told_by(self, table: str) -> tuple[tuple[str, str], ...]:
        """What names a row for a reader.  In a session with one table only: nothing, for all columns, where that would
        be a mere number."""
        labels = self.labels(table)
        known = self.graph.tables[table]
        number = len(labels) == 1 and known.column(labels[0][1]).kind == "number"
        return () if number and len(self.graph.tables) == 1 else labels

    def _grouped(
        self, table: str, items: Sequence[Item], mods: Mods, fields: Sequence[tuple[str, str]]
    ) -> Iterator[Meant]:
        """Measures over rows of ``table`` (or of the measures' own tables), perhaps by dimensions."""
        measures = [item for item in items if isinstance(item, Measure)]
        of = measures[0].table
        fixed = {c.filter.column for c in mods.where if isinstance(c, Test) and not c.path and _one(c.filter)}
        apart = {f.column for d in mods.dims if d.table == table for f in d.fields if _plain(f)}
        if fixed & apart:
            return  # "municipalities by kind" are not those of the kind "municipality"
        if any(m.table != of for m in measures):
            return
        orders = [by for by, _ in mods.sort if not isinstance(by, Measure)]
        if len(mods.sort) > 1 and any(field.column == MEASURED for _, field in orders):
            return  # the direction belongs to what is said before it
        counted = measures[0].calc.function == "count"
        subject = table
        dims = list(mods.dims)
        tables = [of, *(d.table for d in dims), *(name for name, _ in fields)]
        if subject not in tables and mods.where:
            tables.append(subject)
        if subject != of and not dims:
            ups = {name for _, name in self.graph.ups(subject)}
            if of not in ups and subject not in {name for _, name in self.graph.ups(of)}:
                return
        for root, place, cost in self._root(list(dict.fromkeys(tables))):
            if root != of and not dims and (subject != root or counted):
                continue
            base = place.get(subject)
            if (mods.where and base is None) or any(self._counts_twice(m, place) for m in measures):
                continue
            where = tuple(shift(c, base or ()) for c in mods.where)
            for measure in measures[:1]:
                where += tuple(shift(c, place[of]) for c in measure.where)
            if any(m.where != measures[0].where for m in measures):
                return
            group: list[Field] = []
            shown: list[Field] = []
            for dim in dims:
                for field in dim.fields:
                    group.append(replace(field, path=place[dim.table] + field.path))
                if not dim.fields:
                    mine = [f for f in fields if f[0] == dim.table] or list(self.labels(dim.table))
                    keys = [Field(k, place[dim.table]) for k in self.graph.key(dim.table)]
                    named = [Field(column, place[dim.table]) for _, column in mine]
                    if not keys and not named:
                        return
                    group += [k for k in keys if k not in named] + named
                    shown += named
                else:
                    shown += group[-len(dim.fields) :]
            extra = [Field(column, place[name]) for name, column in fields]
            if dims or all(f.path for f in extra):
                group += [f for f in extra if f not in group]
            calcs = [self._calc(m, place, root) for m in measures]
            select: list[Expression] = []
            if fields:
                select += [f for f in shown if f not in extra and any(d.fields for d in dims)]
                select += extra
            else:
                select += shown
            ordered: list[Expression] = list(dict.fromkeys(select))
            ordered += calcs
            sort: list[Sort] = []
            for by, descending in mods.sort:
                if isinstance(by, Measure):
                    sort.append(Sort(self._calc(by, place, root), descending))
                elif by[1].column == MEASURED:
                    sort.append(Sort(calcs[-1], descending))
                else:
                    name, field = by
                    found = replace(field, path=place.get(name, field.path))
                    if found not in group:
                        return
                    sort.append(Sort(found, descending))
            having = []
            for measure, operator, number in mods.having:
                having.append(Having(self._calc(measure, place, root), operator, number))
            if mods.rank is not None:
                return
            query = Query(root, tuple(ordered), False, where, tuple(dict.fromkeys(group)), tuple(having), tuple(sort))
            yield self._once_or_often(
                Meant(query, mods.cost + cost), (*measures, *(m for m, _, _ in mods.having)), place
            )

    def _ranked_groups(
        self, table: str, chosen: Sequence[tuple[str, str]], mods: Mods, rank: Rank, named: bool
    ) -> Iterator[Meant]:
        """ "The stadium with the most concerts": groups of the rows of the measure's table."""
        measure = rank.by
        if not isinstance(measure, Measure):
            return
        select = tuple(chosen) or self.labels(table)
        if mods.sort or any(name not in {n for _, n in self.graph.ups(table)} for name, _ in select):
            return
        own = measure.table == table
        if own and not chosen:
            return
        # "Which country has the most singers" is about countries, not about the rows that name them.
        by_column = own or (not named and not self._names(table, select))
        for root, place, cost in self._root(list(dict.fromkeys([table, measure.table, *(n for n, _ in select)]))):
            if self._counts_twice(measure, place):
                continue
            shown = [Field(column, place[name]) for name, column in select]
            keys = [] if by_column else [Field(k, place[table]) for k in self.graph.key(table)]
            where = tuple(shift(c, place[table]) for c in mods.where)
            where += tuple(shift(c, place[measure.table]) for c in measure.where)
            if by_column:
                where += tuple(Test(Filter(f.column, "not null"), f.path) for f in shown if self._nullable(root, f))
            calc = self._calc(measure, place, root)
            group = tuple(dict.fromkeys([*keys, *shown]))
            columns: tuple[Expression, ...] = tuple(shown) if named and chosen else (*shown, calc)
            query = Query(
                root, columns, False, where, group, (), (Sort(calc, rank.descending),),
                first=rank.number if rank.nth is None else None, nth=rank.nth,
            )  # fmt: skip
            yield self._once_or_often(Meant(query, mods.cost + cost), (measure,), place)

    def _having(self, table: str, select: Sequence[tuple[str, str]], mods: Mods, *, named: bool) -> Iterator[Meant]:
        """ "Authors with more than one book", "departments with an average salary above 50000"."""
        if mods.rank or any(by for by, _ in mods.sort if isinstance(by, Measure)):
            return
        measured = {m.table for m, _, _ in mods.having}
        if len(measured) > 1:
            return
        own = measured == {table}
        scope = self.graph.tables[table]
        if own and any(name == table and scope.unique(scope.column(column)) is True for name, column in select):
            return  # a row alone is no group
        if own and (named and self._names(table, select)):
            return
        by_column = own or (not named and not self._names(table, select))
        for root, place, cost in self._root(list(dict.fromkeys([table, *measured, *(n for n, _ in select)]))):
            if any(self._counts_twice(m, place) for m, _, _ in mods.having):
                continue
            shown = [Field(column, place[name]) for name, column in select]
            keys = [] if by_column else [Field(k, place[table]) for k in self.graph.key(table)]
            where = tuple(shift(c, place[table]) for c in mods.where)
            if by_column:
                where += tuple(Test(Filter(f.column, "not null"), f.path) for f in shown if self._nullable(root, f))
            having = tuple(
                Having(
                    replace(self._calc(m, place, root), where=tuple(shift(c, place[m.table]) for c in m.where)), op, n
                )
                for m, op, n in mods.having
            )
            if any(_exclude(where, one.calc.where) for one in having):
                continue  # no row of a group could count
            group = tuple(dict.fromkeys([*keys, *shown]))
            query = Query(root, tuple(shown), False, where, group, having)
            yield self._once_or_often(Meant(query, mods.cost + cost), [m for m, _, _ in mods.having], place)

    def _counts_twice(self, measure: Measure, place: dict[str, Path]) -> bool:
        """Whether the root may have several rows for a row of which a measure of the dictionary is taken."""
        steps = place[measure.table] if measure.calc.function == "measure" else ()
        return any(self.graph.repeats(step.edge.source, step.edge.columns) is not False for step in steps)

    def _once_or_often(self, meant: Meant, measures: Sequence[Measure], place: dict[str, Path]) -> Meant:
        """A question back where a row would be added up once for each row that refers to it, as a customer's credit for
        each order; the price of what a line is about is meant so."""
        for measure in measures:
            field, steps = measure.calc.field, place[measure.table]
            if field is None or measure.calc.function not in _ADDING:
                continue
            column = self.graph.tables[measure.table].column(field.column)
            often = any(self.graph.repeats(step.edge.source, step.edge.columns) is not False for step in steps)
            of_line = _OF_A_LINE & {*column.pieces} and measure.table not in self._people()
            if often and not of_line:
                root = meant.query.root
                ask = (
                    f"A row of {measure.table} belongs to several rows of {root}: its {column.name} would count once "
                    f"for each of them. Ask it of the rows of {measure.table} alone, or of what {root} has itself."
                )
                return replace(meant, ask=ask)
        return meant

    def _calc(self, measure: Measure, place: dict[str, Path], root: str) -> Calc:
        field = measure.calc.field
        if field is None and root != measure.table:
            # A doctor's patients are fewer than the appointments that tie them together.
            key = self.graph.key(measure.table)
            if len(key) == 1:
                return replace(measure.calc, function="count distinct", field=Field(key[0], place[measure.table]))
        if field is None:
            return measure.calc
        return replace(measure.calc, field=replace(field, path=place[measure.table] + field.path))

    def _names(self, table: str, select: Sequence[tuple[str, str]]) -> bool:
        """Whether the columns tell the rows of ``table`` apart or are what its rows are called."""
        scope = self.graph.tables[table]
        if any(name == table and scope.unique(scope.column(column)) is True for name, column in select):
            return True
        return set(select) <= set(self.labels(table)) and bool(select)

    def _nullable(self, root: str, field: Field) -> bool:
        table = field.path[-1].end if field.path else root
        return self.graph.tables[table].column(field.column).nulls > 0


def _one(filter_: Filter) -> bool:
    return filter_.operator == "=" and not filter_.part


def _plain(field: Field) -> bool:
    return not (field.path or field.part or field.bucket)


def _exclude(some: Sequence[Condition], others: Sequence[Condition]) -> bool:
    """Whether no row fulfils both: a column of it would have to be two things."""
    fixed = {(t.path, t.filter.column, t.filter.part): t.filter.values for t in some if _fixes(t)}
    keys = [((t.path, t.filter.column, t.filter.part), t.filter.values) for t in others if _fixes(t)]
    return any(fixed.get(key, values) != values for key, values in keys)


def _fixes(condition: Condition) -> TypeGuard[Test]:
    return isinstance(condition, Test) and condition.filter.operator == "="
