"""A plan held against the data's description: every name made exact, everything checked before anything runs.

Pure.  The first mistake raises ``PlanError``: with a stable code, the place in the plan, and what would
have been possible there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from .checks import conditions, expression, expression_kind, measure, measure_kind, wrong_kind
from .graph import comparable, graph_of
from .labels import dimension_label, joined_columns, labels, sources, split
from .measures import with_measures
from .names import Names, matching, table_named
from .plan import Combination, Derived, Dimension, Join, Measure, Measured, Order, Plan, Window, columns_of
from .schema import Column, Kind, Table
from .shapes import close, problem
from .shapes import join as at

_TYPES: Final[dict[Kind, str]] = {
    "number": "DOUBLE", "text": "VARCHAR", "boolean": "BOOLEAN", "date": "TIMESTAMP", "other": "BLOB",
}  # fmt: skip
_ADDED_UP: Final = ("sum", "mean", "median", "quantile", "stddev", "stddev population", "correlation")


def resolve(plan: Plan, tables: Sequence[Table]) -> Plan:
    """``plan`` with exact names and typed values, as ``compile_plan`` takes it.

    ``tables`` are those that may be used, with what their dictionaries say.  Raises ``PlanError``.  A plan
    that is resolved already comes back as it is.
    """
    return _Resolver(tuple(tables)).plan(plan, "")[0]


class _Resolver:
    def __init__(self, tables: tuple[Table, ...]) -> None:
        self._tables = tables

    def plan(self, plan: Plan, path: str) -> tuple[Plan, Table]:
        """The plan, and its result as a table for an outer plan."""
        plan, names = self._origin(plan, path)
        plan = with_measures(plan, names, path, self._repeated(plan, names))
        derived = []
        for place, one in enumerate(plan.derived):
            where = at(path, f"derive[{place}]")
            taken = [c.name for _, table in names.sources for c in table.columns] + [c.name for c in names.derived]
            if one.name.casefold() in map(str.casefold, taken):
                raise problem("plan_name_taken", f"{where}.name", f"There is a column {one.name[:80]!r} already.")
            kind = expression_kind(one.expression, names, f"{where}.expression")
            derived.append(Derived(one.name, expression(one.expression, names, f"{where}.expression")))
            names = names.with_derived(Column(one.name, _TYPES[kind]))
        plan = replace(plan, derived=tuple(derived), filters=conditions(plan.filters, names, at(path, "where")))
        plan = self._groups(plan, names, path) if plan.grouped else self._rows(plan, names, path)
        _check_places(plan, path)
        plan = self._sets(plan, path)
        return plan, Table(sources(plan)[0], 0, _output(plan, names))

    # --- sources ----------------------------------------------------------------------------------

    def _origin(self, plan: Plan, path: str) -> tuple[Plan, Names]:
        if plan.source is not None:
            inner, table = self.plan(plan.source, at(path, "from"))
            if inner.pivot:
                message = "The columns of a pivot are not known before it runs."
                raise problem("plan_shape", at(path, "from.pivot"), message, "Pivot in the outer plan.")
            plan = replace(plan, source=inner)
        else:
            table = table_named(plan.table, self._tables, at(path, "from"))
            plan = replace(plan, table=table.name)
        names = Names(((sources(plan)[0], table),), bool(plan.joins), inner=self.plan)
        joins = []
        for place, one in enumerate(plan.joins):
            made, names = self._join(one, names, at(path, f"joins[{place}]"))
            joins.append(made)
        return replace(plan, joins=tuple(joins)), names

    def _join(self, one: Join, names: Names, path: str) -> tuple[Join, Names]:
        table = table_named(one.table, self._tables, f"{path}.table")
        one = replace(one, table=table.name)
        if one.source.casefold() in (source.casefold() for source, _ in names.sources):
            hint = "Give this one another name with the entry 'as'."
            raise problem("plan_name_taken", path, f"{one.source!r} is there already.", hint)
        own = Names(((one.source, table),), qualified=True)
        pairs = []
        for place, (left, right) in enumerate(one.on or self._key(one, table, names, path)):
            left_name, left_column = names.find(left, f"{path}.on[{place}].left")
            _, right_column = own.find(right, f"{path}.on[{place}].right")
            if not comparable(left_column, right_column):
                message = f"{left!r} ({left_column.type}) and {right!r} ({right_column.type}) cannot be equal."
                raise problem("plan_column_type", f"{path}.on[{place}]", message, "Join columns of the same type.")
            pairs.append((left_name, right_column.name))
        one = replace(one, on=tuple(pairs), filters=conditions(one.filters, own, f"{path}.where"))
        if one.kind in ("semi", "anti"):
            return one, names
        equal = {f"{one.source}.{right}": left for left, right in pairs}
        return one, replace(names, sources=(*names.sources, (one.source, table)), equal={**names.equal, **equal})

    def _key(self, one: Join, table: Table, names: Names, path: str) -> tuple[tuple[str, str], ...]:
        """The one key between this table and those before it."""
        found = [
            tuple((f"{source}.{left}", right) for left, right in pairs)
            for source, other in names.sources
            for pairs in self._ways(other, table)
        ]
        lefts = [{left for left, _ in pairs} for pairs in found]
        equals = [{names.equal.get(left, left) for left in one} for one in lefts]
        # What an earlier join has made equal is one way, not two.
        found = [
            way for way, own, other in zip(found, lefts, equals, strict=True) if own == other or other not in lefts
        ]
        said = [" and ".join(f"{left} = {one.source}.{right}" for left, right in pairs) for pairs in found]
        if not found:
            hint = "Say which columns with the entry 'on'."
            raise problem("plan_no_key", path, f"No columns are known by which {one.table!r} could be joined.", hint)
        if len(found) > 1:
            hint = f"Say which with the entry 'on': {'; '.join(said[:10])}."
            raise problem("plan_ambiguous", path, f"{one.table!r} could be joined by several columns.", hint, said)
        return found[0]

    def _ways(self, one: Table, other: Table) -> tuple[tuple[tuple[str, str], ...], ...]:
        """How the tables can be joined; ``one`` may be the result of an inner plan."""
        if any(one is table for table in self._tables):
            return graph_of(self._tables).joins(one.name, other.name)
        result = replace(one, name=f"{one.name} (result)")
        return graph_of((*self._tables, result)).joins(result.name, other.name)

    # --- shapes -----------------------------------------------------------------------------------

    def _rows(self, plan: Plan, names: Names, path: str) -> Plan:
        if plan.pivot:
            raise problem("plan_shape", at(path, "pivot"), "Only groups can be pivoted.", "Add group_by and measures.")
        select = tuple(names.find(one, at(path, f"select[{n}]"))[0] for n, one in enumerate(plan.select))
        if plan.sets:
            return replace(plan, select=select)
        orders = []
        for place, order in enumerate(_orders(plan)):
            name = names.find(order.column, at(path, f"order[{place}].by"))[0]
            if plan.distinct and select and name not in select:
                hint = "Add the column to select, or leave distinct out."
                message = "Rows that are shown once can only be sorted by a column that is shown."
                raise problem("plan_shape", at(path, f"order[{place}].by"), message, hint)
            orders.append(replace(order, column=name))
        within = tuple(names.find(one, at(path, f"within[{n}]"))[0] for n, one in enumerate(plan.within))
        return _with_orders(replace(plan, select=select, within=within), orders)

    def _groups(self, plan: Plan, names: Names, path: str) -> Plan:
        for entry, given in (("select", plan.select), ("distinct", plan.distinct)):
            if given:
                message = f"A plan with groups or measures has no {entry}."
                raise problem("plan_shape", at(path, entry), message, "Use group_by for what is to be shown.")
        said = {dimension_label(one): one for one in plan.dimensions}
        dimensions = tuple(
            _dimension(one, names, at(path, f"group_by[{place}]")) for place, one in enumerate(plan.dimensions)
        )
        plan = replace(plan, dimensions=dimensions)
        groups = _GroupNames(dict(zip(said, dimensions, strict=False)), dimensions)
        measures = tuple(
            self._measure(one, names, groups, at(path, f"measures[{n}]")) for n, one in enumerate(plan.measures)
        )
        _check_names(dimensions, measures, path)
        for place, one in enumerate(measures):
            self._check_repeats(one, plan, names, at(path, f"measures[{place}]"))
        having = conditions(plan.having, names, at(path, "having"), groups=True)
        plan = replace(plan, measures=measures, having=having)
        if plan.sets:
            return plan
        orders = []
        for place, order in enumerate(_orders(plan)):
            where = at(path, f"order[{place}].by")
            if order.measure is None:
                order = replace(order, column=groups.find(order.column, where, labels(replace(plan, pivot=""))))
                weekdays = [dimension_label(d) for d in dimensions if d.part == "weekday"]
                if order.column in weekdays and (plan.first or plan.place):
                    raise problem("plan_shape", where, "Weekdays go round: none of them is the first.")
            elif not 0 <= order.measure < len(measures):
                raise problem("plan_range", where, f"There is no measure number {order.measure}.")
            orders.append(order)
        within = tuple(groups.find(one, at(path, f"within[{n}]")) for n, one in enumerate(plan.within))
        pivot = groups.find(plan.pivot, at(path, "pivot")) if plan.pivot else ""
        if pivot and not measures:
            raise problem("plan_shape", at(path, "pivot"), "A pivot needs a measure to show.", "Add measures.")
        if pivot and (orders or plan.limit):
            entry = "order" if orders else "limit"
            raise problem("plan_shape", at(path, entry), f"A pivot has no {entry}; it is sorted by its groups.")
        return _with_orders(replace(plan, within=within, pivot=pivot), orders)

    def _measure(self, one: Measured, names: Names, groups: _GroupNames, path: str) -> Measured:
        if not isinstance(one, Window):
            return measure(one, names, path)
        if not groups.dimensions:
            raise problem("plan_shape", path, f"A {one.function} needs groups.", "Add group_by.")
        inner = measure(one.measure, names, f"{path}.of")
        if measure_kind(inner, names) != "number":
            raise problem("plan_column_type", f"{path}.of", f"A {one.function} needs a measure that is a number.")
        timed = one.function in ("running total", "change", "growth")
        for entry, given in (("within", timed and one.within), ("along", not timed and one.along)):
            if given:
                raise problem("plan_shape", f"{path}.{entry}", f"A {one.function} has no {entry}.", "Leave it out.")
        along = groups.find(one.along, f"{path}.along") if one.along else ""
        within = tuple(groups.find(name, f"{path}.within[{n}]") for n, name in enumerate(one.within))
        if timed:
            axis = next((d for d in groups.dimensions if dimension_label(d) == along), groups.dimensions[0])
            if names.column(axis.column).kind not in ("date", "number"):
                column = names.column(axis.column)
                raise wrong_kind(column, "date", f"{path}.along", f"A {one.function} goes along time or numbers")
            if axis.part == "weekday" and one.function != "running total":
                raise problem("plan_shape", f"{path}.along", "Weekdays go round: there is no previous period.")
        return replace(one, measure=inner, along=along, within=within)

    def _repeated(self, plan: Plan, names: Names) -> frozenset[str]:
        """The sources of which the joins are known to show a row several times."""
        found: set[str] = set()
        tables, before = dict(names.sources), [names.sources[0][0]]
        for made in joined_columns(plan.joins):
            graph = graph_of(self._tables)
            known = [(split(left, list(tables)), right) for left, right in made.on]
            sides = {source for (source, _), _ in known}
            lefts = [column for (_, column), _ in known]
            if graph.repeats(tables[made.source].name, [right for _, right in known]):
                found |= set(before)
            for side in sides:
                known_left = any(tables[side] is table for table in self._tables)
                if side in found or (known_left and graph.repeats(tables[side].name, lefts)):
                    found.add(made.source)
            before.append(made.source)
        return frozenset(found)

    def _check_repeats(self, one: Measured, plan: Plan, names: Names, path: str) -> None:
        """A join by which a row has several partners repeats it: its numbers would be added up several times."""
        if not plan.joins:
            return
        inner = one.measure if isinstance(one, Window) else one
        tables, graph = dict(names.sources), graph_of(self._tables)
        for basic in (inner.left, inner.right) if isinstance(inner, Combination) else (inner,):
            if basic.function not in _ADDED_UP:
                continue
            added = [column for name in filter(None, (basic.column, basic.other)) for column in _of_rows(name, plan)]
            before = [names.sources[0][0]]
            for made in joined_columns(plan.joins):
                repeated = graph.repeats(tables[made.source].name, [right for _, right in made.on])
                earlier, before = before, [*before, made.source]
                for column in added if repeated else ():
                    if split(column, list(tables))[0] in earlier:
                        message = (
                            f"The join with {made.table!r} repeats rows, and {column!r} would count several times."
                        )
                        hint = f"Start from {made.table!r}, or group it first in an inner plan and join that."
                        raise problem("plan_repeats_rows", path, message, hint)

    def _sets(self, plan: Plan, path: str) -> Plan:
        if not plan.sets:
            return plan
        for entry, given in (("first", plan.first), ("place", plan.place), ("pivot", plan.pivot)):
            if given:
                hint = "Put this plan into `from` of an outer one, and do it there."
                raise problem("plan_shape", at(path, entry), f"A plan with sets has no {entry}.", hint)
        names = labels(plan) or self._all_columns(plan)
        made = []
        for place, one in enumerate(plan.sets):
            where = at(path, f"sets[{place}].plan")
            inner, table = self.plan(one.plan, where)
            if inner.pivot or len(table.columns) != len(names):
                message = f"Both sides must have the same columns: here {len(table.columns)}, before {len(names)}."
                raise problem("plan_shape", where, message, "Use select or group_by to choose them.")
            made.append(replace(one, plan=inner))
        orders = []
        for place, order in enumerate(_orders(plan)):
            known = [(name, name) for name in names]
            said = names[len(plan.dimensions) + order.measure] if order.measure is not None else order.column
            found = matching(said, known)
            if len(found) != 1:
                message = f"There is no column {said[:80]!r} in the result."
                raise problem("plan_unknown_column", at(path, f"order[{place}].by"), message, valid=names)
            orders.append(Order(order.descending, column=found[0]))
        return _with_orders(replace(plan, sets=tuple(made)), orders)

    def _all_columns(self, plan: Plan) -> tuple[str, ...]:
        table = self._origin(replace(plan, joins=()), "")[1].sources[0][1]
        return (*(column.name for column in table.columns), *(one.name for one in plan.derived))


class _GroupNames:
    """What the groups of a plan may be called: as the plan said, or as they are called now."""

    def __init__(self, said: dict[str, Dimension], dimensions: tuple[Dimension, ...]) -> None:
        self.dimensions = dimensions
        self._things = [
            *((label, dimension_label(d)) for label, d in said.items()),
            *((dimension_label(d), dimension_label(d)) for d in dimensions),
            *((d.column, dimension_label(d)) for d in dimensions),
            *((d.column.rpartition(".")[2], dimension_label(d)) for d in dimensions),
        ]

    def find(self, said: str, path: str, known: Sequence[str] = ()) -> str:
        """The label of the dimension.  Raises ``PlanError``."""
        found = list(dict.fromkeys(matching(said, self._things)))
        if len(found) == 1:
            return found[0]
        names = list(known) or [dimension_label(d) for d in self.dimensions]
        near = close(said, names) or names
        code, what = ("plan_ambiguous", "more than one group") if found else ("plan_unknown_group", "no group")
        raise problem(code, path, f"{said[:80]!r} is {what} of this plan.", valid=found or near)


def _dimension(one: Dimension, names: Names, path: str) -> Dimension:
    name, column = names.find(one.column, f"{path}.column")
    if one.part and one.bucket:
        hint = "part lets the years fall together, bucket keeps them apart."
        raise problem("plan_shape", path, "There are both part and bucket here.", hint)
    for entry, value in (("part", one.part), ("bucket", one.bucket)):
        if value and column.kind != "date":
            raise wrong_kind(column, "date", f"{path}.{entry}", f"A {value} can only be taken of a date")
        if value == "hour" and column.type.upper() == "DATE":
            raise problem("plan_column_type", f"{path}.{entry}", f"{column.name!r} has days, and no hours.")
    return replace(one, column=name)


def _check_names(dimensions: Sequence[Dimension], measures: Sequence[Measured], path: str) -> None:
    """Groups, and what was given a name, must be told apart in the result."""
    taken: set[str] = set()
    places = [(f"group_by[{n}]", dimension_label(one)) for n, one in enumerate(dimensions)]
    places += [(f"measures[{n}].name", one.name) for n, one in enumerate(measures) if one.name]
    for place, name in places:
        if name.casefold() in taken:
            hint = "Give one of them another name, or leave one out."
            raise problem("plan_name_taken", at(path, place), f"The result has a column {name[:80]!r} already.", hint)
        taken.add(name.casefold())


def _check_places(plan: Plan, path: str) -> None:
    for entry, given in (("first", plan.first), ("place", plan.place)):
        if given is not None and plan.order is None:
            raise problem("plan_shape", at(path, entry), f"What is {entry} is decided by an order.", "Add order.")
        if given is not None and plan.limit is not None:
            raise problem("plan_shape", at(path, "limit"), f"There are both {entry} and limit.", "Keep one.")
    if plan.first is not None and plan.place is not None:
        raise problem("plan_shape", at(path, "place"), "There are both first and place.", "Keep one.")
    if plan.within and plan.first is None and plan.place is None:
        raise problem(
            "plan_shape", at(path, "within"), "within belongs to first or place.", "Add one, or leave it out."
        )


def _of_rows(name: str, plan: Plan) -> Iterator[str]:
    """The columns of tables that a column is, or is made of."""
    derived = next((one for one in plan.derived if one.name == name), None)
    if derived is None:
        yield name
    else:
        for inner in columns_of(derived.expression):
            yield from _of_rows(inner, plan)


def _orders(plan: Plan) -> tuple[Order, ...]:
    return (*((plan.order,) if plan.order else ()), *plan.then)


def _with_orders(plan: Plan, orders: Sequence[Order]) -> Plan:
    return replace(plan, order=orders[0] if orders else None, then=tuple(orders[1:]))


def _output(plan: Plan, names: Names) -> tuple[Column, ...]:
    """The columns of the result, as far as they are known."""
    found = labels(plan)
    if plan.pivot:
        return ()
    if plan.grouped:
        kinds = [_dimension_column(one, names) for one in plan.dimensions]
        for one in plan.measures:
            inner: Measure | Combination = one.measure if isinstance(one, Window) else one
            kinds.append("DOUBLE" if isinstance(one, Window) else _TYPES[measure_kind(inner, names)])
        return tuple(Column(name, kind) for name, kind in zip(found, kinds, strict=True))
    if plan.select:
        return tuple(Column(label, names.column(name).type) for label, name in zip(found, plan.select, strict=True))
    return (*names.sources[0][1].columns, *names.derived)


def _dimension_column(one: Dimension, names: Names) -> str:
    if one.bucket:
        return "TIMESTAMP" if one.bucket == "hour" else "DATE"
    if one.part:
        return {"date": "DATE", "weekday": "VARCHAR"}.get(one.part, "BIGINT")
    return names.column(one.column).type
